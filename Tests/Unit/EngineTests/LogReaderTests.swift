import Foundation
import Synchronization
import Testing

@testable import Engine

@Suite struct LogReaderTests {
    private final class Collected: Sendable {
        let text = Mutex("")
    }

    private func read(_ files: [String: String], _ query: LogQuery) async throws -> String {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("timber-log-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        for (name, text) in files { try text.write(to: directory.appendingPathComponent(name), atomically: false, encoding: .utf8) }
        let collected = Collected()
        try await LogReader(files: LogFiles(directory: directory.path), query: query).read(isRunning: { false }, watch: nil) { _, bytes in
            collected.text.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
        }
        return collected.text.withLock { $0 }
    }

    private let files = [
        "log.1": "2026-01-01T00:00:01.1Z stdout F one\n2026-01-01T00:00:02.1Z stderr F two\n",
        "log": "2026-01-01T00:00:03.1Z stdout P thr\n2026-01-01T00:00:03.2Z stdout F ee\n2026-01-01T00:00:04.1Z stdout F four\n",
    ]

    @Test func readsRotatedFilesInOrder() async throws {
        #expect(try await read(files, LogQuery()) == "one\ntwo\nthree\nfour\n")
    }

    @Test func choosesStreams() async throws {
        #expect(try await read(files, LogQuery(stdout: false)) == "two\n")
    }

    @Test(arguments: [(0, ""), (1, "four\n"), (2, "three\nfour\n"), (3, "two\nthree\nfour\n"), (9, "one\ntwo\nthree\nfour\n")])
    func tailCountsWholeLines(_ tail: Int, _ expected: String) async throws {
        #expect(try await read(files, LogQuery(tail: tail)) == expected)
    }

    @Test(arguments: [(1, "end"), (2, "startend"), (3, "line\nstartend")])
    func tailCountsUnfinishedLinesOfEachStream(_ tail: Int, _ expected: String) async throws {
        let text = "2026-01-01T00:00:01Z stdout F line\n2026-01-01T00:00:02Z stdout P start\n2026-01-01T00:00:02Z stderr P end\n"
        #expect(try await read(["log": text], LogQuery(tail: tail)) == expected)
    }

    @Test func tailOverManyBlocks() async throws {
        let lines = (0..<6_000).map { "line \($0) " + String(repeating: "x", count: $0 % 97) }
        let text = lines.map { "2026-01-01T00:00:01Z stdout F \($0)\n" }.joined()
        for tail in [1, 2, 700, 5_999, 6_000, 9_000] {
            let expected = lines.suffix(tail).map { $0 + "\n" }.joined()
            #expect(try await read(["log": text + "2026 unfini"], LogQuery(tail: tail)) == expected)
        }
    }

    @Test func tailOfALineLongerThanABlock() async throws {
        let long = String(repeating: "y", count: 200_000)
        let text = "2026-01-01T00:00:01Z stdout F a\n2026-01-01T00:00:02Z stdout F \(long)\n2026-01-01T00:00:03Z stdout F b\n"
        #expect(try await read(["log": text], LogQuery(tail: 2)) == long + "\nb\n")
        #expect(try await read(["log": text], LogQuery(tail: 3)) == "a\n" + long + "\nb\n")
    }

    /// What is before the last lines is not read: here it is a hole of a tebibyte.
    @Test(.timeLimit(.minutes(5))) func tailReadsTheEndOnly() async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("timber-log-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appendingPathComponent("log")
        try Data().write(to: path)
        let file = try FileHandle(forWritingTo: path)
        try file.seek(toOffset: 1 << 40)
        try file.write(contentsOf: Data((1...3).map { "\n2026-01-01T00:00:01Z stdout F \($0)" }.joined().utf8 + [10]))
        try file.close()
        let collected = Collected()
        let reader = LogReader(files: LogFiles(directory: directory.path), query: LogQuery(tail: 2))
        try await reader.read(isRunning: { false }, watch: nil) { _, bytes in
            collected.text.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
        }
        #expect(collected.text.withLock { $0 } == "2\n3\n")
    }

    @Test func sinceAndUntil() async throws {
        var query = LogQuery(timestamps: true)
        query.since = Timestamp(rfc3339: "2026-01-01T00:00:02Z".utf8)
        query.until = Timestamp(rfc3339: "2026-01-01T00:00:03.15Z".utf8)
        #expect(try await read(files, query) == "2026-01-01T00:00:02.1Z two\n2026-01-01T00:00:03.1Z thr")
    }

    @Test func damagedLinesArePassedOver() async throws {
        let text = "garbage\n\n \n2026 stdout\nx stdout F ok\nx stdin F no\n2026-01-01T00:00:01Z stdout F\0bin\u{1}\nlast"
        #expect(try await read(["log": text], LogQuery()) == "ok\n")
    }

    @Test func noFileIsNoOutput() async throws {
        #expect(try await read([:], LogQuery(follow: true)) == "")
    }
}
