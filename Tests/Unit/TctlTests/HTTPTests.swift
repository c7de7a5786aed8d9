import Glibc
import LinuxKernel
import Testing

@testable import TctlCommands

@Suite struct HTTPTests {
    /// An exchange whose answer was sent, in pieces, by a peer that then hangs up.
    private func exchange(_ answer: String, method: String = "GET") throws -> Exchange {
        var pair: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        let peer = Descriptor(owning: pair[1])
        let bytes = Array(answer.utf8)
        try #require(write(peer.raw, bytes, bytes.count) == bytes.count)
        return Exchange(connection: try Connection(owning: Descriptor(owning: pair[0])), method: method)
    }

    private func body(_ answer: String, method: String = "GET") throws -> String {
        String(decoding: try exchange(answer, method: method).body(), as: UTF8.self)
    }

    @Test func bodiesEndByLengthChunksOrClose() throws {
        #expect(try body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello world") == "hello")
        #expect(
            try body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nA: b\r\n\r\n")
                == "hello world")
        #expect(try body("HTTP/1.1 200 OK\r\n\r\nhello") == "hello")
        #expect(try body("HTTP/1.1 204 No Content\r\n\r\nhello") == "")
        #expect(try body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", method: "HEAD") == "")
        #expect(try body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") == "ok")
        #expect(try body("HTTP/1.1 200 OK\nContent-Length: 2\n\nok") == "ok")
    }

    @Test func fieldNamesAreCaseless() throws {
        let head = try exchange("HTTP/1.1 101 UPGRADED\r\nCONTENT-type:  a/b \r\n\r\nrest").head()
        #expect(head.status == 101)
        #expect(head.field("content-type") == "a/b")
    }

    @Test func bytesBehindAnUpgradeStay() throws {
        let exchange = try exchange("HTTP/1.1 101 UPGRADED\r\n\r\nearly")
        _ = try exchange.head()
        #expect(Array(exchange.connection.pending) == Array("early".utf8))
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 99 X\r\n\r\n", "HTTP/1.1 abc X\r\n\r\n", "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\n: x\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab",
    ])
    func hostileAnswersAreRefused(answer: String) {
        #expect(throws: HTTPSyntaxError.self) { try body(answer) }
    }

    @Test(arguments: [
        "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    ])
    func brokenOffAnswersAreALostConnection(answer: String) {
        #expect(throws: LostConnection.self) { try body(answer) }
    }

    @Test func endlessHeadsAndLinesAreCut() {
        let field = "X: " + String(repeating: "x", count: 70_000)
        #expect(throws: HTTPSyntaxError.self) { try body("HTTP/1.1 200 OK\r\n" + field) }
        let many = String(repeating: "A: b\r\n", count: 200)
        #expect(throws: HTTPSyntaxError.self) { try body("HTTP/1.1 200 OK\r\n\(many)\r\n") }
        let long = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;" + String(repeating: "x", count: 5000)
        #expect(throws: HTTPSyntaxError.self) { try body(long) }
        let trailers = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + String(repeating: "A: b\r\n", count: 1000)
        #expect(throws: HTTPSyntaxError.self) { try body(trailers) }
    }

    @Test func largeAnswersAreCut() {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + String(repeating: "x", count: 2000)
        #expect(throws: HTTPSyntaxError.self) { try exchange(answer).body(limit: 1000) }
    }

    @Test func chunksMayBeCutAnywhere() throws {
        let wire = Array("4\r\nWiki\r\n6\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\n\r\nNEXT".utf8)
        for size in 1...wire.count {
            var decoder = ChunkDecoder()
            var output: [UInt8] = []
            var used = 0
            for start in stride(from: 0, to: wire.count, by: size) where !decoder.isDone {
                let piece = Array(wire[start..<min(start + size, wire.count)])
                used += try piece.withUnsafeBytes { try decoder.decode($0, into: &output) }
            }
            #expect(String(decoding: output, as: UTF8.self) == "Wikipedia in \r\n\r\nchunks.")
            #expect(decoder.isDone)
            #expect(used == wire.count - 4)
        }
    }

    @Test func chunkDecoderSurvivesNoise() {
        let letters = Array("0123456789abcdef;\r\n x\u{0}\u{7F}".utf8)
        var seed: UInt64 = 42
        for _ in 0..<2000 {
            var decoder = ChunkDecoder()
            let noise = (0..<64).map { _ -> UInt8 in
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return letters[Int(seed >> 33) % letters.count]
            }
            var output: [UInt8] = []
            // Whether it throws does not matter; that it ends, and makes nothing out of nothing, does.
            _ = try? noise.withUnsafeBytes { try decoder.decode($0, into: &output) }
            #expect(output.count <= noise.count)
        }
    }

    @Test func requestsAreEncoded() {
        var request = Request.post("/containers/create", query: [("name", "a b&c=d/é"), ("x", "")], body: .json(Array("{}".utf8)))
        let text = String(decoding: request.head, as: UTF8.self)
        #expect(text.hasPrefix("POST /v1.50/containers/create?name=a%20b%26c%3Dd%2F%C3%A9&x= HTTP/1.1\r\n"))
        #expect(text.contains("\r\nContent-Length: 2\r\n"))
        #expect(text.hasSuffix("\r\n\r\n"))
        request.upgrades = true
        #expect(String(decoding: request.head, as: UTF8.self).contains("Upgrade: tcp\r\n"))
    }

    @Test func namesCannotLeaveTheirPlaceInAPath() throws {
        #expect(
            try ContainerPath.make("a/../b?x#y\r\nEvil: 1", "/json")
                == "/containers/a%2F..%2Fb%3Fx%23y%0D%0AEvil%3A%201/json".replacing("%3A", with: ":"))
        #expect(try ContainerPath.make("/web") == "/containers/web")
        #expect(try ImagePath.make("localhost:5000/a/b:1@sha256:0") == "/images/localhost:5000/a/b:1@sha256:0")
        #expect(throws: CommandFailure.self) { try ContainerPath.make("") }
        #expect(throws: CommandFailure.self) { try ContainerPath.make("/") }
        #expect(throws: CommandFailure.self) { try ImagePath.make("") }
    }

    @Test func endpointsAreUnixSockets() throws {
        let variables = ["TIMBER_HOST": "unix:///t", "DOCKER_HOST": "unix:///d"]
        #expect(try Endpoint.resolve(flag: "unix:///f", environment: { variables[$0] }).path == "/f")
        #expect(try Endpoint.resolve(flag: nil, environment: { variables[$0] }).path == "/t")
        #expect(try Endpoint.resolve(flag: nil, environment: { $0 == "TIMBER_HOST" ? "" : variables[$0] }).path == "/d")
        #expect(try Endpoint.resolve(flag: nil, environment: { _ in nil }).path == "/run/timber/timberd.sock")
        #expect(try Endpoint(parsing: "/x.sock").path == "/x.sock")
        for text in ["tcp://1.2.3.4", "ssh://x", "unix://", "", "x", "unix:///" + String(repeating: "x", count: 107)] {
            #expect(throws: CommandFailure.self) { try Endpoint(parsing: text) }
        }
    }

    @Test func messagesCannotSpeakToTheTerminal() {
        #expect(Printable("a\u{1B}]0;x\u{7}\u{9B}b").description == "a\\u{1b}]0;x\\u{7}\\u{9b}b")
        #expect(Printable(String(repeating: "x", count: 1000)).description.count == 300)
    }
}
