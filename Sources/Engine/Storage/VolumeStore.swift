internal import DockerAPI
internal import Errors
internal import Foundation
internal import LinuxKernel
internal import State
internal import Synchronization

/// Named and anonymous volumes: a directory each, and a row.
final class VolumeStore: Sendable {
    private let paths: Paths
    private let database: Database
    private let trash: Trash

    private struct Definition: Codable {
        var created: Timestamp
    }

    init(paths: Paths, database: Database, trash: Trash) {
        self.paths = paths
        self.database = database
        self.trash = trash
    }

    /// Makes a volume unless it exists. The row comes first: a directory without a row is removed at the next start.
    func ensure(_ name: String, anonymous: Bool) async throws {
        let definition = Array(try JSONEncoder().encode(Definition(created: .now())))
        try await database.insertIfMissing(VolumeRecord(name: name, anonymous: anonymous, definition: definition))
        let directory = "\(paths.volumes)/\(name)"
        try await BlockingPool.shared.run {
            try Files.makeDirectory(directory, mode: 0o701)
            try Files.makeDirectory("\(directory)/_data", mode: 0o755)
        }
    }

    /// Removes a volume and its content.
    func remove(_ name: String) async throws {
        try trash.discard("\(paths.volumes)/\(name)")
        try await database.deleteVolume(name)
    }

    /// Removes directories that no row names: what a crash left between the two.
    func recover() async throws {
        let known = Set(try await database.volumes().map(\.name))
        for name in try Tree.names(paths.volumes) where !known.contains(name) {
            try trash.discard("\(paths.volumes)/\(name)")
        }
    }
}
