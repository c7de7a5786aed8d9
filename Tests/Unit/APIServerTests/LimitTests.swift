import APIServer
import DockerAPI
import Errors
import Foundation
import Glibc
import LinuxKernel
import Logging
import Synchronization
import Testing

@Suite("Limits and bad requests", .timeLimit(.minutes(10)))
struct LimitTests {
    @Test func aConnectionServesManyRequests() async throws {
        try await withServer { path in
            try await onThread {
                let client = try RawClient(path)
                for _ in 0..<500 { #expect(try client.request("GET", "/version").status == 200) }
            }
        }
    }

    @Test func idlenessIsSaidOnceForEachWhile() async throws {
        let (whiles, continuation) = AsyncStream.makeStream(of: Void.self)
        let count = Mutex(0)
        try await withServer(configure: {
            $0.idleAfter = .milliseconds(20)
            $0.whenIdle = {
                count.withLock { $0 += 1 }
                continuation.yield()
            }
        }) { path in
            var iterator = whiles.makeAsyncIterator()
            for round in 1...3 {
                try await onThread {
                    let client = try RawClient(path)
                    #expect(try client.request("GET", "/version").status == 200)
                }
                await iterator.next()
                try await Task.sleep(for: .milliseconds(100))
                #expect(count.withLock { $0 } == round)
            }
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let backend = FakeBackend()
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                let text = (0..<2_000).map {
                    "POST /containers/c\($0)/pause HTTP/1.1\r\nHost: d\r\n\r\nGET /nothing HTTP/1.1\r\nHost: d\r\n\r\n"
                }.joined()
                Thread.detachNewThread { try? client.send(text) }
                for _ in 0..<2_000 {
                    #expect(try client.answer().status == 204)
                    #expect(try client.answer().status == 404)
                }
            }
        }
        #expect(backend.calls.withLock { $0 } == (0..<2_000).map { "pause c\($0)" })
    }

    @Test func fiftyClientsAreServedAtOnce() async throws {
        try await withServer { path in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        try await onThread {
                            let client = try RawClient(path)
                            for _ in 0..<20 { #expect(try client.request("GET", "/containers/web/json").status == 200) }
                            #expect(try client.request("GET", "/containers/web/logs?stdout=1").status == 200)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: [
        ("nonsense\r\n\r\n", 400), ("GET /_ping HTTP/2.0\r\nHost: d\r\n\r\n", 505), ("GET /_ping HTTP/1.1\r\n\r\n", 400),
        ("GET /_ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400), ("GET /_ping HTTP/1.1\r\nHost: d\r\n folded\r\n\r\n", 400),
        ("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400),
        ("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        ("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 5000000\r\n\r\n", 413),
        ("POST /containers/create HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ("POST /containers/create HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("GET /\(String(repeating: "x", count: 70_000)) HTTP/1.1\r\nHost: d\r\n\r\n", 431),
        ("GET /_ping HTTP/1.1\r\nHost: d\r\n" + String(repeating: "a: b\r\n", count: 200) + "\r\n", 431),
        ("GET /_ping HTTP/1.1\nHost: d\n\n\r\n\r\n", 400), ("GET /a%2 HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n", 400),
        ("\u{16}\u{03}\u{01}\u{02}\u{00}\r\n\r\n", 400), ("GET /_ping HTTP/1.1\r\nHost: d\r\nExpect: tea\r\n\r\n", 417),
    ])
    func badRequestsAreAnsweredAndTheConnectionEnds(text: String, status: Int) async throws {
        try await withServer { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send(text)
                let answer = try client.answer()
                #expect(answer.status == status)
                #expect(try !answer.message.isEmpty)
                #expect(answer.headers["connection"] == "close")
                #expect(try client.receiveToEnd().isEmpty)
            }
        }
    }

    @Test func aBodyBeyondTheLimitIsRefusedInTheMiddle() async throws {
        try await withServer(configure: { $0.maximumBody = 1_000 }) { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send("POST /containers/create HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in 0..<11 { try client.send("64\r\n\(String(repeating: " ", count: 100))\r\n") }
                #expect(try client.answer().status == 413)
            }
        }
    }

    @Test func slowHeadersAndBodiesAreEnded() async throws {
        try await withServer(configure: {
            $0.headTimeout = .milliseconds(200)
            $0.bodyTimeout = .milliseconds(200)
        }) { path in
            try await onThread {
                // One byte now and then: the time counts from the first.
                let slow = try RawClient(path)
                for byte in "GET /_pi" {
                    guard (try? slow.send("\(byte)")) != nil else { break }
                    Thread.sleep(forTimeInterval: 0.05)
                }
                #expect(try slow.answer().status == 408)

                let body = try RawClient(path)
                try body.send("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 100\r\n\r\n{")
                #expect(try body.answer().status == 408)
            }
        }
    }

    @Test func connectionsThatWaitForNothingAreEnded() async throws {
        try await withServer(configure: { $0.idleTimeout = .milliseconds(200) }) { path in
            try await onThread {
                #expect(try RawClient(path).receiveToEnd().isEmpty)
                // Between two requests, too. On a busy machine a client may come too late with its first one.
                var answered = false
                for _ in 0..<100 where !answered {
                    let idle = try RawClient(path)
                    guard let answer = try? idle.request("GET", "/_ping") else { continue }
                    #expect(answer.status == 200)
                    #expect(try idle.receiveToEnd().isEmpty)
                    answered = true
                }
                #expect(answered)
            }
        }
    }

    /// The time counts from the last byte: what comes slowly, comes.
    @Test func anUploadThatStandsStillIsEnded() async throws {
        let backend = FakeBackend()
        // Longer than a busy machine keeps a thread of the server waiting.
        let limit = 5.0
        try await withServer(backend, configure: { $0.uploadTimeout = .seconds(limit) }) { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send("POST /images/load?quiet=1 HTTP/1.1\r\nHost: d\r\nContent-Length: 1000\r\n\r\nonly this")
                let answer = try client.answer()
                #expect(try answer.status == 408 && answer.message.contains("nothing more came of the archive"))
                #expect(try client.receiveToEnd().isEmpty)
            }
            #expect(try await eventually { backend.loaded.withLock { $0.bytes } == 9 })
            try await onThread {
                // On a busy machine the client itself may stand still for too long: then it says nothing about the server.
                var wasSteady = false
                for _ in 0..<50 where !wasSteady {
                    let client = try RawClient(path)
                    let clock = ContinuousClock()
                    var (last, longest) = (clock.now, Duration.zero)
                    func sent() {
                        longest = max(longest, clock.now - last)
                        last = clock.now
                    }
                    let answer = Result {
                        try client.send("POST /images/load?quiet=1 HTTP/1.1\r\nHost: d\r\nContent-Length: 10\r\n\r\n")
                        for _ in 0..<10 {
                            Thread.sleep(forTimeInterval: 0.6)
                            try client.send("x")
                            sent()
                        }
                        return try client.answer().status
                    }
                    wasSteady = longest < .seconds(limit / 2)
                    if wasSteady { #expect(try answer.get() == 200) }
                }
                #expect(wasSteady)
            }
            #expect(backend.loaded.withLock { $0.bytes } == 10)
        }
    }

    @Test func hundredsOfUnfinishedRequestsDisturbNobody() async throws {
        try await withServer { path in
            try await onThread {
                let idle = try (0..<400).map { _ in try RawClient(path) }
                for client in idle { try client.send("GET /_pin") }
                #expect(try RawClient(path).request("GET", "/containers/json").status == 200)
            }
        }
    }

    @Test func oneConnectionTooManyIsToldSo() async throws {
        try await withServer(configure: { $0.maximumConnections = 2 }) { path in
            try await onThread {
                let clients = try (0..<2).map { _ in try RawClient(path) }
                for client in clients { #expect(try client.request("GET", "/_ping").status == 200) }
                let third = try RawClient(path).answer()
                #expect(third.status == 503)
                #expect(try third.message.contains("too many connections"))
            }
            #expect(
                try await eventually {
                    (try? RawClient(path).request("GET", "/_ping").status) == 200
                })
        }
    }

    @Test func closeAndHTTP10EndTheConnection() async throws {
        try await withServer { path in
            try await onThread {
                let close = try RawClient(path)
                #expect(try close.request("GET", "/_ping", headers: ["Connection: close"]).headers["connection"] == "close")
                #expect(try close.receiveToEnd().isEmpty)
                let old = try RawClient(path)
                try old.send("GET /_ping HTTP/1.0\r\n\r\n")
                #expect(try old.answer().text == "OK")
                #expect(try old.receiveToEnd().isEmpty)
            }
        }
    }

    @Test func aLargeAnswerArrivesWholeBeforeTheConnectionCloses() async throws {
        let backend = FakeBackend()
        backend.listed.withLock { $0 = (0..<5_000).map { ContainerSummary(id: "\($0)", names: [String(repeating: "n", count: 1_000)]) } }
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send("GET /containers/json HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
                Thread.sleep(forTimeInterval: 0.2)
                #expect(try client.answer().decode([ContainerSummary].self).count == 5_000)
            }
        }
    }

    @Test func nothingIsLeftOfVanishedClients() async throws {
        let backend = FakeBackend(process: { _ in })
        try await withServer(backend) { path in
            @Sendable func descriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
            try await onThread { _ = try RawClient(path).request("GET", "/_ping") }
            let before = try descriptors()
            for _ in 0..<10 {
                try await onThread {
                    for _ in 0..<30 {
                        let client = try RawClient(path)
                        try client.send(
                            "POST /exec/e1/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                                + "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n{}")
                        try RawClient(path).send("POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 9\r\n\r\nx")
                        try RawClient(path).send("GET /containers/web/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: d\r\n\r\n")
                    }
                }
            }
            // Other suites run in the same process.
            #expect(try await eventually(300) { ((try? descriptors()) ?? .max) < before + 100 })
        }
    }

    @Test func aStopLetsWorkFinishAndEndsStreams() async throws {
        let backend = FakeBackend()
        let streams = try await withServer(backend) { path in
            let stream = try await onThread {
                let client = try RawClient(path)
                try client.send("GET /events HTTP/1.1\r\nHost: d\r\n\r\n")
                #expect(try client.head().status == 200)
                return client
            }
            let removal = try await onThread {
                let client = try RawClient(path)
                try client.send("DELETE /containers/web HTTP/1.1\r\nHost: d\r\n\r\n")
                return client
            }
            #expect(try await eventually { backend.calls.withLock { $0 }.contains("remove web force=false volumes=false") })
            return [stream, removal]
        }
        #expect(try streams[1].answer().status == 204)
        #expect(throws: RawClient.Failure.self) { while try streams[0].chunk() != nil {} }
        #expect(backend.calls.withLock { $0 }.last == "removed web")
    }
}

@Suite("The socket in the file system")
struct ListeningSocketTests {
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func inDirectory(_ body: (String) throws -> Void) throws {
        let directory = try scratchDirectory()
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: directory) } }
        try body(directory + "/d.sock")
    }

    private func mode(_ path: String) throws -> mode_t {
        var status = stat()
        try retrying("stat") { stat(path, &status) }
        return status.st_mode & 0o7777
    }

    @Test func isForRootAndTheGroupOnly() throws {
        try inDirectory { path in
            _ = try ListeningSocket.make(path: path, group: "no-such-group", log: log)
            #expect(try mode(path) == 0o600)
        }
        try inDirectory { path in
            _ = try ListeningSocket.make(path: path, group: "root", log: log)
            #expect(try mode(path) == 0o660)
        }
    }

    @Test func aStaleFileIsReplacedAndALiveOneIsNot() throws {
        try inDirectory { path in
            _ = try ListeningSocket.make(path: path, group: "root", log: log)
            let living = try ListeningSocket.make(path: path, group: "root", log: log)
            #expect(throws: TimberError.self) { _ = try ListeningSocket.make(path: path, group: "root", log: log) }
            _ = consume living
        }
    }

    @Test func otherFilesAreLeftAlone() throws {
        try inDirectory { path in
            try "precious".write(toFile: path, atomically: false, encoding: .utf8)
            #expect(throws: TimberError.self) { _ = try ListeningSocket.make(path: path, group: "root", log: log) }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
        }
    }

    @Test func aPathThatIsTooLongIsRefused() {
        #expect(throws: TimberError.self) {
            _ = try ListeningSocket.make(path: "/tmp/" + String(repeating: "x", count: 108), group: "root", log: log)
        }
    }
}

final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add() { count.withLock { $0 += 1 } }
}
