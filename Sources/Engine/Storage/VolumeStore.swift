internal import DockerAPI
internal import Errors
internal import Foundation
internal import Glibc
internal import Images
internal import LinuxKernel
internal import State
internal import Synchronization

/// Named and anonymous volumes: a row and a directory each.
///
/// The row comes first and goes first: a directory without one is removed at the next start.
final class VolumeStore: Sendable {
    private let paths: Paths
    private let database: Database
    private let trash: Trash
    /// Rows and their directories change together.
    private let changes = Mutex(())
    private let filling = KeyedQueue()

    /// What a volume's row says of it, as JSON.
    private struct Definition: Codable {
        var created: Timestamp
        var labels: [String: String] = [:]
    }

    /// A volume that is to be there.
    struct Request: Sendable {
        var name: String
        var anonymous = false
        var labels: [String: String] = [:]

        /// By this label Docker's clients know an anonymous volume.
        static let anonymousLabel = "com.docker.volume.anonymous"

        fileprivate func record() throws -> VolumeRecord {
            var definition = Definition(created: .now(), labels: labels)
            if anonymous { definition.labels[Self.anonymousLabel] = "" }
            return VolumeRecord(name: name, anonymous: anonymous, definition: Array(try JSONEncoder().encode(definition)))
        }
    }

    init(paths: Paths, database: Database, trash: Trash) {
        self.paths = paths
        self.database = database
        self.trash = trash
    }

    // MARK: Reading

    /// Every volume by name, with how many containers have it.
    func list() async throws -> [(volume: Volume, users: Int)] {
        try await database.volumes().map { (try describe($0.volume), $0.users) }
    }

    /// - Throws: `TimberError.notFound`.
    func inspect(_ name: String) async throws -> Volume {
        guard let record = try await database.volume(name) else { throw Self.missing(name) }
        return try describe(record)
    }

    private func describe(_ record: VolumeRecord) throws -> Volume {
        let definition = try JSONDecoder().decode(Definition.self, from: Data(record.definition))
        return Volume(
            name: record.name, mountpoint: paths.volume(record.name),
            createdAt: Timestamp(seconds: definition.created.seconds, nanoseconds: 0).rfc3339, labels: definition.labels)
    }

    private static func missing(_ name: String) -> TimberError {
        TimberError(.notFound, "get \(name.prefix(200)): no such volume")
    }

    // MARK: Changing

    /// Makes a volume unless it exists.
    /// - Returns: whether it is new.
    func create(_ request: Request) async throws -> Bool {
        let record = try request.record()
        return try await BlockingPool.shared.run { [self] in
            try changes.withLock { _ in
                let isNew = try database.insertIfMissing(record)
                try makeDirectories(record.name)
                return isNew
            }
        }
    }

    /// Stores a new container together with its volumes, so that nobody removes one of them any more.
    /// - Returns: the names of the volumes that are new.
    func create(_ requests: [Request], for container: ContainerRecord) async throws -> [String] {
        let records = try requests.map { try $0.record() }
        return try await BlockingPool.shared.run { [self] in
            try changes.withLock { _ in
                let new = try database.insert(container, volumes: records)
                for record in records { try makeDirectories(record.name) }
                return new
            }
        }
    }

    private func makeDirectories(_ name: String) throws {
        try Files.makeDirectory("\(paths.volumes)/\(name)", mode: 0o701)
        try Files.makeDirectory(paths.volume(name), mode: 0o755)
    }

    /// Removes a volume and its content.
    /// - Parameter container: one that is about to go and does not count.
    /// - Throws: `TimberError.notFound`; `.conflict` when containers have it.
    func remove(_ name: String, besides container: String? = nil) async throws {
        try await BlockingPool.shared.run { [self] in
            try changes.withLock { _ in
                switch try database.removeVolume(name, besides: container) {
                case .missing: throw Self.missing(name)
                case .used(let users):
                    throw TimberError(.conflict, "remove \(name): volume is in use - [\(users.joined(separator: ", "))]")
                case .removed: try trash.discard("\(paths.volumes)/\(name)")
                }
            }
        }
    }

    /// Removes directories that no row names: what a crash left between the two.
    func recover() async throws {
        let known = Set(try await database.volumes().map(\.volume.name))
        for name in try Tree.names(paths.volumes) where !known.contains(name) {
            try trash.discard("\(paths.volumes)/\(name)")
        }
    }

    // MARK: Filling

    /// Fills an empty volume with what an image has at its place, with owners and modes, as Docker does.
    /// - Parameters:
    ///   - container: for which.
    ///   - layers: the image's directories, highest first.
    ///   - destination: the volume's place in the container.
    func fill(_ name: String, for container: String, from layers: [String], at destination: String) async throws {
        try await filling.run(name) { [self] in
            try await BlockingPool.shared.run { [self] in
                guard try Tree.names(paths.volume(name)).isEmpty else { return }
                let root = try Overlay.view(layers)
                let source: Descriptor
                do {
                    source = try Overlay.open(String(destination.dropFirst()), in: root.raw, O_RDONLY | O_DIRECTORY)
                } catch let error as SystemError where [ENOENT, ENOTDIR, ELOOP].contains(error.errno) {
                    return  // The image has no directory there.
                }
                do {
                    try fill(name, for: container, from: source.raw)
                } catch {
                    throw TimberError(.internal, "cannot fill the volume for \(destination) from the image", cause: error)
                }
            }
        }
    }

    /// The copy is made beside the volume and takes its place as a whole, so that a copy that is interrupted leaves the volume empty.
    private func fill(_ name: String, for container: String, from source: Int32) throws {
        let copy = "\(paths.volumes)/\(name)/filling"
        // Left by a daemon that ended in the middle.
        try Tree.remove(copy)
        try Files.makeDirectory(copy, mode: 0o755)
        do {
            try Tree.copy(contentsOf: source, to: copy)
            let isPlaced = try changes.withLock { _ in
                // Where another container may have mounted it, it must stay the same directory.
                guard try database.users(ofVolume: name) == [container] else { return false }
                try retrying("rename", name) { rename(copy, paths.volume(name)) }
                return true
            }
            if isPlaced { return }
            let made = try Files.directory(copy)
            try Tree.copy(contentsOf: made.raw, to: paths.volume(name))
            try Tree.remove(copy)
        } catch {
            try Tree.remove(copy)
            throw error
        }
    }
}
