import Foundation
import Testing

@testable import APIServer

@Suite("docs/api.md")
struct DocumentationTests {
    /// `GET /containers/{}/json` for every row that begins an endpoint; names of variables do not matter.
    private static func documented() throws -> [String] {
        let repository = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
        let text = try String(contentsOf: repository.appending(path: "docs/api.md"), encoding: .utf8)
        let row = /^\| `(GET|HEAD|POST|PUT|DELETE) (\/[^`]*)` \|/.anchorsMatchLineEndings()
        return text.matches(of: row).map { match in "\(match.1) \(match.2.replacing(/\{[^}]*\}/, with: "{}"))" }
    }

    @Test func everyEndpointIsDocumentedAndNoOther() throws {
        let (documented, served) = (try Self.documented(), Router().endpoints)
        #expect(Set(served).subtracting(documented).sorted() == [], "endpoints that docs/api.md does not name")
        #expect(Set(documented).subtracting(served).sorted() == [], "rows of docs/api.md that no endpoint stands behind")
        #expect(documented.count == Set(documented).count, "an endpoint has two rows")
        #expect(documented.count > 50)
    }
}
