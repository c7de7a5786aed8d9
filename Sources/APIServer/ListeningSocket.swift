internal import Errors
internal import Glibc
public import LinuxKernel
public import Logging

/// The API's socket in the file system.
public enum ListeningSocket {
    /// Makes a socket at a path and listens, mode 0660, owned by root and a group.
    ///
    /// A socket file that nobody answers on, left by a daemon that crashed, is replaced; the caller has made sure, by a lock on
    /// the data directory, that it is not another daemon's.
    /// - Parameters:
    ///   - path: at most 107 bytes; its directory exists.
    ///   - group: who may use it besides root; when there is no such group, root only, which is logged.
    ///   - log: where that is said.
    /// - Throws: `TimberError.conflict` when somebody answers there, or something else than a socket is in the way.
    public static func make(path: String, group: String, log: Logger) throws -> Descriptor {
        do {
            try removeStale(path)
            let socket = Descriptor(owning: try retrying("socket") { Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0) })
            // Born closed to everybody else: the mask of the process is not to be relied on, and changing it would hit other threads.
            try retrying("fchmod", path) { fchmod(socket.raw, 0o600) }
            try withAddress(path) { address, length in _ = try retrying("bind", path) { bind(socket.raw, address, length) } }
            try open(path, to: group, log)
            try retrying("listen", path) { listen(socket.raw, Int32(UInt16.max)) }
            return socket
        } catch let error as SystemError {
            throw TimberError(.internal, "cannot listen on \(path)", cause: error)
        }
    }

    /// Takes away the file of a socket that `make` made.
    /// - Parameter identity: from `identity(of:)`, right after it was made: somebody else's file at that path is left alone.
    public static func remove(path: String, identity: Identity, log: Logger) {
        do {
            guard try self.identity(of: path) == identity else { return }
            try retrying("unlink", path) { unlink(path) }
        } catch let error as SystemError where error.errno == ENOENT {
            return
        } catch {
            log.warning("cannot remove the socket", metadata: ["socket": "\(path)", "error": "\(error)"])
        }
    }

    /// Which file a path names now.
    /// - Throws: `SystemError`.
    public static func identity(of path: String) throws -> Identity {
        var status = stat()
        try retrying("lstat", path) { lstat(path, &status) }
        return Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    /// One file, whatever it is called.
    public struct Identity: Sendable, Equatable {
        let device: UInt64
        let inode: UInt64
    }

    private static func removeStale(_ path: String) throws {
        var status = stat()
        do {
            try retrying("lstat", path) { lstat(path, &status) }
        } catch let error as SystemError where error.errno == ENOENT {
            return
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw TimberError(.conflict, "\(path) is not a socket: move it away or choose another --socket")
        }
        let probe = Descriptor(owning: try retrying("socket") { Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0) })
        do {
            try withAddress(path) { address, length in _ = try retrying("connect", path) { connect(probe.raw, address, length) } }
        } catch let error as SystemError where error.errno == ECONNREFUSED {
            try retrying("unlink", path) { unlink(path) }
            return
        }
        throw TimberError(.conflict, "another daemon answers on \(path): stop it or choose another --socket")
    }

    private static func open(_ path: String, to group: String, _ log: Logger) throws {
        var mode: mode_t = 0o600
        if let id = groupID(group) {
            try retrying("lchown", path) { lchown(path, 0, id) }
            mode = 0o660
        } else {
            log.notice("no such group: only root may use the socket", metadata: ["group": "\(group)", "socket": "\(path)"])
        }
        try retrying("chmod", path) { chmod(path, mode) }
    }

    private static func groupID(_ name: String) -> gid_t? {
        var group = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var buffer = [CChar](repeating: 0, count: 64 << 10)
        guard getgrnam_r(name, &group, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return group.gr_gid
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void
    ) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard !bytes.isEmpty, bytes.count < room, !bytes.contains(0) else {
            throw TimberError(.invalidArgument, "socket path \(path) must have 1 to \(room - 1) bytes")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        try withUnsafePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
