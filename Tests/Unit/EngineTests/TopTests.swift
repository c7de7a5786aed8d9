import Errors
import Testing

@testable import Engine

@Suite struct TopTests {
    private func titles(_ arguments: String) throws -> [String] {
        try ProcessColumns(parsing: arguments).columns.map(\.title)
    }

    @Test(arguments: ["", "-ef", "-fe", "-e -f", "ef"])
    func fullFormat(_ arguments: String) throws {
        #expect(try titles(arguments) == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"])
    }

    @Test(arguments: ["aux", "-aux", "axu", "u"])
    func userFormat(_ arguments: String) throws {
        #expect(try titles(arguments) == ["USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "COMMAND"])
    }

    @Test(arguments: ["-o pid,comm", "-opid,comm", "-eo pid,comm", "o pid,comm", "axo pid,comm", "-e -o pid -o comm"])
    func chosenColumns(_ arguments: String) throws {
        #expect(try titles(arguments) == ["PID", "COMMAND"])
    }

    @Test func titlesOfOnesOwn() throws {
        #expect(try titles("-o pid=number,pcpu,rss=") == ["number", "%CPU", ""])
    }

    @Test(arguments: ["-Z", "--sort pid", "-o pid,lstart", "-o ppid", "-o", "-u root", "aux; id", "-p 1"])
    func whatIsNotKnownIsRefused(_ arguments: String) {
        #expect(throws: TimberError.self) { try ProcessColumns(parsing: arguments) }
    }
}
