internal import Glibc
internal import LinuxKernel

/// The first process of a container.
enum ContainerProcess {
    /// Opens its directory in /proc: one process for ever, nothing is read through it of another that has its number later.
    /// - Parameter pid: as the registry has it; the process may have ended since.
    /// - Returns: nil when the process is not the container's any more.
    /// - Throws: `SystemError`.
    static func open(of id: String, pid: Int32) throws -> SharedDescriptor? {
        do {
            let process = try Files.open("/proc/\(pid)", 0o10000000 /* O_PATH */ | O_DIRECTORY)
            let groups = try DirectoryCalls.open(process.raw, BytePath("cgroup"), O_RDONLY)
            let names = try Files.read(groups.raw, limit: 1 << 16, what: "cgroup").split { "/\n".utf8.contains($0) }
            guard names.contains(where: { $0.elementsEqual(id.utf8) }) else { return nil }
            return SharedDescriptor(process)
        } catch let error as SystemError where [ENOENT, ESRCH].contains(error.errno) {
            return nil
        }
    }
}
