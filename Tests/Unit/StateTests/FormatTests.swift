import Errors
import Foundation
import State
import Testing

@Suite struct FormatTests {
    /// Where SQLite keeps `PRAGMA user_version`: four bytes, the highest first (the database file format, 1.3).
    private static let offset = 60

    private func inScratch(_ body: (URL) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("timber-state-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { _ = Result { try FileManager.default.removeItem(at: directory) } }
        let file = directory.appendingPathComponent("state.db")
        // Closed at once: what is in the log beside it goes into the file.
        _ = try Database(path: file.path)
        try body(file)
    }

    private func setFormat(_ number: UInt8, in file: URL) throws {
        var bytes = try Data(contentsOf: file)
        bytes.replaceSubrange(Self.offset..<Self.offset + 4, with: [0, 0, 0, number])
        try bytes.write(to: file)
    }

    private func format(of file: URL) throws -> [UInt8] {
        Array(try Data(contentsOf: file)[Self.offset..<Self.offset + 4])
    }

    @Test func theFormatIsOnRecord() throws {
        try inScratch { file in
            let format = try format(of: file)
            #expect(format == [0, 0, 0, 1])
        }
    }

    /// One that was written before there was a number is of the first format.
    @Test func aFileWithoutANumberIsOpened() throws {
        try inScratch { file in
            try setFormat(0, in: file)
            _ = try Database(path: file.path)
            let format = try format(of: file)
            #expect(format == [0, 0, 0, 1])
        }
    }

    @Test func aNewerFormatIsRefusedAndLeftAlone() throws {
        try inScratch { file in
            try setFormat(2, in: file)
            let error = #expect(throws: TimberError.self) { try Database(path: file.path) }
            #expect(error?.code == .corrupt && "\(error.map { "\($0)" } ?? "")".contains("newer Timber"))
            let format = try format(of: file)
            #expect(format == [0, 0, 0, 2])
        }
    }
}
