import APIServer
import DockerAPI
import Errors
import Foundation
import LinuxKernel
import Testing

@Suite("Streams, uploads and waiting", .timeLimit(.minutes(10)))
struct StreamTests {
    @Test func logsAreMultiplexedChunks() async throws {
        try await withServer { path in
            try await onThread {
                let client = try RawClient(path)
                let logs = try client.request("GET", "/containers/web/logs?stdout=1&stderr=1&tail=5")
                #expect(logs.headers["content-type"] == "application/vnd.docker.multiplexed-stream")
                #expect(logs.body == StreamFrame.frame(.stdout, Array("hello\n".utf8)) + StreamFrame.frame(.stderr, Array("oops\n".utf8)))
                // The connection goes on.
                #expect(try client.request("GET", "/_ping").status == 200)
            }
        }
    }

    @Test(arguments: ["/containers/web/logs?stdout=1&follow=1", "/events", "/containers/web/stats"])
    func aClientThatVanishesCancelsTheWork(target: String) async throws {
        let backend = FakeBackend()
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send("GET \(target) HTTP/1.1\r\nHost: d\r\n\r\n")
                #expect(try client.head().status == 200)
                #expect(try client.chunk()?.isEmpty == false)
            }
            #expect(try await eventually { !backend.cancelled.withLock { $0 }.isEmpty })
        }
    }

    @Test func waitAnswersItsHeadersBeforeTheEnd() async throws {
        let backend = FakeBackend()
        try await withServer(backend) { path in
            let client = try await onThread {
                let client = try RawClient(path)
                try client.send("POST /v1.50/containers/web/wait?condition=next-exit HTTP/1.1\r\nHost: d\r\n\r\n")
                #expect(try client.head().status == 200)
                return client
            }
            backend.exit.set(3)
            let body = try await onThread { try client.chunk() }
            #expect(body == Array("{\"StatusCode\":3}\n".utf8))
        }
        #expect(backend.calls.withLock { $0 } == ["wait web next-exit"])
    }

    @Test func aWaitIsCancelledWhenItsClientVanishes() async throws {
        let backend = FakeBackend()
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send("POST /containers/web/wait HTTP/1.1\r\nHost: d\r\n\r\n")
                #expect(try client.head().status == 200)
            }
            #expect(try await eventually { backend.cancelled.withLock { $0 } == ["wait"] })
        }
    }

    @Test func whatChangesSomethingGoesOnWithoutItsClient() async throws {
        let backend = FakeBackend()
        try await withServer(backend) { path in
            try await onThread {
                try RawClient(path).send("DELETE /containers/web?force=1&v=1 HTTP/1.1\r\nHost: d\r\n\r\n")
            }
            #expect(try await eventually { backend.calls.withLock { $0 } == ["remove web force=true volumes=true", "removed web"] })
        }
    }

    @Test func aHalfClosedClientStillGetsItsAnswer() async throws {
        try await withServer { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send("DELETE /containers/web HTTP/1.1\r\nHost: d\r\n\r\n")
                client.endSending()
                #expect(try client.answer().status == 204)
                #expect(try client.receiveToEnd().isEmpty)
            }
        }
    }

    @Test func aSlowReaderHoldsTheProducerBack() async throws {
        let backend = FakeBackend()
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send("GET /containers/web/stats HTTP/1.1\r\nHost: d\r\n\r\n")
                #expect(try client.head().status == 200)
                // Until no more of the million come: what was made is what fits into buffers.
                var made: Int
                repeat {
                    made = backend.samples.value
                    Thread.sleep(forTimeInterval: 0.3)
                } while backend.samples.value > made
                #expect(made < 10_000)
                let first = try client.chunk()
                #expect(try JSONDecoder().decode(ContainerStats.self, from: Data(first ?? [])).id == "0")
            }
        }
    }

    // MARK: Uploads

    private func upload(_ path: String, bytes: Int, chunked: Bool, quiet: Bool = true) throws -> RawClient.Answer {
        let client = try RawClient(path)
        let target = "POST /images/load?quiet=\(quiet ? 1 : 0) HTTP/1.1\r\nHost: d\r\nContent-Type: application/x-tar\r\n"
        try client.send(target + (chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: \(bytes)\r\n\r\n"))
        var sent = 0
        while sent < bytes {
            let count = min(Pattern.period, bytes - sent)
            if chunked { try client.send("\(String(count, radix: 16))\r\n") }
            do {
                try client.send(Array(Pattern.bytes(at: sent, count)))
            } catch let error as SystemError where error.errno == EPIPE {
                // The server has answered and ended.
                break
            }
            if chunked { try client.send("\r\n") }
            sent += count
        }
        if chunked { try client.send("0\r\n\r\n") }
        return try client.answer()
    }

    @Test(arguments: [true, false])
    func archivesOfAnySizeGoThrough(chunked: Bool) async throws {
        let backend = FakeBackend()
        let size = 100 << 20
        try await withServer(backend) { path in
            let answer = try await onThread { try upload(path, bytes: size, chunked: chunked) }
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/json")
            #expect(
                answer.text
                    == "{\"status\":\"Loading layer\",\"progressDetail\":{\"current\":1,\"total\":2},\"id\":\"abc\"}\r\n"
                    + "{\"stream\":\"Loaded image: busybox:latest\\n\"}\r\n")
        }
        #expect(backend.loaded.withLock { $0.bytes } == size)
        #expect(backend.loaded.withLock { $0.isPattern })
    }

    @Test func aLoadThatFailsEarlyIsAnsweredWhileTheClientSends() async throws {
        try await withServer { path in
            let answer = try await onThread { try upload(path, bytes: 500 << 20, chunked: false, quiet: false) }
            #expect(answer.status == 400)
            #expect(try answer.message == "archive is not a tar file")
            #expect(answer.headers["connection"] == "close")
        }
    }

    @Test func aLoadThatFailsLateSaysSoInItsStream() async throws {
        try await withServer { path in
            let answer = try await onThread { try upload(path, bytes: 13, chunked: true) }
            #expect(answer.status == 200)
            #expect(
                answer.text.hasSuffix(
                    #"{"errorDetail":{"message":"layer sha256:1 does not match its digest"},"error":"layer sha256:1 does not match its digest"}"#
                        + "\r\n"))
        }
    }

    @Test func aClientThatVanishesEndsItsUpload() async throws {
        let backend = FakeBackend()
        try await withServer(backend) { path in
            try await onThread {
                try RawClient(path).send("POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 1000\r\n\r\nonly this")
            }
            #expect(try await eventually { backend.loaded.withLock { $0.bytes } == 9 })
        }
    }

    @Test func theClientMayWaitForContinue() async throws {
        try await withServer { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send("POST /images/load HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
                #expect(try client.head().status == 100)
                try client.send("hello")
                #expect(try client.answer().status == 200)
            }
        }
    }

    @Test func savedImagesAreStreamed() async throws {
        try await withServer { path in
            try await onThread {
                let client = try RawClient(path)
                let saved = try client.request("GET", "/images/get?names=a&names=b")
                #expect(saved.headers["content-type"] == "application/x-tar")
                #expect(saved.body.count == 6_400_000)
                #expect(saved.complete)
                #expect(try client.request("GET", "/images/missing/get").status == 404)
                #expect(try client.request("GET", "/images/get").status == 400)
            }
        }
    }

    @Test func oldClientsGetTheirStreamUntilTheEnd() async throws {
        try await withServer { path in
            try await onThread {
                let client = try RawClient(path)
                try client.send("GET /containers/web/logs?stdout=1 HTTP/1.0\r\n\r\n")
                let answer = try client.answer()
                #expect(answer.headers["transfer-encoding"] == nil)
                #expect(answer.body.count == 8 + 6 + 8 + 5)
            }
        }
    }
}
