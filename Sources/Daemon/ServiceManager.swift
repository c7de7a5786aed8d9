internal import CTimber
internal import Errors
internal import Foundation
internal import Glibc
internal import LinuxKernel
internal import Logging

/// sd_notify(3): tells the service manager how the daemon is; does nothing without one.
enum ServiceManager {
    /// sd_booted(3).
    static var hasBooted: Bool { Files.isDirectory("/run/systemd/system") == true }

    /// sd_watchdog_enabled(3): how long the service manager waits for `WATCHDOG=1` before it ends this process; nil: it does not.
    static var watchdog: Duration? {
        let environment = ProcessInfo.processInfo.environment
        guard let microseconds = environment["WATCHDOG_USEC"].flatMap({ Int64($0) }), microseconds > 0 else { return nil }
        if let pid = environment["WATCHDOG_PID"], pid != String(getpid()) { return nil }
        return .microseconds(microseconds)
    }

    /// - Parameter state: lines such as `READY=1`.
    static func notify(_ state: String) {
        guard let path = ProcessInfo.processInfo.environment["NOTIFY_SOCKET"], path.hasPrefix("/") || path.hasPrefix("@") else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // A leading @ stands for the abstract namespace's zero byte.
        let bytes = path.hasPrefix("@") ? [0] + Array(path.utf8.dropFirst()) : Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { return }
        let socket = Descriptor(owning: number)
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let text = Array(state.utf8)
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(socket.raw, text, text.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }
}

/// sd_listen_fds(3): a listening socket that systemd made.
enum SystemdSocket {
    /// - Returns: nil when there is none for this process.
    /// - Throws: `TimberError.invalidArgument` when there are several: which one is the API's is not said.
    static func take() throws -> OwnedOnce? {
        let environment = ProcessInfo.processInfo.environment
        guard let pid = environment["LISTEN_PID"].flatMap({ Int32($0) }), pid == getpid(),
            let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), count > 0
        else { return nil }
        guard count == 1 else {
            throw TimberError(.invalidArgument, "systemd passed \(count) sockets; timberd serves one: check timberd.socket")
        }
        try checking("fcntl", "FD_CLOEXEC") { timber_fcntl(3, F_SETFD, Int(FD_CLOEXEC)) }
        return OwnedOnce(Descriptor(owning: 3))
    }
}
