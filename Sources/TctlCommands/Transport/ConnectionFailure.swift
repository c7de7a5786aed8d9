internal import CTimber
internal import Glibc
internal import LinuxKernel

/// Words for a socket that cannot be connected: what to start, or which group to join.
enum ConnectionFailure {
    /// Turns the error of connect(2) into what a person can do about it.
    static func explain(_ error: SystemError, endpoint: Endpoint) -> CommandFailure {
        let path = endpoint.path
        let start = path == Endpoint.standard.path ? "sudo systemctl start timberd, or sudo timberd" : "timberd --socket \(path)"
        switch error.errno {
        case ENOENT, ENOTDIR:
            return CommandFailure("timberd is not running: there is no socket at \(path); start it with: \(start)")
        case ECONNREFUSED:
            return CommandFailure("timberd is not running: nobody listens on \(path); start it with: \(start)")
        case EACCES, EPERM:
            let group = socketGroup(path)
            return CommandFailure(
                "no permission to use \(path): its users are root and the members of group \(group); add yourself with: "
                    + "sudo usermod -aG \(group) $USER, and log in again")
        case ENOTSOCK, EPROTOTYPE:
            return CommandFailure("\(path) is not a stream socket; give the daemon's with --host unix:///PATH")
        default:
            return CommandFailure("timberd cannot be reached: \(error)")
        }
    }

    /// The name of the group that owns the socket, read from /etc/group: a static executable has no name service.
    private static func socketGroup(_ path: String) -> String {
        var status = stat()
        guard stat(path, &status) == 0, let file = fopen("/etc/group", "re") else { return "timber" }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let fields = text.split(separator: ":", omittingEmptySubsequences: false)
            if fields.count >= 3, UInt32(fields[2]) == status.st_gid { return String(fields[0]) }
        }
        return "\(status.st_gid)"
    }
}

/// The daemon hung up in the middle of something.
struct LostConnection: Error, CustomStringConvertible {
    let description = "timberd closed the connection; its log says why"
}
