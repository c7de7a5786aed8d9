import Errors
import Testing

@testable import Registries

@Suite struct WebAddressTests {
    @Test(
        arguments: [
            ("https://Example.COM", "https://example.com/"), ("http://a:80/x?y=z#f", "http://a/x?y=z"), ("https://a:80/", "https://a:80/"),
            ("http://[::1]:5000/v2/", "http://[::1]:5000/v2/"), ("https://a/%2F%20", "https://a/%2F%20"),
        ])
    func addresses(_ text: String, _ expected: String) throws {
        #expect(try WebAddress(text).description == expected)
    }

    @Test(
        arguments: [
            "", "a", "/x", "ftp://a/", "file:///etc/passwd", "http://", "https:///x", "http://a b/", "http://user@a/", "http://u:p@a/",
            "http://a:99999/", "http://a:0/", "http://a/\r\nX: y", "javascript:alert(1)",
        ])
    func noAddresses(_ text: String) {
        let error = #expect(throws: TimberError.self) { try WebAddress(text) }
        #expect(error?.code == .invalidArgument)
    }

    @Test(
        arguments: [
            ("/v2/up?a=b", "https://r.example:5000/v2/up?a=b"), ("more", "https://r.example:5000/v2/x/more"),
            ("//other.example/y", "https://other.example/y"), ("http://other/y", "http://other/y"), ("../..", "https://r.example:5000/"),
        ])
    func relativeOnes(_ text: String, _ expected: String) throws {
        #expect(try WebAddress(text, relativeTo: try WebAddress("https://r.example:5000/v2/x/y")).description == expected)
    }

    @Test func originsDifferByEveryPart() throws {
        let all = try ["https://a/", "http://a/", "https://b/", "https://a:444/"].map { try WebAddress($0).origin }
        #expect(Set(all).count == 4)
        #expect(try WebAddress("https://a:443/").origin == all[0])
    }

    @Test func parametersAreEscaped() throws {
        let address = try WebAddress("https://a/t?x=1").adding([("scope", "repository:a/b:pull"), ("q", "ä&=")])
        #expect(address.description == "https://a/t?x=1&scope=repository%3Aa%2Fb%3Apull&q=%C3%A4%26%3D")
    }
}
