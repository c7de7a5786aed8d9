import DockerAPI
import Errors
import Testing

@Suite("Versions and status codes")
struct VersionTests {
    @Test func versionsAreOrderedByNumber() throws {
        #expect(try #require(APIVersion("1.9")) < #require(APIVersion("1.24")))
        #expect(APIVersion("1.50") == .newest)
        #expect("\(APIVersion.oldest)" == "1.24")
    }

    @Test(arguments: ["", "1", "1.", ".1", "1.2.3", "a.b", "1.-1", "1.+1", "99999.1", "1.99999999999999999999", " 1.2", "1.２"])
    func otherTextIsNoVersion(text: String) {
        #expect(APIVersion(text[...]) == nil)
    }

    @Test func everyCodeHasItsStatus() {
        let expected: [TimberError.Code: Int] = [
            .invalidArgument: 400, .notFound: 404, .conflict: 409, .notModified: 304, .permissionDenied: 403, .unsupported: 400,
            .commandNotFound: 400, .commandNotExecutable: 400, .unavailable: 503, .corrupt: 500, .internal: 500,
        ]
        for code in TimberError.Code.allCases { #expect(code.httpStatus == expected[code]) }
    }
}
