import APIServer
import DockerAPI
import Errors
import Foundation
import Glibc
import LinuxKernel
import Testing

@Suite("Hijacked connections", .timeLimit(.minutes(10)))
struct HijackTests {
    private static let attach =
        "POST /v1.50/containers/web/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: docker\r\n"
    private static let upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n"

    /// Sends everything back as standard output, and says `bye` at the end of the input.
    private static let echo: FakeBackend.Process = { socket in
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while let count = try? retrying("read", "", { read(socket, &buffer, buffer.count) }), count > 0 {
            guard (try? writeAll(socket, StreamFrame.frame(.stdout, buffer[..<count]))) != nil else { return }
        }
        try? writeAll(socket, StreamFrame.frame(.stderr, Array("bye".utf8)))
    }

    /// The two streams of a multiplexed stream.
    private static func streams(_ bytes: [UInt8]) throws -> (out: [UInt8], error: [UInt8]) {
        var demultiplexer = StreamDemultiplexer()
        var out: [UInt8] = []
        var error: [UInt8] = []
        try bytes.withUnsafeBytes {
            try demultiplexer.consume($0) { stream, bytes in
                if stream == .stdout { out += bytes } else { error += bytes }
            }
        }
        return (out, error)
    }

    @Test(arguments: [true, false])
    func bytesBehindTheRequestAreTheProcessesInput(asksForUpgrade: Bool) async throws {
        let backend = FakeBackend(process: Self.echo)
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                // In one piece with the request: what reads on as HTTP fails here.
                try client.send(Self.attach + (asksForUpgrade ? Self.upgrade : "") + "\r\nGET / early\r\n\r\n")
                let head = try client.head()
                #expect(head.status == (asksForUpgrade ? 101 : 200))
                #expect(head.headers["content-type"] == "application/vnd.docker.multiplexed-stream")
                #expect(head.headers["upgrade"] == (asksForUpgrade ? "tcp" : nil))
                #expect(head.headers["transfer-encoding"] == nil)
                #expect(head.headers["content-length"] == nil)
                #expect(try RawClient(path).request("POST", "/containers/web/start").status == 204)
                try client.send("more")
                client.endSending()
                let streams = try Self.streams(client.receiveToEnd())
                #expect(String(decoding: streams.out, as: UTF8.self) == "GET / early\r\n\r\nmore")
                #expect(String(decoding: streams.error, as: UTF8.self) == "bye")
            }
        }
        #expect(backend.calls.withLock { $0 } == ["attach web stdin=true", "start web"])
    }

    @Test func clientsBefore142GetTheRawStreamsName() async throws {
        let backend = FakeBackend(process: Self.echo)
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send(Self.attach.replacingOccurrences(of: "v1.50", with: "v1.41") + Self.upgrade + "\r\n")
                #expect(try client.head().headers["content-type"] == "application/vnd.docker.raw-stream")
            }
        }
    }

    @Test func muchDataFlowsBothWays() async throws {
        let backend = FakeBackend(process: Self.echo)
        let sent = (0..<8_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) }
        let received = try await withServer(backend) { path in
            let client = try await onThread {
                let client = try RawClient(path)
                try client.send(Self.attach + Self.upgrade + "\r\n")
                #expect(try client.head().status == 101)
                return client
            }
            _ = try await onThread { try RawClient(path).request("POST", "/containers/web/start") }
            // The echo holds us back until we read: both at once.
            async let writing: Void = onThread {
                try client.send(sent)
                client.endSending()
            }
            let received = try await onThread { try client.receiveToEnd() }
            try await writing
            return received
        }
        #expect(try Self.streams(received).out == sent)
    }

    @Test func aProcessThatReadsNothingHoldsTheClientBack() async throws {
        let ends = DispatchSemaphore(value: 0)
        let backend = FakeBackend(process: { _ in ends.wait() })
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send(Self.attach + Self.upgrade + "\r\n")
                #expect(try client.head().status == 101)
                _ = try RawClient(path).request("POST", "/containers/web/start")
                let sent = Counter()
                // More than all buffers on the way together.
                Thread.detachNewThread {
                    while (try? client.send([UInt8](repeating: 1, count: 100_000))) != nil, sent.value < 1_000 { sent.add() }
                }
                defer { ends.signal() }
                var count: Int
                repeat {
                    count = sent.value
                    Thread.sleep(forTimeInterval: 0.5)
                } while sent.value > count
                #expect(count < 40)
                ends.signal()
                #expect(try client.receiveToEnd().isEmpty)
            }
        }
    }

    @Test func theEndOfTheProcessIsTheEndAndNoReset() async throws {
        // The client's input is never read: closing on it would look like a reset.
        let backend = FakeBackend(process: { try? writeAll($0, StreamFrame.frame(.stdout, Array("done".utf8))) })
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send(Self.attach + Self.upgrade + "\r\n" + String(repeating: "x", count: 100_000))
                #expect(try client.head().status == 101)
                _ = try RawClient(path).request("POST", "/containers/web/start")
                #expect(try Self.streams(client.receiveToEnd()).out == Array("done".utf8))
            }
        }
    }

    @Test func aClientThatVanishesClosesTheProcesssSocket() async throws {
        let closed = Event<Void>()
        let backend = FakeBackend(process: { socket in
            var byte: UInt8 = 0
            if read(socket, &byte, 1) == 0 { closed.set(()) }
        })
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send(Self.attach + Self.upgrade + "\r\n")
                #expect(try client.head().status == 101)
                _ = try RawClient(path).request("POST", "/containers/web/start")
            }
            try await closed.wait()
        }
    }

    @Test func detachKeysEndTheConnectionOfATerminal() async throws {
        let input = Event<[UInt8]>()
        let backend = FakeBackend(isTerminal: true) { socket in
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 100)
            while true {
                let count = read(socket, &buffer, buffer.count)
                if count <= 0 { break }
                bytes += buffer[..<count]
            }
            input.set(bytes)
        }
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send(Self.attach.replacingOccurrences(of: "?", with: "?detachKeys=ctrl-x,y&") + Self.upgrade + "\r\n")
                #expect(try client.head().headers["content-type"] == "application/vnd.docker.raw-stream")
                _ = try RawClient(path).request("POST", "/containers/web/start")
                try client.send("ab\u{18}c\u{10}\u{11}\u{18}\u{18}")
                try client.send("y after")
                #expect(try client.receiveToEnd().isEmpty)
            }
            let received = try await input.wait()
            #expect(received == Array("ab\u{18}c\u{10}\u{11}\u{18}".utf8))
        }
    }

    @Test func attachWithLogsAloneGivesTheLogsAndEnds() async throws {
        try await withServer { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send("POST /containers/web/attach?logs=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: d\r\n\(Self.upgrade)\r\n")
                #expect(try client.head().status == 101)
                let streams = try Self.streams(client.receiveToEnd())
                #expect(streams.out == Array("hello\n".utf8))
                #expect(streams.error == Array("oops\n".utf8))
            }
        }
    }

    @Test func failuresBeforeTheHijackAreOrdinaryAnswers() async throws {
        try await withServer { path in
            try await onThread {
                let client = try RawClient(path)
                let target = "/containers/nothere/attach?stream=1"
                let missing = try client.request("POST", target, headers: ["Connection: Upgrade", "Upgrade: tcp"])
                #expect(missing.status == 404)
                #expect(try missing.message == "No such container: nothere")
                #expect(try client.request("POST", "/containers/web/attach?stream=1&detachKeys=ctrl-1").status == 400)
            }
        }
    }

    @Test func execRunsWithItsInputBehindTheBody() async throws {
        let backend = FakeBackend(process: Self.echo)
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                let created = try client.request("POST", "/containers/web/exec", json: #"{"Cmd":["cat"],"AttachStdin":true}"#)
                #expect(created.status == 201)
                #expect(created.text == "{\"Id\":\"e1\"}\n")
                #expect(try client.request("POST", "/containers/web/exec", json: #"{"Cmd":[]}"#).status == 400)
                let body = #"{"Detach":false,"Tty":false}"#
                try client.send(
                    "POST /exec/e1/start HTTP/1.1\r\nHost: d\r\n\(Self.upgrade)Content-Type: application/json\r\n"
                        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)input")
                #expect(try client.head().status == 101)
                client.endSending()
                #expect(try Self.streams(client.receiveToEnd()).out == Array("input".utf8))
                let detached = try RawClient(path).request("POST", "/exec/e1/start", json: #"{"Detach":true}"#)
                #expect(detached.status == 200)
            }
        }
    }

    @Test func execOfNothingSaysSoOnTheStream() async throws {
        try await withServer { path in
            try await onThread {
                let client = try RawClient(path)
                let answer = try client.request("POST", "/exec/e127/start", json: "{}", headers: ["Connection: Upgrade", "Upgrade: tcp"])
                #expect(answer.status == 101)
                #expect(try Self.streams(answer.body).error == Array("exec nothere: no such file or directory\r\n".utf8))
                #expect(try RawClient(path).request("GET", "/exec/e127/json").text.contains(#""ExitCode":127"#))
            }
        }
    }

    /// docker-py loses what comes in one piece with the head.
    @Test func nothingComesTogetherWithTheHead() async throws {
        try await withServer { path in
            try await onThread {
                var counted = 0
                for _ in 0..<2_000 where counted < 20 {
                    let client = try RawClient(path)
                    let begun = ContinuousClock.now
                    try client.send(
                        "POST /exec/e127/start HTTP/1.1\r\nHost: d\r\n\(Self.upgrade)Content-Type: application/json\r\n"
                            + "Content-Length: 2\r\n\r\n{}")
                    Thread.sleep(forTimeInterval: 0.005)
                    let first = try client.receiveOnce()
                    // The server waits for a second, and not for a client that a busy machine kept from reading.
                    if ContinuousClock.now - begun > .milliseconds(800) { continue }
                    counted += 1
                    #expect(first.starts(with: Array("HTTP/1.1 101 ".utf8)))
                    #expect(first.suffix(4) == Array("\r\n\r\n".utf8)[...])
                    #expect(try Self.streams(client.receiveToEnd()).error == Array("exec nothere: no such file or directory\r\n".utf8))
                }
                #expect(counted == 20)
            }
        }
    }

    /// The process has ended, and its socket is closed, before the connection is joined to it.
    @Test func outputOfAProcessThatEndsAtOnceIsNotLost() async throws {
        let backend = FakeBackend(process: { try? writeAll($0, StreamFrame.frame(.stdout, [UInt8](repeating: 1, count: 100_000))) })
        try await withServer(backend) { path in
            try await onThread {
                for _ in 0..<20 {
                    let client = try RawClient(path)
                    try client.send(
                        "POST /exec/e1/start HTTP/1.1\r\nHost: d\r\n\(Self.upgrade)Content-Type: application/json\r\n"
                            + "Content-Length: 2\r\n\r\n{}input that nobody reads")
                    Thread.sleep(forTimeInterval: 0.005)
                    #expect(try client.head().status == 101)
                    #expect(try Self.streams(client.receiveToEnd()).out.count == 100_000)
                }
            }
        }
    }

    @Test func inputOfAClientThatVanishesStillReachesTheProcess() async throws {
        let input = Event<Received>()
        let backend = FakeBackend(process: { socket in
            // More output than anybody reads must not stop the process from reading.
            try? writeAll(socket, StreamFrame.frame(.stdout, [UInt8](repeating: 1, count: 3_000_000)))
            if let received = try? readAll(socket) { input.set(received) }
        })
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send(Self.attach + Self.upgrade + "\r\n")
                #expect(try client.head().status == 101)
                try client.send(Array(Pattern.bytes(at: 0, 60_000)))
                _ = try RawClient(path).request("POST", "/containers/web/start")
            }
            let received = try await input.wait()
            #expect(received.bytes == 60_000)
            #expect(received.isPattern)
        }
    }
}
