import Errors
import Testing

@testable import Daemon

@Suite struct SettingsTests {
    @Test func commentsAreAllowed() throws {
        let file = try SettingsFile.parse(Array("{ // where\n \"data-dir\": \"/d\", }".utf8), path: "f")
        #expect(file.dataDir == "/d")
    }

    @Test(arguments: ["{\"data-dirr\": \"/d\"}", "[]", "{\"data-dir\": 3}", "{\"data-dir\": \"\"}", "{", ""])
    func mistakesAreErrors(_ text: String) {
        let error = #expect(throws: TimberError.self) { try SettingsFile.parse(Array(text.utf8), path: "f") }
        #expect(error?.code == .invalidArgument)
    }

    @Test func flagsWin() {
        let flags = SettingsFile(dataDir: "/flag")
        let merged = flags.filled(from: SettingsFile(dataDir: "/file", bridge: "b0"))
        #expect(merged.dataDir == "/flag" && merged.bridge == "b0")
    }

    @Test(
        arguments: [
            SettingsFile(dataDir: "relative"), SettingsFile(bridge: "a-name-much-too-long"), SettingsFile(bridge: "a/b"),
            SettingsFile(logLevel: "loud"), SettingsFile(bridgeSubnet: "10.0.0.0/99"),
        ])
    func badValuesAreRefused(_ said: SettingsFile) {
        #expect(throws: TimberError.self) { try Settings(said) }
    }
}

@Suite struct KeyLinesTests {
    @Test func commentsAndValuesAreNoKeys() {
        let lines = KeyLines(
            Array(
                """
                // "a": 1
                { /* "b": 2,
                     "c": */
                  "d": "\\"e\\": // 3",  'f' :
                  "g:", h-i: "x",
                }
                """.utf8))
        #expect(["d", "f", "h-i"].map { lines[$0] } == [4, 4, 5])
        // Not there: the first line, as good as any.
        #expect(["a", "b", "c", "e", "g:", "x"].map { lines[$0] } == [1, 1, 1, 1, 1, 1])
        #expect(lines.repeated == nil)
    }

    @Test func aRepeatedKeyIsFound() throws {
        let repeated = try #require(KeyLines(Array("{\"a\": \"b\",\n\"b\": \"a\",\n\n\"a\": \"c\", \"a\": 1}".utf8)).repeated)
        #expect(repeated.key == "a" && repeated.line == 4)
    }

    @Test(arguments: ["", "\"", "{\"a", "/*", "/* *", "{\"a\\", "//", "'", ":", "{\"a\": /*"]) func anythingEnds(_ text: String) {
        _ = KeyLines(Array(text.utf8))
    }
}

@Suite struct MistakeTests {
    @Test(arguments: [
        ("{\n\"data-dirr\": \"/d\"}", "f:2: unknown key \"data-dirr\""), ("{\n\n\"bridge\": 3}", "f:3: the value of \"bridge\""),
        ("{\n\"bridge\": \"\"}", "f:2: the value"), ("{\"bridge\": \"b\",\n\"bridge\": \"c\"}", "f:2: \"bridge\" is said twice"),
    ])
    func theirLineIsNamed(_ text: String, _ words: String) {
        let error = #expect(throws: TimberError.self) { try SettingsFile.parse(Array(text.utf8), path: "f") }
        #expect("\(error.map { "\($0)" } ?? "")".contains(words))
    }
}
