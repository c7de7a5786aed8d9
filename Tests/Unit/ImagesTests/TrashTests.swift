import Errors
import Foundation
import LinuxKernel
import Logging
import Synchronization
import Testing

@testable import Images

@Suite struct TrashTests {
    private let base: String
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init() throws {
        base = FileManager.default.temporaryDirectory.appendingPathComponent("timber-trash-\(UUID().uuidString)").path
        for name in ["trash", "data"] {
            try FileManager.default.createDirectory(atPath: "\(base)/\(name)", withIntermediateDirectories: true)
        }
    }

    private func tree(_ name: String) throws -> String {
        let path = "\(base)/data/\(name)"
        try FileManager.default.createDirectory(atPath: path + "/a/b", withIntermediateDirectories: true)
        for file in ["x", "a/y", "a/b/z"] { try "content".write(toFile: "\(path)/\(file)", atomically: false, encoding: .utf8) }
        return path
    }

    private func names(_ directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(base)/\(directory)")
    }

    private func eventually(_ condition: () throws -> Bool) async throws -> Bool {
        for _ in 0..<6_000 {
            if try condition() { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    @Test func whatIsDiscardedGoesAtOnceAndIsDeletedLater() async throws {
        defer { try? FileManager.default.removeItem(atPath: base) }
        let trash = try Trash(directory: base + "/trash", log: log)
        // The same name again and again.
        for _ in 0..<20 {
            let path = try tree("same")
            try trash.discard(path)
            #expect(!FileManager.default.fileExists(atPath: path))
            try trash.discard(path)
        }
        #expect(try await eventually { try names("trash").isEmpty })
    }

    /// Whoever throws away and whoever empties meanwhile: nothing is deleted by two, and each failure leaves one thing, not the rest.
    @Test func everythingIsTriedOnce() async throws {
        defer { try? FileManager.default.removeItem(atPath: base) }
        let tried = Mutex<[BytePath]>([])
        let trash = try Trash(directory: base + "/trash", log: log) { directory, name in
            let count = tried.withLock { tried in
                tried.append(name)
                return tried.count
            }
            usleep(500)
            if count % 10 == 3 { throw SystemError(call: "unlinkat", errno: EPERM) }
            try TreeRemoval.remove(directory, name)
        }
        let paths = try (0..<100).map { try tree("\($0)") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for path in paths {
                group.addTask {
                    try trash.discard(path)
                    try trash.empty()
                }
            }
            try await group.waitForAll()
        }
        #expect(try await eventually { try tried.withLock(\.count) >= 100 && names("trash").count <= 10 })
        try trash.empty()
        #expect(tried.withLock { $0.count } == 100 && Set(tried.withLock { $0 }).count == 100)
        // The next start tries again.
        try Trash(directory: base + "/trash", log: log).empty()
        #expect(try await eventually { try names("trash").isEmpty })
    }
}
