internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel

/// Keeps every other daemon away from the cgroup that this one has its containers in, as long as it lives.
///
/// flock(2) asks for no more than an open file, so it is on one that only root can open: on the cgroup's directory, which everybody can
/// read, any user of this machine could keep a daemon from starting.
final class ParentLock: Sendable {
    /// The same for all daemons of this machine, whatever directories they have.
    static let directory = "/run/timber/locks"

    private let path: String
    private let file: SharedDescriptor

    /// - Parameter parent: the cgroup's path below the mount points; components have no `%`.
    /// - Throws: `TimberError.conflict` when another daemon has it.
    init(parent: String, directory: String = ParentLock.directory) throws {
        path = "\(directory)/cgroup%" + parent.replacing("/", with: "%")
        file = try Self.take(path, directory, parent)
    }

    private static func take(_ path: String, _ directory: String, _ parent: String) throws -> SharedDescriptor {
        while true {
            try Files.makeDirectories(directory)
            try Files.restrict(directory, mode: 0o700)
            let file = try Files.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
            let raw = file.raw
            do {
                try retrying("flock", path) { flock(raw, LOCK_EX | LOCK_NB) }
            } catch let error as SystemError where error.errno == EWOULDBLOCK {
                throw TimberError(
                    .conflict, "another timberd has its containers in the cgroup \(parent): give this one a --cgroup-parent of its own")
            }
            // One that ended meanwhile has removed it, and the name is free for others.
            var status = stat()
            try retrying("fstat", path) { fstat(raw, &status) }
            if status.st_nlink > 0 { return SharedDescriptor(file) }
        }
    }

    /// Removes the file; the cgroup is not this daemon's any more.
    /// - Throws: `SystemError`.
    func remove() throws { try Files.remove(path) }
}
