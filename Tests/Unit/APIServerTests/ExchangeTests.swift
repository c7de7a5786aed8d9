import APIServer
import DockerAPI
import Errors
import Foundation
import LinuxKernel
import Testing

@Suite("Requests and answers", .timeLimit(.minutes(10)))
struct ExchangeTests {
    /// One request on a connection of its own.
    private func ask(
        _ method: String, _ target: String, json: String? = nil, headers: [String] = [], backend: FakeBackend = FakeBackend()
    ) async throws -> RawClient.Answer {
        try await withServer(backend) { path in
            try await onThread { try RawClient(path).request(method, target, json: json, headers: headers) }
        }
    }

    @Test(arguments: ["GET", "HEAD"])
    func ping(method: String) async throws {
        let answer = try await ask(method, "/_ping")
        #expect(answer.status == 200)
        #expect(answer.headers["api-version"] == "1.50")
        #expect(answer.headers["docker-experimental"] == "false")
        #expect(answer.headers["ostype"] == "linux")
        #expect(answer.headers["builder-version"] == "1")
        #expect(answer.headers["server"] == "Timber/1.2.3 (linux)")
        #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
        #expect(answer.headers["date"]?.hasSuffix("GMT") == true)
        #expect(answer.text == (method == "GET" ? "OK" : ""))
    }

    @Test func versionsAreNegotiated() async throws {
        try await withServer { path in
            try await onThread {
                let client = try RawClient(path)
                #expect(try client.request("GET", "/v1.24/version").status == 200)
                let version = try client.request("GET", "/version").decode(SystemVersion.self)
                #expect(version.apiVersion == "1.50")
                #expect(version.minAPIVersion == "1.24")
                let new = try client.request("GET", "/v1.51/version")
                #expect(new.status == 400)
                #expect(try new.message == "client version 1.51 is too new. Maximum supported API version is 1.50")
                let old = try client.request("GET", "/v1.23/version")
                #expect(old.status == 400)
                #expect(
                    try old.message
                        == "client version 1.23 is too old. Minimum supported API version is 1.24, "
                        + "please upgrade your client to a newer version")
                #expect(try client.request("GET", "/v1.2.3/version").status == 400)
            }
        }
    }

    @Test(arguments: [
        ("GET", "/"), ("GET", "/nothing"), ("GET", "//containers/json"), ("GET", "/containers//json"), ("GET", "/containers/json/"),
        ("PUT", "/containers/json"), ("GET", "/containers/web"), ("GET", "/v1.40"), ("GET", "/vx/version"), ("get", "/version"),
        ("GET", "/containers%2Fjson"),
    ])
    func unknownPathsAreNotFound(method: String, target: String) async throws {
        let answer = try await ask(method, target)
        if method == "get" {
            #expect(answer.status == 400)
        } else {
            #expect(answer.status == 404, "\(target)")
            if target != "/containers//json" { #expect(try answer.message == "page not found") }
        }
    }

    @Test(arguments: [
        "..", ".", "-rf", "%2e%2e%2fx", "a%2fb", "a%20b", "%00", "%zz", "%ff", String(repeating: "x", count: 300), "web%0d%0aX:y",
        "%2F%2Fweb",
    ])
    func impossibleNamesNeverReachTheBackend(name: String) async throws {
        let backend = FakeBackend()
        let answer = try await ask("POST", "/containers/\(name)/start", backend: backend)
        #expect([400, 404].contains(answer.status))
        #expect(try !answer.message.isEmpty)
        #expect(backend.calls.withLock { $0 }.isEmpty)
    }

    @Test func aLeadingSlashBelongsToNoName() async throws {
        let backend = FakeBackend()
        #expect(try await ask("POST", "/containers/%2Fweb/start", backend: backend).status == 204)
        #expect(backend.calls.withLock { $0 } == ["start web"])
    }

    @Test func imagesMayHaveSlashes() async throws {
        let backend = FakeBackend()
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                #expect(try client.request("GET", "/v1.50/images/docker.io/library/busybox:1/json").status == 200)
                #expect(try client.request("GET", "/images/docker.io%2Flibrary%2Fbusybox/json").status == 200)
                #expect(try client.request("GET", "/images/json").text.contains("busybox:latest"))
                #expect(try !client.request("GET", "/v1.44/images/json").text.contains("VirtualSize"))
                #expect(try client.request("GET", "/v1.43/images/json").text.contains(#""VirtualSize":42"#))
                #expect(try client.request("DELETE", "/images/a/b:2").text == "[{\"Untagged\":\"a/b:2\"}]\n")
                #expect(try client.request("POST", "/images/a/b/tag?repo=c%2Fd&tag=3").status == 201)
                #expect(try client.request("DELETE", "/images/").status == 400)
            }
        }
        #expect(
            backend.calls.withLock { $0 } == [
                "image docker.io/library/busybox:1", "image docker.io/library/busybox", "rmi a/b:2", "tag a/b c/d 3",
            ])
    }

    @Test func errorsHaveDockersShapeAndStatus() async throws {
        try await withServer { path in
            try await onThread {
                let client = try RawClient(path)
                let missing = try client.request("GET", "/containers/nothere/json")
                #expect(missing.status == 404)
                #expect(missing.headers["content-type"] == "application/json")
                #expect(missing.text == "{\"message\":\"No such container: nothere\"}\n")
                #expect(try client.request("POST", "/containers/web/kill").status == 409)
                let same = try client.request("POST", "/containers/web/stop?t=3")
                #expect(same.status == 304)
                #expect(same.body.isEmpty)
                #expect(try client.request("POST", "/containers/web/stop?t=x").status == 400)
                #expect(try client.request("POST", "/containers/web/wait?condition=never").status == 400)
                #expect(try client.request("GET", "/containers/web/logs").status == 400)
                #expect(try client.request("POST", "/containers/web/resize?h=1").status == 400)
                #expect(try client.request("GET", "/containers/json?filters=x").status == 400)
            }
        }
    }

    @Test func createTakesJSONOnly() async throws {
        let backend = FakeBackend()
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                let good = try client.request("POST", "/containers/create?name=web", json: #"{"Image":"busybox","Cmd":["x"]}"#)
                #expect(good.status == 201)
                #expect(good.text == "{\"Id\":\"\(String(repeating: "a", count: 64))\",\"Warnings\":[]}\n")
                let missing = try client.request("POST", "/containers/create", json: #"{"Image":"missing"}"#)
                #expect(missing.status == 404)
                #expect(try missing.message == "No such image: missing:latest")
                let wrong = try client.request("POST", "/containers/create", json: #"{"HostConfig":{"Memory":"much"}}"#)
                #expect(wrong.status == 400)
                #expect(try wrong.message == "invalid JSON: HostConfig.Memory must be a whole number")
                #expect(try client.request("POST", "/containers/create", json: "{").status == 400)
                let empty = try client.request("POST", "/containers/create")
                #expect(try empty.message == "invalid JSON: got EOF while reading request body")
                try client.send(
                    "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: text/plain; x=y\r\nContent-Length: 2\r\n\r\n{}")
                let text = try client.answer()
                #expect(text.status == 400)
                #expect(try text.message == "unsupported Content-Type header (text/plain): must be 'application/json'")
                let deep = String(repeating: "[", count: 100_000)
                #expect(try client.request("POST", "/containers/create", json: "{\"Cmd\":\(deep)").status == 400)
                #expect(try client.request("GET", "/_ping").status == 200)
            }
        }
        #expect(backend.created.withLock { $0 }?.config.cmd == ["x"])
    }

    @Test func queriesAreReadAsDockerDoes() async throws {
        let backend = FakeBackend()
        try await withServer(backend) { path in
            try await onThread {
                let client = try RawClient(path)
                for query in [
                    "all=1&limit=3", "all=True&limit=0", "all=0", "all=no&filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D", "all=false",
                    "all=none&filters=%7B%22status%22%3A%7B%22exited%22%3Atrue%7D%7D", "all",
                ] {
                    #expect(try client.request("GET", "/containers/json?\(query)").status == 200)
                }
            }
        }
        #expect(
            backend.calls.withLock { $0 } == [
                "list all=true limit=3 [:]", "list all=true limit=-1 [:]", "list all=false limit=-1 [:]",
                #"list all=false limit=-1 ["label": ["a=b"]]"#, "list all=false limit=-1 [:]",
                #"list all=false limit=-1 ["status": ["exited"]]"#, "list all=false limit=-1 [:]",
            ])
    }

    @Test func aThousandContainersAreListed() async throws {
        let backend = FakeBackend()
        backend.listed.withLock {
            $0 = (0..<1_000).map { ContainerSummary(id: "\($0)", names: ["/c\($0)"], labels: ["a": "b"]) }
        }
        let answer = try await ask("GET", "/containers/json", backend: backend)
        #expect(try answer.decode([ContainerSummary].self).count == 1_000)
    }
}
