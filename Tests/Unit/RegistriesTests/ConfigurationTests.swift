import Errors
import Testing

@testable import Registries

@Suite struct ConfigurationTests {
    @Test func everything() throws {
        let text = """
            {"insecure": ["10.0.0.5:5000"], "mirrors": {"docker.io": ["https://m.example", "http://n.example:80/"]},
             "token-servers": {"r.example": ["login.example"]}, "certificates": "/c"}
            """
        let found = try RegistryConfiguration(json: Array(text.utf8))
        #expect(found.insecure == ["10.0.0.5:5000"] && found.certificates == "/c")
        #expect(found.mirrors["docker.io"]?.count == 2 && found.tokenServers["r.example"] == ["login.example"])
        #expect(try RegistryConfiguration(json: Array("{}".utf8)) == RegistryConfiguration())
    }

    @Test(
        arguments: [
            ("", "JSON"), ("[]", "type"), (#"{"insecur": []}"#, "insecur"), (#"{"insecure": "a"}"#, "insecure"),
            (#"{"mirrors": {"docker.io": ["m.example"]}}"#, "m.example"), (#"{"mirrors": {"docker.io": ["https://m/v2"]}}"#, "path"),
            (#"{"certificates": "c"}"#, "absolute"), (#"{"mirrors": {"docker.io": ["https://u:p@m"]}}"#, "user name"),
        ])
    func mistakes(_ text: String, _ word: String) {
        let error = #expect(throws: TimberError.self) { try RegistryConfiguration(json: Array(text.utf8)) }
        #expect(error?.code == .invalidArgument && error?.description.contains(word) == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        ("docker.io", false), ("localhost:5000", true), ("127.0.0.9", true), ("[::1]:5000", true), ("127.example.com", false),
    ])
    func loopback(_ name: String, _ expected: Bool) {
        #expect(RegistryName(name: name).isLoopback == expected)
    }

    @Test func proxies() throws {
        let proxies = try ProxySettings(environment: [
            "https_proxy": "http://p:3128", "HTTP_PROXY": "q", "NO_PROXY": "b.example, .c.example,d:81,10.0.0.1",
        ])
        func proxy(_ text: String) throws -> String? { proxies.proxy(to: try WebAddress(text).origin)?.description }
        #expect(try proxy("https://a.example") == "http://p:3128")
        #expect(try proxy("http://a.example") == "http://q")
        for direct in [
            "https://b.example", "https://x.c.example", "https://c.example", "http://d:81", "http://10.0.0.1:5000", "http://127.0.0.1",
        ] {
            #expect(try proxy(direct) == nil, "\(direct)")
        }
        #expect(try proxy("http://d:82") == "http://q" && proxy("https://xb.example") == "http://p:3128")
        #expect(throws: TimberError.self) { try ProxySettings(environment: ["HTTP_PROXY": "socks5://p"]) }
        #expect(try ProxySettings(environment: [:]).proxy(to: try WebAddress("https://a").origin) == nil)
    }

    @Test func credentialsSayNothing() {
        let secret = Credentials(user: "ash", password: "secret")
        #expect(!"\(secret) \(String(reflecting: secret))".contains("secret") && secret.basic == "Basic YXNoOnNlY3JldA==")
    }
}
