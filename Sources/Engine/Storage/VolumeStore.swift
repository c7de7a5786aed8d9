internal import DockerAPI
internal import Errors
internal import Foundation
internal import Glibc
internal import Images
internal import LinuxKernel
internal import Logging
internal import State
internal import Synchronization

/// Named and anonymous volumes: a row and a directory each.
///
/// The row comes first and goes last: what a crash leaves is a row without a directory, and the next start finishes it. A directory
/// without a row is somebody's data, as after `apt purge` or a lost database, and becomes a volume again.
final class VolumeStore: Sendable {
    private let paths: Paths
    private let database: Database
    private let trash: Trash
    /// Rows and their directories change together.
    private let changes = Mutex(())
    private let filling = KeyedQueue()
    /// Of the volumes that are no directory of ours.
    private let sources = Mutex<[String: VolumeSource]>([:])
    /// Volumes whose rows say what this daemon does not understand: neither used nor removed.
    private let unreadable = Mutex<Set<String>>([])
    /// What those have mounted.
    let mounts: VolumeMounts
    private let log: Logger

    /// What a volume's row says of it, as JSON.
    private struct Definition: Codable {
        var created: Timestamp
        var labels: [String: String] = [:]
        /// nil: none, or of a version that had none.
        var options: [String: String]?
    }

    /// A volume that is to be there.
    struct Request: Sendable {
        var name: String
        var anonymous = false
        var labels: [String: String] = [:]
        /// Of the driver; checked by `VolumeSource`.
        var options: [String: String] = [:]

        /// By this label Docker's clients know an anonymous volume.
        static let anonymousLabel = "com.docker.volume.anonymous"

        fileprivate func record() throws -> VolumeRecord {
            var definition = Definition(created: .now(), labels: labels, options: options.isEmpty ? nil : options)
            if anonymous { definition.labels[Self.anonymousLabel] = "" }
            return VolumeRecord(name: name, anonymous: anonymous, definition: Array(try JSONEncoder().encode(definition)))
        }
    }

    init(paths: Paths, database: Database, trash: Trash, log: Logger) {
        mounts = VolumeMounts(directory: paths.volumeMounts, log: log)
        self.paths = paths
        self.database = database
        self.trash = trash
        self.log = log
    }

    // MARK: Reading

    /// Every volume by name, with how many containers have it; but for those that are set aside.
    func list() async throws -> [(volume: Volume, users: Int)] {
        let unreadable = unreadable.withLock { $0 }
        return try await database.volumes().filter { !unreadable.contains($0.volume.name) }.map { (try describe($0.volume), $0.users) }
    }

    /// - Throws: `TimberError.notFound`.
    func inspect(_ name: String) async throws -> Volume {
        guard let record = try await database.volume(name) else { throw Self.missing(name) }
        try checkReadable(name)
        return try describe(record)
    }

    private func describe(_ record: VolumeRecord) throws -> Volume {
        let definition = try JSONDecoder().decode(Definition.self, from: Data(record.definition))
        return Volume(
            name: record.name, mountpoint: path(record.name),
            createdAt: Timestamp(seconds: definition.created.seconds, nanoseconds: 0).rfc3339, labels: definition.labels,
            options: definition.options ?? [:])
    }

    /// What a volume's options say; nil: it is a directory of ours.
    func source(_ name: String) -> VolumeSource? { sources.withLock { $0[name] } }

    /// - Throws: `TimberError.corrupt` for a volume that nobody knows the content of.
    func checkReadable(_ name: String) throws {
        guard unreadable.withLock({ $0.contains(name) }) else { return }
        throw TimberError(.corrupt, "the state database says of volume \(name) what this timberd does not understand: see its log")
    }

    /// Where a volume's content lies on the host; of a file system of its own only while it is mounted.
    func path(_ name: String) -> String {
        switch source(name) {
        case nil: paths.volume(name)
        case .directory(let directory, _, _): directory
        case .fileSystem: mounts.path(name)
        }
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
                if isNew { try note(request) }
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
                for request in requests where new.contains(request.name) { try note(request) }
                for record in records { try makeDirectories(record.name) }
                return new
            }
        }
    }

    private func note(_ request: Request) throws {
        let source = try VolumeSource(request.options)
        sources.withLock { $0[request.name] = source }
    }

    private func makeDirectories(_ name: String) throws {
        try Files.makeDirectory("\(paths.volumes)/\(name)", mode: 0o701)
        try Files.makeDirectory(paths.volume(name), mode: 0o755)
    }

    /// Removes a volume and its content.
    /// - Parameter container: one that is about to go and does not count.
    /// - Throws: `TimberError.notFound`; `.conflict` when containers have it.
    func remove(_ name: String, besides container: String? = nil) async throws {
        try checkReadable(name)
        try await BlockingPool.shared.run { [self] in
            try changes.withLock { _ in
                switch try database.removeVolume(name, besides: container, content: { try trash.discard("\(paths.volumes)/\(name)") }) {
                case .missing: throw Self.missing(name)
                case .used(let users):
                    throw TimberError(.conflict, "remove \(name): volume is in use - [\(users.joined(separator: ", "))]")
                case .removed: sources.withLock { $0[name] = nil }
                }
            }
        }
    }

    /// Reads what there is and makes rows and directories agree.
    func recover() async throws {
        let records = try await database.volumes()
        let directories = Set(try Tree.names(paths.volumes))
        for (record, users) in records {
            guard directories.contains(record.name) || users > 0 else {
                // Its creation was not finished, or its removal.
                _ = try database.removeVolume(record.name)
                continue
            }
            do {
                try makeDirectories(record.name)
                let options = try JSONDecoder().decode(Definition.self, from: Data(record.definition)).options ?? [:]
                let source = try VolumeSource(options)
                sources.withLock { $0[record.name] = source }
            } catch {
                _ = unreadable.withLock { $0.insert(record.name) }
                log.error("cannot read a volume's row; it is left untouched", metadata: ["volume": "\(record.name)", "error": "\(error)"])
            }
        }
        for name in directories.subtracting(records.map(\.volume.name)) {
            do {
                try adopt(name)
            } catch {
                log.error("what lies among the volumes is none; it is left untouched", metadata: ["name": "\(name)", "error": "\(error)"])
            }
        }
    }

    /// Makes a directory without a row a volume again; an empty one goes.
    private func adopt(_ name: String) throws {
        guard try Tree.names("\(paths.volumes)/\(name)").contains("_data"), try !Tree.names(paths.volume(name)).isEmpty else {
            return try trash.discard("\(paths.volumes)/\(name)")
        }
        _ = try VolumeName.validated(name, in: paths.volumes)
        let request = Request(name: name, anonymous: name.count == 64 && name.allSatisfy(\.isHexDigit))
        guard try database.insertIfMissing(request.record()) else { return }
        try note(request)
        log.notice("a volume that no record named is one again", metadata: ["volume": "\(name)"])
    }

    /// Takes over what is mounted.
    /// - Parameter running: the containers that run or may run.
    func recoverMounts(running: Set<String>) async throws {
        try await mounts.recover { try running.intersection(database.users(ofVolume: $0)) }
    }

    // MARK: Filling

    /// Fills an empty volume with what an image has at its place, with owners and modes, as Docker does.
    /// - Parameters:
    ///   - container: for which.
    ///   - layers: the image's directories, highest first.
    ///   - destination: the volume's place in the container.
    func fill(_ name: String, for container: String, from layers: [String], at destination: String) async throws {
        switch source(name) {
        case nil: break
        // Mounted anew for each use, it would lose what it was filled with.
        case .fileSystem(let fileSystem) where ["tmpfs", "ramfs"].contains(fileSystem.type): return
        case .fileSystem(let fileSystem):
            try await mounts.acquire(name, fileSystem, for: container)
            do {
                try await fillForeign(name, from: layers, at: destination)
            } catch {
                await mounts.release(container)
                throw error
            }
            return await mounts.release(container)
        case .directory: return try await fillForeign(name, from: layers, at: destination)
        }
        try await filling.run(name) { [self] in
            try await BlockingPool.shared.run { [self] in
                guard try Tree.names(paths.volume(name)).isEmpty else { return }
                try Self.withSource(layers, destination) { try fill(name, for: container, from: $0) }
            }
        }
    }

    /// Fills what is not a directory of ours: it stays the same one, so a copy that is interrupted is not repeated.
    private func fillForeign(_ name: String, from layers: [String], at destination: String) async throws {
        let path = path(name)
        try await filling.run(name) {
            try await BlockingPool.hostPaths.run {
                let isEmpty: Bool
                do {
                    isEmpty = try Tree.names(path).isEmpty
                } catch let error as SystemError {
                    throw TimberError(.invalidArgument, "cannot use volume \(name): its content is at \(path)", cause: error)
                }
                guard isEmpty else { return }
                try Self.withSource(layers, destination) { try Tree.copy(contentsOf: $0, to: path) }
            }
        }
    }

    /// Opens what an image has at a place; does nothing when that is no directory.
    private static func withSource(_ layers: [String], _ destination: String, _ body: (Int32) throws -> Void) throws {
        let root = try Overlay.view(layers)
        let source: Descriptor
        do {
            source = try Overlay.open(String(destination.dropFirst()), in: root.raw, O_RDONLY | O_DIRECTORY)
        } catch let error as SystemError where [ENOENT, ENOTDIR, ELOOP].contains(error.errno) {
            return
        }
        do {
            try body(source.raw)
        } catch {
            throw TimberError(.internal, "cannot fill the volume for \(destination) from the image", cause: error)
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
