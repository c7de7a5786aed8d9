import Foundation
import Images
import Layers
import LinuxKernel
import Logging
import State
import TarBuilder
import Testing

/// An image store in a directory of its own.
struct TestStore: ~Copyable {
    let path: String
    let store: ImageStore

    init(limits: ExtractionLimits = .default) throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("timber-images-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        store = try Self.open(path, limits: limits)
    }

    static func open(_ path: String, limits: ExtractionLimits = .default) throws -> ImageStore {
        try FileManager.default.createDirectory(atPath: path + "/trash", withIntermediateDirectories: true)
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return try ImageStore(
            dataDirectory: path, database: try Database(path: path + "/state.db"),
            trash: try Trash(directory: path + "/trash", log: log), log: log, limits: limits)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Loads an archive that is in memory, by way of a file.
    func load(_ archive: [UInt8]) async throws -> [LoadedImage] {
        let file = path + "/archive-\(UUID().uuidString)"
        try Data(archive).write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        return try await load(file: file)
    }

    func load(file: String) async throws -> [LoadedImage] {
        let descriptor = try DirectoryCalls.open(-100, BytePath(file), 0, resolve: 0)
        return try await store.load(from: descriptor) { _ in }
    }
}
