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
