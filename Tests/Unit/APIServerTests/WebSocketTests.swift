import DockerAPI
import Foundation
import Glibc
import LinuxKernel
import Testing

@testable import APIServer

@Suite("WebSockets", .timeLimit(.minutes(10)))
struct WebSocketTests {
    /// A client's frame.
    private static func frame(_ opcode: UInt8, _ payload: some Collection<UInt8>, final: Bool = true, masked: Bool = true) -> [UInt8] {
        let mask: [UInt8] = [0x11, 0x22, 0x33, 0x44]
        var frame = [UInt8((final ? 0x80 : 0) | opcode)]
        let bit: UInt8 = masked ? 0x80 : 0
        switch payload.count {
        case ...125: frame.append(bit | UInt8(payload.count))
        case ...0xFFFF: frame += [bit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: frame += [bit | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        if masked { frame += mask }
        return frame + payload.enumerated().map { masked ? $1 ^ mask[$0 & 3] : $1 }
    }

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    // MARK: Frames

    @Test func theExampleOfTheRFC() throws {
        var head = RequestHead(method: "GET", target: "/")
        head.wantsUpgrade = true
        head.headers = [
            ("upgrade", "websocket"), ("sec-websocket-version", "13"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
        #expect(WebSocketHandshake(head)?.accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        for (index, bad) in [(0, "tcp"), (1, "8"), (2, "short"), (2, "dGhlIHNhbXBsZSBub25jZQ!="), (2, "")] {
            var other = head
            other.headers[index].value = bad
            #expect(WebSocketHandshake(other) == nil, "\(bad)")
        }
        head.wantsUpgrade = false
        #expect(WebSocketHandshake(head) == nil)
    }

    @Test(arguments: [0, 1, 125, 126, 65_535, 65_536, 200_000])
    func framesOfEveryLength(count: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var decoder = WebSocketDecoder()
        #expect(decoder.decode(Self.frame(2, payload)[...]) == .init(payload: payload))
        let sent = WebSocketFrame.encode(.binary, payload)
        #expect(sent.suffix(count).elementsEqual(payload))
        #expect(sent.count == count + (count < 126 ? 2 : count < 65_536 ? 4 : 10))
    }

    @Test func framesMayBeCutAnywhere() {
        let bytes =
            Self.frame(1, Self.text("he"), final: false) + Self.frame(9, Self.text("!")) + Self.frame(0, Self.text("llo"))
            + Self.frame(10, []) + Self.frame(2, (0..<300).map { UInt8(truncatingIfNeeded: $0) }) + Self.frame(8, [3, 0xE8])
        var whole = WebSocketDecoder()
        let expected = whole.decode(bytes[...])
        #expect(expected.payload.prefix(5).elementsEqual(Self.text("hello")))
        #expect(expected.payload.count == 305)
        #expect(expected.replies == [0x8A, 1, UInt8(ascii: "!")])
        #expect(expected.closes == .normal)
        for cut in 1..<bytes.count {
            var decoder = WebSocketDecoder()
            let first = decoder.decode(bytes[..<cut])
            #expect(first.closes == nil)
            let second = decoder.decode(bytes[cut...])
            #expect(first.payload + second.payload == expected.payload)
            #expect(first.replies + second.replies == expected.replies)
            #expect(second.closes == .normal)
        }
    }

    @Test(
        arguments: [
            frame(2, text("x"), masked: false), [0xC2, 0x80], [0x83, 0x80], frame(0, text("x")),
            frame(1, text("a"), final: false) + frame(1, text("b")), frame(9, text("x"), final: false),
            [0x89, 0xFE, 0, 126], [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
        ] as [[UInt8]])
    func whatNoClientMaySendEndsIt(bytes: [UInt8]) {
        var decoder = WebSocketDecoder()
        #expect(decoder.decode(bytes[...]).closes == .protocolError)
    }

    @Test func outputsAreJoined() throws {
        var encoder = WebSocketEncoder(opcode: .binary, isTerminal: false)
        let stream = StreamFrame.frame(.stdout, Self.text("out")) + StreamFrame.frame(.stderr, Self.text("err"))
        #expect(try encoder.encode(stream) == [0x82, 6] + Self.text("outerr"))
        // A header alone is no frame.
        #expect(try encoder.encode(StreamFrame.header(.stdout, length: 2)) == [])
        #expect(try encoder.encode(Self.text("ab")) == [0x82, 2] + Self.text("ab"))
        #expect(throws: StreamDemultiplexer.Failure.self) { try encoder.encode([UInt8](repeating: 7, count: 8)) }
        var raw = WebSocketEncoder(opcode: .text, isTerminal: true)
        #expect(try raw.encode(Self.text("x")) == [0x81, 1, UInt8(ascii: "x")])
    }

    // MARK: On a connection

    private static func request(_ version: String = "v1.50", key: String = "dGhlIHNhbXBsZSBub25jZQ==") -> String {
        "GET /\(version)/containers/web/attach/ws?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: docker\r\n"
            + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(key)\r\n\r\n"
    }

    /// Sends input back as output until it ends, and says `bye` then.
    private static let echo: FakeBackend.Process = { socket in
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while let count = try? retrying("read", "", { read(socket, &buffer, buffer.count) }), count > 0 {
            guard (try? writeAll(socket, StreamFrame.frame(.stdout, buffer[..<count]))) != nil else { return }
            if buffer[0] == UInt8(ascii: "q") { break }
        }
        try? writeAll(socket, StreamFrame.frame(.stderr, Array("bye".utf8)))
    }

    /// The payload of the server's next frame.
    private static func receive(_ client: RawClient) throws -> (opcode: UInt8, payload: [UInt8]) {
        let head = try client.receive(2)
        var count = Int(head[1])
        if count == 126 { count = try client.receive(2).reduce(0) { $0 << 8 | Int($1) } }
        if count == 127 { count = try client.receive(8).reduce(0) { $0 << 8 | Int($1) } }
        return (head[0], try client.receive(count))
    }

    @Test func aConversation() async throws {
        try await withServer(FakeBackend(process: Self.echo)) { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send(Array(Self.request().utf8) + Self.frame(1, Self.text("early")))
                let head = try client.head()
                #expect(head.status == 101)
                #expect(head.headers["upgrade"] == "websocket")
                #expect(head.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
                #expect(try RawClient(path).request("POST", "/containers/web/start").status == 204)
                var answer = try Self.receive(client)
                #expect(answer.opcode == 0x82 && answer.payload == Self.text("early"))
                try client.send(Self.frame(9, Self.text("are you there")))
                answer = try Self.receive(client)
                #expect(answer.opcode == 0x8A && answer.payload == Self.text("are you there"))
                // The process ends: its last words, then the close frame, then the end.
                try client.send(Self.frame(2, Self.text("q")))
                var last: [UInt8] = []
                repeat {
                    answer = try Self.receive(client)
                    if answer.opcode == 0x82 { last += answer.payload }
                } while answer.opcode == 0x82
                #expect(last == Self.text("qbye"))
                #expect(answer.opcode == 0x88 && answer.payload == [0x03, 0xE8])
                #expect(try client.receiveToEnd() == [])
            }
        }
    }

    @Test(arguments: [(frame(8, [0x03, 0xE8]), 1000), ([0xC2, 0x80], 1002)] as [([UInt8], UInt16)])
    func theClientsEndIsTheEndOfTheInput(bytes: [UInt8], status: UInt16) async throws {
        try await withServer(FakeBackend(process: Self.echo)) { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send(Self.request("v1.27"))
                #expect(try client.head().status == 101)
                #expect(try RawClient(path).request("POST", "/containers/web/start").status == 204)
                try client.send(Self.frame(2, Self.text("x")))
                #expect(try Self.receive(client).opcode == 0x81, "text for old clients")
                try client.send(bytes)
                var answer = try Self.receive(client)
                if answer.opcode == 0x81 { answer = try Self.receive(client) }
                #expect(answer.opcode == 0x88)
                #expect(answer.payload == [UInt8(status >> 8), UInt8(status & 0xFF)])
                #expect(try client.receiveToEnd() == [])
            }
        }
    }

    @Test func whatIsNoWebSocketIsRefused() async throws {
        try await withServer { path in
            try await onThread {
                let client = try RawClient(path)
                let plain = try client.request("GET", "/containers/web/attach/ws?stream=1")
                #expect(plain.status == 400)
                #expect(try plain.message.contains("WebSocket"))
                let other = try RawClient(path)
                try other.send(Self.request(key: "short"))
                #expect(try other.head().status == 400)
            }
        }
    }
}
