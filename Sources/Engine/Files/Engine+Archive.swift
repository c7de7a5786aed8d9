public import DockerAPI
internal import Errors
internal import Layers
public import LinuxKernel
internal import Tar

/// A file or directory of a container, and how to read it as an archive.
public struct ContainerArchive: Sendable {
    /// What it is.
    public let stat: ContainerPathStat
    /// Reads it, piece by piece, no faster than `emit` takes them; at most once.
    public let read: @Sendable (_ emit: @escaping @Sendable ([UInt8]) async throws -> Void) async throws -> Void
}

extension Engine {
    /// Looks at a path in a container without following a link in its last component.
    public func containerPathStat(_ name: String, path: String) async throws -> ContainerPathStat {
        let path = try ContainerPath(path)
        let files = ContainerFiles(root: try await container(name).openRoot(.mounted), container: name)
        return try await BlockingPool.hostPaths.run { try files.status(path) }
    }

    /// Opens a path in a container as an archive.
    public func containerArchive(_ name: String, path: String) async throws -> ContainerArchive {
        let path = try ContainerPath(path)
        let container = try container(name)
        let files = ContainerFiles(root: try await container.openRoot(.mounted), container: name)
        let stat = try await BlockingPool.hostPaths.run { try files.status(path) }
        let (services, snapshot) = (services, await container.snapshot)
        return ContainerArchive(stat: stat) { emit in
            services.events.container("archive-path", snapshot)
            try await self.stream(emit) { archive in try files.archive(path, to: TarWriter(DescriptorSink(archive))) }
        }
    }

    /// Extracts an archive into a directory of a container.
    /// - Parameters:
    ///   - archive: a tar, compressed or not; read to its end.
    ///   - keepsKinds: refuse to replace a directory by a file, and a file by a directory.
    ///   - takesUser: give the files to the container's user.
    public func extract(
        _ archive: consuming Descriptor, into name: String, path: String, keepsKinds: Bool, takesUser: Bool
    ) async throws {
        let source = OwnedOnce(archive)
        let path = try ContainerPath(path)
        let container = try container(name)
        let snapshot = await container.snapshot
        let definition = snapshot.definition
        try await toItsEnd { [transfers] in
            // Before the root, which a container waits for that is to start.
            try await transfers.run {
                try await container.receiving { root, interrupt in
                    try await BlockingPool.transfers.run {
                        var options = TreeExtractor.Options(keepsKinds: keepsKinds)
                        if takesUser, !definition.config.user.isEmpty {
                            let user = try UserDatabase(of: root.root.raw).resolve(definition.config.user, extra: [])
                            options.owner = (user.uid, user.gid)
                        }
                        let stream = SharedDescriptor(try source.take())
                        let reader = TarReader(ReaderChunks(try LimitedReader(InterruptibleReader(stream, interrupt))))
                        try ContainerFiles(root: root, container: name).extract(reader, into: path, options: options)
                        try reader.drain()
                    }
                }
            }
        }
        services.events.container("extract-to-dir", snapshot)
    }

    /// What a container changed of its image's files.
    public func containerChanges(_ name: String) async throws -> [FilesystemChange] {
        let container = try container(name)
        let tree = try await comparisons.run { try await container.upperTree() }
        return tree.changes.map { FilesystemChange(path: "/" + String(decoding: $0.path, as: UTF8.self), kind: $0.kind.rawValue) }
    }

    /// Opens a container's whole file system, without what is mounted in it, as an archive.
    /// - Returns: reads it; at most once.
    public func exportContainer(
        _ name: String
    ) async throws -> @Sendable (_ emit: @escaping @Sendable ([UInt8]) async throws -> Void) async throws -> Void {
        let container = try container(name)
        let root = try await container.openRoot(.fileSystem)
        let (services, snapshot) = (services, await container.snapshot)
        return { emit in
            services.events.container("export", snapshot)
            try await self.stream(emit) { archive in
                let tar = TarWriter(DescriptorSink(archive))
                try TreeArchiver(tar).addContents(of: root.root.raw, prefix: [])
                try tar.end()
            }
        }
    }

    /// Hands what a blocking writer writes to somebody who takes it piece by piece; the writer gets EPIPE when he has gone.
    /// - Parameter write: gets a descriptor to write to.
    func stream(
        _ emit: @escaping @Sendable ([UInt8]) async throws -> Void, _ write: @escaping @Sendable (SharedDescriptor) throws -> Void
    ) async throws {
        try await transfers.run {
            let (reader, writer) = try UnixSocket.pair()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await BlockingPool.transfers.run {
                        // Whoever reads waits for an end, also after an error.
                        let result = Result { try write(writer) }
                        try writer.shutDownWriting()
                        try result.get()
                    }
                }
                do {
                    while true {
                        let piece = try await BlockingPool.transfers.run { try reader.readSome() }
                        if piece.isEmpty { break }
                        try await emit(piece)
                    }
                } catch {
                    // A client that has gone: the writer, which may stand in write(2), is told so.
                    try reader.shutDown()
                    throw error
                }
                try await group.waitForAll()
            }
        }
    }
}

extension Container {
    /// What the container changed, by its upper directory.
    func upperTree(check: @escaping @Sendable () throws -> Void = {}) async throws -> UpperTree {
        if lifecycle.phase == .removing { throw TimberError(.conflict, "container \(name) is being removed") }
        let layers = try lowerLayers().map { services.paths.layer($0) }
        let upper = "\(directory)/upper"
        let placeholders = MountPlaces.placeholders(definition)
        return try await BlockingPool.transfers.run {
            let lower = SharedDescriptor(try Overlay.view(layers))
            return try UpperTree(
                upper: SharedDescriptor(try Files.directory(upper)), lower: lower, placeholders: placeholders, check: check)
        }
    }
}

/// What a container's upper directory gets by being started.
enum MountPlaces {
    /// Relative to the root; an image that has them is not changed by them.
    static func placeholders(_ definition: Definition) -> Set<String> {
        Set(["dev", "proc", "sys", "etc", "etc/hostname", "etc/hosts", "etc/resolv.conf"])
            .subtracting(definition.mounts.map { String($0.destination.dropFirst()) })
    }
}

extension UserDatabase {
    /// Reads the files of a container.
    /// - Throws: `TimberError.invalidArgument` when they cannot be read.
    init(of root: Int32) throws {
        let files = try ["etc/passwd", "etc/group"].map { path in
            do {
                return try Overlay.readFile(path, in: root) ?? []
            } catch let error as SystemError {
                throw TimberError(.invalidArgument, "cannot look up users: /\(path) of the image cannot be read", cause: error)
            }
        }
        self.init(passwd: files[0], group: files[1])
    }
}
