internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Logging
internal import Synchronization

/// File systems of volumes, each mounted once, below the run directory, as long as a container runs that has the volume. Nothing is
/// ever removed there but empty directories, so no mistake can reach what is mounted.
final class VolumeMounts: Sendable {
    private struct State {
        /// Ids of containers by volume.
        var users: [String: Set<String>] = [:]
        var mounted: Set<String> = []
    }

    private let directory: String
    private let log: Logger
    private let state = Mutex(State())
    private let changes = KeyedQueue()

    init(directory: String, log: Logger) {
        self.directory = directory
        self.log = log
    }

    /// Where a volume's file system is while it is mounted.
    func path(_ name: String) -> String { "\(directory)/\(name)" }

    /// Mounts a volume unless it is; it stays until `release`.
    /// - Throws: `TimberError`.
    func acquire(_ name: String, _ fileSystem: VolumeFileSystem, for container: String) async throws {
        try await changes.run(name) { [self] in
            guard state.withLock({ !$0.mounted.contains(name) }) else { return add(name, container) }
            let path = path(name)
            try await BlockingPool.hostPaths.run {
                try Files.makeDirectory(path, mode: 0o700)
                do {
                    try fileSystem.mount(on: path, volume: name)
                } catch {
                    rmdir(path)
                    throw error
                }
            }
            state.withLock { _ = $0.mounted.insert(name) }
            add(name, container)
        }
    }

    private func add(_ name: String, _ container: String) {
        state.withLock { _ = $0.users[name, default: []].insert(container) }
    }

    /// A container has ended: what nobody else has is unmounted.
    func release(_ container: String) async {
        for name in state.withLock({ $0.users.filter { $0.value.contains(container) }.keys.sorted() }) {
            await changes.run(name) { [self] in
                let isUnused = state.withLock { state in
                    state.users[name]?.remove(container)
                    guard state.users[name]?.isEmpty == true else { return false }
                    state.users[name] = nil
                    return state.mounted.remove(name) != nil
                }
                if isUnused { await unmount(name) }
            }
        }
    }

    private func unmount(_ name: String) async {
        let path = path(name)
        do {
            try await BlockingPool.hostPaths.run { try Self.unmount(path) }
        } catch {
            log.error("cannot unmount a volume", metadata: ["volume": "\(name)", "error": "\(error)"])
        }
    }

    /// Lazily: somebody on the host may be looking at it.
    private static func unmount(_ path: String) throws {
        do {
            // MNT_DETACH, UMOUNT_NOFOLLOW
            try checking("umount", path) { timber_umount2(path, 2 | 8) }
        } catch let error as SystemError where error.errno == EINVAL {
            // Nothing is mounted there.
        }
        try retrying("rmdir", path) { rmdir(path) }
    }

    /// Takes over what an earlier daemon mounted, and unmounts what no container has any more. Call once, before any container runs.
    /// - Parameter users: the containers that run and have a volume.
    func recover(users: (String) throws -> Set<String>) async throws {
        let mountpoints = try Self.mountpoints()
        for name in try Tree.names(directory) {
            let users = try users(name)
            guard !users.isEmpty, mountpoints.contains(path(name)) else {
                log.notice("unmounting a volume that no running container has", metadata: ["volume": "\(name)"])
                await unmount(name)
                continue
            }
            state.withLock { state in
                state.mounted.insert(name)
                state.users[name] = users
            }
        }
    }

    /// Fifth field of proc_pid_mountinfo(5), with its escapes undone.
    private static func mountpoints() throws -> Set<String> {
        let text = String(decoding: try Files.read("/proc/self/mountinfo", limit: 16 << 20), as: UTF8.self)
        return Set(
            text.split(separator: "\n").compactMap { line -> String? in
                let fields = line.split(separator: " ", maxSplits: 5)
                guard fields.count > 4 else { return nil }
                return String(fields[4]).replacing("\\040", with: " ").replacing("\\011", with: "\t").replacing("\\012", with: "\n")
                    .replacing("\\134", with: "\\")
            })
    }
}

extension BlockingPool {
    /// For paths that users name: a file system of theirs may never answer, and must not keep other containers from starting.
    static let hostPaths = BlockingPool(threads: 64)
}
