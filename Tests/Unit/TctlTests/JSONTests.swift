import Testing

@testable import TctlCommands

@Suite struct JSONTests {
    @Test func orderAndDigitsAreKept() throws {
        let text = #"{"z":1,"a":[true,null,-1.50e3],"big":12345678901234567890,"":{}}"#
        #expect(try JSONValue(parsing: text).compact == text)
    }

    @Test func escapesAreRead() throws {
        #expect(try JSONValue(parsing: #""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#) == .string("\"\\/\u{8}\u{C}\n\r\té😀"))
        // Half a surrogate pair is no character.
        #expect(try JSONValue(parsing: #""\ud83dx""#) == .string("\u{FFFD}x"))
        #expect(try JSONValue(parsing: #""\ud83d\u0041""#) == .string("\u{FFFD}A"))
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "tru", "nul", "01", "1.", ".5", "1e", "-",
        "+1",
        "\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\n\"", "1 2", "[1]]", "\u{FEFF}1", "NaN", "'a'",
    ])
    func brokenTextIsRefused(text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text) }
    }

    @Test func linesComeInAnyPieces() throws {
        let text = Array("{\"a\":1}\r\n\n[2]\n\"x".utf8)
        for size in 1...text.count {
            var lines = JSONLines()
            var values: [JSONValue] = []
            for start in stride(from: 0, to: text.count, by: size) {
                values += try lines.take(Array(text[start..<min(start + size, text.count)]))
            }
            #expect(values.map(\.compact) == ["{\"a\":1}", "[2]"])
            #expect(throws: JSONSyntaxError.self) { try lines.finish() }
            #expect(try lines.finish().isEmpty)
        }
    }

    @Test func lineWithoutEndIsRefused() throws {
        var lines = JSONLines()
        let piece = [UInt8](repeating: 0x20, count: 4 << 20)
        _ = try lines.take(piece)
        _ = try lines.take(piece)
        #expect(throws: HTTPSyntaxError.self) { try lines.take(piece) }
    }

    @Test func depthIsBounded() throws {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: deep) }
        let allowed = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        #expect(try JSONValue(parsing: allowed).compact == allowed)
    }

    @Test func bytesThatAreNotUTF8DoNotCrash() throws {
        #expect(try JSONValue(parsing: [0x22, 0xFF, 0xC3, 0x22]) == .string("\u{FFFD}\u{FFFD}"))
    }

    @Test func prettyIsDockersForm() throws {
        let value = try JSONValue(parsing: #"[{"Id":"x","Empty":[],"Map":{},"List":[1,2]}]"#)
        #expect(
            value.pretty() == """
                [
                    {
                        "Id": "x",
                        "Empty": [],
                        "Map": {},
                        "List": [
                            1,
                            2
                        ]
                    }
                ]
                """)
    }

    @Test func controlCharactersAreWrittenAsEscapes() {
        #expect(JSONValue.quoted("a\u{1B}[31m\"\\\n\u{2028}") == #""a\u001b[31m\"\\\n\u2028""#)
    }

    private struct Wire: Decodable, Equatable {
        var name: String
        var port: UInt16?
        var list: [Int]
        var map: [String: Bool]
    }

    @Test func wireTypesAreRead() throws {
        let value = try JSONValue(parsing: #"{"name":"x","port":null,"list":[1,2],"map":{"a":true},"unknown":[]}"#)
        #expect(try JSONDecoding.read(Wire.self, from: value) == Wire(name: "x", port: nil, list: [1, 2], map: ["a": true]))
    }

    @Test(arguments: [
        (#"{"name":1,"list":[],"map":{}}"#, "name"), (#"{"name":"x","port":70000,"list":[],"map":{}}"#, "port"),
        (#"{"name":"x","list":[1,"2"],"map":{}}"#, "list.1"), (#"{"name":"x","list":[1.5],"map":{}}"#, "list.0"),
        (#"{"list":[],"map":{}}"#, "name"),
        (#"[]"#, "object"),
    ])
    func whatDoesNotFitIsNamed(text: String, word: String) throws {
        let value = try JSONValue(parsing: text)
        let failure = #expect(throws: CommandFailure.self) { try JSONDecoding.read(Wire.self, from: value) }
        #expect(failure?.message.contains(word) ?? false)
    }
}
