internal import Errors
internal import Glibc
internal import LinuxKernel

/// Where the host's side of a container's mounts is, found at each start.
struct MountSources: Sendable {
    /// One mount's.
    struct Source: Sendable {
        var path: String
        /// Added to the mount's own options: what a volume's options say.
        var options: [String] = []
        /// With the mounts below it.
        var isRecursive = true
        var isFile = false
        /// What is at the path, where the path is not to be trusted; nil: the path is opened at the launch.
        var opened: SharedDescriptor?
    }

    /// By the place in the container; of binds and volumes only.
    var byDestination: [String: Source] = [:]

    subscript(destination: String) -> Source? { byDestination[destination] }
}

extension Container {
    /// Mounts what volumes have as options, makes missing host directories of `-v`, as Docker does, and finds every source.
    /// - Throws: `TimberError` that names the mount. What was mounted is given back by `releaseRun`.
    /// - Parameter holder: for whom volumes are mounted; nil: the container's run.
    func prepareMounts(for holder: String? = nil) async throws -> MountSources {
        var sources = MountSources()
        for mount in definition.mounts {
            switch mount.kind {
            case .tmpfs: continue
            case .bind: sources.byDestination[mount.destination] = MountSources.Source(path: mount.source)
            case .volume:
                try services.volumes.checkReadable(mount.volume)
                var source = MountSources.Source(path: services.volumes.path(mount.volume))
                switch services.volumes.source(mount.volume) {
                case nil: break
                case .directory(_, let attributes, let recursive): (source.options, source.isRecursive) = (attributes, recursive)
                case .fileSystem(let fileSystem): try await services.volumes.mounts.acquire(mount.volume, fileSystem, for: holder ?? id)
                }
                sources.byDestination[mount.destination] = source
            }
        }
        let mounts = definition.mounts.filter { $0.kind != .tmpfs }
        guard !mounts.isEmpty else { return sources }
        return try await BlockingPool.hostPaths.run { [sources] in
            var sources = sources
            for mount in mounts { try Self.find(mount, &sources.byDestination[mount.destination]) }
            return sources
        }
    }

    private static func find(_ mount: MountSpec, _ source: inout MountSources.Source?) throws {
        guard let path = source?.path else { return }
        if let subpath = mount.subpath {
            // Whoever writes to the volume can put a symbolic link there, at any time: it leads nowhere but into the volume, and what
            // is mounted is what was found.
            do {
                let root = try Files.directory(path)
                let found = SharedDescriptor(try Overlay.open(subpath, in: root.raw, 0o10000000 /* O_PATH */))
                source?.isFile = Files.isDirectory("/proc/self/fd/\(found.raw)") == false
                source?.opened = found
                source?.path = "\(path)/\(subpath)"
            } catch let error as SystemError where [ENOENT, ENOTDIR].contains(error.errno) {
                // Without the system's words for it, by which clients tell that a command is missing.
                throw TimberError(
                    .invalidArgument, "cannot mount \(subpath) of volume \(mount.volume) at \(mount.destination): it is not in the volume")
            } catch let error as SystemError {
                throw TimberError(
                    .invalidArgument, "cannot mount \(subpath) of volume \(mount.volume) at \(mount.destination)", cause: error)
            }
            return
        }
        switch Files.isDirectory(path) {
        case .some(let isDirectory): source?.isFile = !isDirectory
        case nil where mount.kind == .volume:
            throw TimberError(
                .invalidArgument, "cannot mount volume \(mount.volume) at \(mount.destination): \(path) does not exist on the host")
        case nil:
            do {
                try Files.makeDirectories(path, mode: 0o755)
            } catch {
                throw TimberError(.invalidArgument, "cannot make the host directory \(path) for \(mount.destination)", cause: error)
            }
        }
    }
}
