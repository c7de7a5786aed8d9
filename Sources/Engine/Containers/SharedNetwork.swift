internal import Errors
internal import Glibc
internal import LinuxKernel

/// The network namespace of another container, for `--network container:`.
enum SharedNetwork {
    /// Opens it.
    /// - Parameter pid: of the container's first process, as the registry has it; the process may have ended since.
    /// - Throws: `TimberError.conflict` when the process is not the container's any more.
    static func open(of owner: Snapshot, pid: Int32) throws -> SharedDescriptor {
        let gone = "cannot join the network of container \(owner.name): it is not running"
        do {
            guard let process = try ContainerProcess.open(of: owner.id, pid: pid) else { throw TimberError(.conflict, gone) }
            let namespace = Descriptor(
                owning: try retrying("openat", "ns/net") { openat(process.raw, "ns/net", O_RDONLY | O_CLOEXEC) })
            if owner.definition.network != .host {
                let own = try Files.open("/proc/self/ns/net", O_RDONLY)
                guard try inode(namespace.raw) != inode(own.raw) else { throw TimberError(.conflict, gone) }
            }
            return SharedDescriptor(namespace)
        } catch let error as SystemError where [ENOENT, ESRCH].contains(error.errno) {
            throw TimberError(.conflict, gone, cause: error)
        }
    }

    private static func inode(_ namespace: Int32) throws -> ino_t {
        var status = stat()
        try retrying("fstat", "ns/net") { fstat(namespace, &status) }
        return status.st_ino
    }
}
