internal import CTimber
internal import Glibc

/// Stream Unix sockets: addresses, listening, connecting, and messages that carry descriptors.
public enum UnixSocket {
    /// Binds and listens on a path with the given permission bits; the path must not exist.
    /// - Throws: `SystemError`; ENAMETOOLONG when the last part of the path does not fit `sun_path` (108 bytes).
    public static func listen(path: String, mode: UInt32, backlog: Int32 = 128) throws -> Descriptor {
        let socket = try make()
        try withAddress(path) { address, length in
            _ = try retrying("bind", path) { Glibc.bind(socket.raw, address, length) }
        }
        try retrying("chmod", path) { chmod(path, mode) }
        try retrying("listen", path) { Glibc.listen(socket.raw, backlog) }
        return socket
    }

    /// Connects to a listening socket.
    /// - Throws: `SystemError`; ECONNREFUSED when nobody listens, ENOENT when the path does not exist.
    public static func connect(path: String) throws -> Descriptor {
        let socket = try make()
        try withAddress(path) { address, length in
            _ = try retrying("connect", path) { Glibc.connect(socket.raw, address, length) }
        }
        return socket
    }

    /// Two connected stream sockets.
    /// - Throws: `SystemError`.
    public static func pair() throws -> (SharedDescriptor, SharedDescriptor) {
        var numbers: [Int32] = [-1, -1]
        try retrying("socketpair") {
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &numbers)
        }
        return (SharedDescriptor(Descriptor(owning: numbers[0])), SharedDescriptor(Descriptor(owning: numbers[1])))
    }

    /// Sends all bytes, the descriptors with the first of them; waits when the socket is full.
    /// - Parameters:
    ///   - descriptors: numbers that stay the caller's; at most 253.
    ///   - timeout: milliseconds to wait for room before giving up with EAGAIN.
    /// - Throws: `SystemError`; EPIPE when the peer is gone.
    public static func send(_ bytes: [UInt8], descriptors: [Int32] = [], to socket: Int32, timeout: Int32 = 10_000) throws {
        var sent = 0
        var pending = descriptors
        while sent < bytes.count {
            do {
                sent += try bytes.withUnsafeBytes { buffer in
                    try sendOnce(UnsafeRawBufferPointer(rebasing: buffer[sent...]), descriptors: pending, to: socket)
                }
                pending = []
            } catch let error as SystemError where error.errno == EAGAIN {
                var poller = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
                guard try retrying("poll", "", { poll(&poller, 1, timeout) }) > 0 else { throw error }
            }
        }
    }

    private static func sendOnce(
        _ bytes: UnsafeRawBufferPointer, descriptors: [Int32], to socket: Int32
    ) throws(SystemError) -> Int {
        let controlSize = descriptors.isEmpty ? 0 : timber_cmsg_space(descriptors.count * MemoryLayout<Int32>.size)
        var control = [UInt64](repeating: 0, count: (controlSize + 7) / 8)
        var vector = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
        while true {
            let result: Int = control.withUnsafeMutableBytes { control in
                withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    if controlSize > 0 {
                        message.msg_control = control.baseAddress
                        message.msg_controllen = controlSize
                        if let header = timber_cmsg_first(&message) {
                            header.pointee.cmsg_level = SOL_SOCKET
                            header.pointee.cmsg_type = Int32(SCM_RIGHTS)
                            header.pointee.cmsg_len = timber_cmsg_len(descriptors.count * MemoryLayout<Int32>.size)
                            descriptors.withUnsafeBytes { source in
                                if let base = source.baseAddress { memcpy(timber_cmsg_data(header), base, source.count) }
                            }
                        }
                    }
                    return sendmsg(socket, &message, Int32(MSG_NOSIGNAL))
                }
            }
            if result >= 0 { return result }
            let error = timber_errno()
            if error != EINTR { throw SystemError(call: "sendmsg", errno: error) }
        }
    }

    private static func make() throws -> Descriptor {
        Descriptor(
            owning: try retrying("socket") {
                socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            })
    }

    /// A path that is too long for an address is named through a descriptor of its directory.
    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void
    ) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let limit = MemoryLayout.size(ofValue: address.sun_path)
        if path.utf8.count >= limit, let slash = path.lastIndex(of: "/"), slash != path.startIndex,
            path[slash...].utf8.count < limit - "/proc/self/fd/1234567890".utf8.count
        {
            let directory = SharedDescriptor(try Files.open(String(path[..<slash]), 0o10000000 /* O_PATH */ | O_DIRECTORY))
            return try withExtendedLifetime(directory) { try withAddress("/proc/self/fd/\(directory.raw)\(path[slash...])", body) }
        }
        let bytes = Array(path.utf8)
        guard bytes.count < limit, !bytes.contains(0) else {
            throw SystemError(call: "socket address", errno: ENAMETOOLONG, what: path)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        try withUnsafePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

extension SharedDescriptor {
    /// shutdown(2) of the writing side: the peer sees the end, what was sent still arrives.
    /// - Throws: `SystemError`.
    public func shutDownWriting() throws {
        try retrying("shutdown") { shutdown(raw, Int32(SHUT_WR)) }
    }

    /// Ends both directions: who writes at the other end gets EPIPE.
    /// - Throws: `SystemError`.
    public func shutDown() throws {
        try retrying("shutdown") { shutdown(raw, Int32(SHUT_RDWR)) }
    }

    /// Reads what is there, at most 64 KiB; waits for something. Empty: the end.
    /// - Throws: `SystemError`.
    public func readSome() throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, count in
            count = try retrying("read") { read(raw, buffer.baseAddress, buffer.count) }
        }
    }
}
