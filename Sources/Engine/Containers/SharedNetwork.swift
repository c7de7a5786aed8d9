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
            // An open directory of procfs is one process for ever: nothing is read through it of one that has its number later.
            let process = try Files.open("/proc/\(pid)", 0o10000000 /* O_PATH */ | O_DIRECTORY)
            let namespace = try open("ns/net", in: process.raw)
            let groups = try open("cgroup", in: process.raw)
            let names = try Files.read(groups.raw, limit: 1 << 16, what: "cgroup").split { "/\n".utf8.contains($0) }
            guard names.contains(where: { $0.elementsEqual(owner.id.utf8) }) else { throw TimberError(.conflict, gone) }
            if owner.definition.network != .host {
                let own = try Files.open("/proc/self/ns/net", O_RDONLY)
                guard try inode(namespace.raw) != inode(own.raw) else { throw TimberError(.conflict, gone) }
            }
            return SharedDescriptor(namespace)
        } catch let error as SystemError where [ENOENT, ESRCH].contains(error.errno) {
            throw TimberError(.conflict, gone, cause: error)
        }
    }

    private static func open(_ name: String, in directory: Int32) throws -> Descriptor {
        Descriptor(owning: try retrying("openat", name) { openat(directory, name, O_RDONLY | O_CLOEXEC) })
    }

    private static func inode(_ namespace: Int32) throws -> ino_t {
        var status = stat()
        try retrying("fstat", "ns/net") { fstat(namespace, &status) }
        return status.st_ino
    }
}
