import Testing

@testable import TctlCommands

@Suite struct TerminalTests {
    /// Types pieces and gives what went through; nil when the keys were found.
    private func type(_ keys: DetachKeys, _ pieces: String...) -> (output: String, detached: Bool) {
        var scanner = DetachScanner(keys)
        var output: [UInt8] = []
        for piece in pieces where scanner.scan(piece.utf8, into: &output) { return (String(decoding: output, as: UTF8.self), true) }
        return (String(decoding: output, as: UTF8.self), false)
    }

    @Test func keysAreFoundAlsoInPieces() {
        #expect(type(.standard, "ab\u{10}\u{11}cd") == ("ab", true))
        #expect(type(.standard, "ab\u{10}", "\u{11}cd") == ("ab", true))
        #expect(type(.standard, "\u{10}x\u{11}") == ("\u{10}x\u{11}", false))
        #expect(type(.standard, "\u{10}\u{10}\u{11}") == ("\u{10}", true))
    }

    @Test func whatOnlyBeginsLikeTheKeysGoesOut() throws {
        let keys = try DetachKeys(parsing: "a,b,a,c")
        #expect(type(keys, "ababac") == ("ab", true))
        #expect(type(keys, "abaabac") == ("aba", true))
        #expect(type(keys, "abab") == ("ab", false))
        var scanner = DetachScanner(keys)
        var output: [UInt8] = []
        #expect(!scanner.scan("xab".utf8, into: &output))
        #expect(Array(scanner.held) == Array("ab".utf8))
    }

    @Test func keysAreReadAsDockerWritesThem() throws {
        #expect(try DetachKeys(parsing: "ctrl-p,ctrl-q") == .standard)
        #expect(try DetachKeys(parsing: "ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_").bytes == [0, 27, 28, 29, 30, 31])
        #expect(try DetachKeys(parsing: "ctrl-a,Z").bytes == [1, 0x5A])
        for text in ["", "ctrl-", "ctrl-pp", "ctrl-1", "ab", "a,,b", "ctrl-p,", "é"] {
            let failure = #expect(throws: CommandFailure.self) { try DetachKeys(parsing: text) }
            #expect(failure?.status == 125)
        }
    }

    @Test func signalsHaveTheNamesOfTheAPI() {
        #expect(SignalQueue.name(of: 2) == "SIGINT")
        #expect(SignalQueue.name(of: 15) == "SIGTERM")
        #expect(SignalQueue.name(of: 40) == "40")
        #expect(!SignalQueue.forwarded.contains(9))
        #expect(!SignalQueue.forwarded.contains(13))
        #expect(!SignalQueue.forwarded.contains(17))
    }
}
