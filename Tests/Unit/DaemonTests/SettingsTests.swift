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
