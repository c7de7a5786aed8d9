import Foundation
import Layers
import LinuxKernel
import Logging
import Testing

@testable import Engine

@Suite struct DirectoryPoolTests {
    private let base: String
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    /// Whoever runs the tests may give files to nobody else.
    private let root = RootDirectory(mode: 0o751, uid: getuid(), gid: getgid())

    init() throws {
        base = FileManager.default.temporaryDirectory.appendingPathComponent("timber-ready-\(UUID().uuidString)").path
        for name in ["ready", "containers", "trash"] {
            try FileManager.default.createDirectory(atPath: "\(base)/\(name)", withIntermediateDirectories: true)
        }
    }

    private func names(_ directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(base)/\(directory)").sorted()
    }

    private func fills(_ pool: DirectoryPool, to count: Int) async throws -> Bool {
        for _ in 0..<12_000 {
            if pool.readyCount == count { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    private func expectComplete(_ name: String) throws {
        #expect(try names("containers/\(name)") == ["hostname", "hosts", "log", "resolv.conf", "upper", "work"])
        let status = try FileManager.default.attributesOfItem(atPath: "\(base)/containers/\(name)/upper")
        #expect(status[.posixPermissions] as? Int == 0o751)
    }

    @Test func directoriesAreCompleteWhetherOneWasReadyOrNot() async throws {
        defer { try? FileManager.default.removeItem(atPath: base) }
        let pool = DirectoryPool(directory: "\(base)/ready", limit: 2, log: log)
        try pool.place(at: "\(base)/containers/none", root: root)
        #expect(try await fills(pool, to: 2))
        #expect(try names("ready").count == 2)
        // More than are ready.
        for number in 0..<6 { try pool.place(at: "\(base)/containers/\(number)", root: root) }
        for name in try names("containers") { try expectComplete(name) }
        #expect(try names("containers").count == 7)
        #expect(try await fills(pool, to: 2))
    }

    @Test func whatIsGoneIsNotGivenAway() async throws {
        defer { try? FileManager.default.removeItem(atPath: base) }
        let pool = DirectoryPool(directory: "\(base)/ready", limit: 2, log: log)
        try pool.place(at: "\(base)/containers/first", root: root)
        #expect(try await fills(pool, to: 2))
        for name in try names("ready") { try FileManager.default.removeItem(atPath: "\(base)/ready/\(name)") }
        try pool.place(at: "\(base)/containers/second", root: root)
        try expectComplete("second")
        #expect(try await fills(pool, to: 2))
    }

    @Test func whatAnEarlierDaemonLeftIsThrownAway() async throws {
        defer { try? FileManager.default.removeItem(atPath: base) }
        for name in ["old", "half"] {
            try FileManager.default.createDirectory(atPath: "\(base)/ready/\(name)", withIntermediateDirectories: true)
        }
        let pool = DirectoryPool(directory: "\(base)/ready", limit: 2, log: log)
        var thrown: [String] = []
        try pool.renew { path in
            thrown.append(path)
            try FileManager.default.removeItem(atPath: path)
        }
        #expect(thrown.sorted() == ["\(base)/ready/half", "\(base)/ready/old"])
        #expect(try await fills(pool, to: 2))
        #expect(try names("ready").count == 2)
    }

    @Test func aDirectoryThatCannotBeMadeSaysWhy() throws {
        defer { try? FileManager.default.removeItem(atPath: base) }
        let pool = DirectoryPool(directory: "\(base)/missing", limit: 2, log: log)
        #expect(throws: SystemError.self) { try pool.place(at: "\(base)/containers/one", root: root) }
        #expect(try names("containers").isEmpty)
    }
}
