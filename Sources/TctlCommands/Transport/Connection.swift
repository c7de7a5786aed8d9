internal import CTimber
internal import Glibc
internal import LinuxKernel

/// One stream connection to the daemon. The socket does not block; the blocking calls wait with poll(2).
final class Connection {
    /// What a read that does not wait found.
    enum Received: Equatable {
        case bytes
        case nothing
        case end
    }

    private let descriptor: Descriptor
    /// Where recv(2) writes: an array would have to be filled first.
    private let landing = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
    private var buffer = [UInt8]()
    private var start = 0

    /// The number to poll.
    var raw: Int32 { descriptor.raw }

    /// Takes a connected stream socket.
    init(owning descriptor: consuming Descriptor) throws {
        self.descriptor = descriptor
        try checking("fcntl", "O_NONBLOCK") { timber_fcntl(self.descriptor.raw, F_SETFL, Int(O_NONBLOCK)) }
    }

    deinit {
        landing.deallocate()
    }

    /// Connects to a daemon.
    /// - Throws: `CommandFailure` that says what to do: start it, or join its group.
    convenience init(to endpoint: Endpoint) throws {
        let descriptor = Descriptor(
            owning: try retrying("socket") { socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) })
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: endpoint.path.utf8.prefix(107)) }
        do {
            // Blocking on purpose: a Unix socket that does not block refuses with EAGAIN when the backlog is full.
            _ = try withUnsafePointer(to: &address) { pointer in
                try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    try retrying("connect", endpoint.path) { connect(descriptor.raw, pointer, socklen_t(MemoryLayout<sockaddr_un>.size)) }
                }
            }
        } catch let error as SystemError {
            throw ConnectionFailure.explain(error, endpoint: endpoint)
        }
        try self.init(owning: descriptor)
    }

    /// What was received and not yet taken.
    var pending: ArraySlice<UInt8> { buffer[start...] }

    /// Marks the first bytes of `pending` as used.
    func consume(_ count: Int) {
        start += count
        if start == buffer.count {
            buffer.removeAll(keepingCapacity: true)
            start = 0
        }
    }

    /// Gives `pending` as raw memory to a body that says how much it used.
    func withPending(_ body: (UnsafeRawBufferPointer) throws -> Int) rethrows {
        let used = try buffer.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        consume(used)
    }

    /// Reads what is there without waiting.
    /// - Throws: `SystemError`.
    func receiveNow() throws -> Received {
        let count = recv(descriptor.raw, landing.baseAddress, landing.count, 0)
        let failure = timber_errno()
        if count > 0 {
            buffer.append(contentsOf: UnsafeRawBufferPointer(rebasing: landing[..<count]))
            return .bytes
        }
        if count == 0 || failure == ECONNRESET { return .end }
        if failure == EAGAIN || failure == EINTR { return .nothing }
        throw SystemError(call: "recv", errno: failure, what: "the daemon's socket")
    }

    /// Waits for bytes.
    /// - Returns: false at the end of the stream.
    /// - Throws: `SystemError`.
    func receive() throws -> Bool {
        while true {
            switch try receiveNow() {
            case .bytes: return true
            case .end: return false
            case .nothing: try wait(for: POLLIN)
            }
        }
    }

    /// Sends as much as the socket takes without waiting.
    /// - Returns: how many bytes were sent.
    /// - Throws: `SystemError`; EPIPE when the daemon hung up.
    func sendNow(_ bytes: UnsafeRawBufferPointer) throws -> Int {
        if bytes.isEmpty { return 0 }
        let count = Glibc.send(descriptor.raw, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        if count >= 0 { return count }
        let failure = timber_errno()
        if failure == EAGAIN || failure == EINTR { return 0 }
        throw SystemError(call: "send", errno: failure, what: "the daemon's socket")
    }

    /// Sends everything, waiting as long as it takes.
    /// - Throws: `SystemError`.
    func send(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = try sendNow(UnsafeRawBufferPointer(rebasing: bytes[sent...]))
                if count == 0 { try wait(for: POLLOUT) }
                sent += count
            }
        }
    }

    /// Says that nothing more will be sent; the other direction stays open.
    func closeSending() {
        // The daemon may be gone already; reading will tell.
        _ = shutdown(descriptor.raw, Int32(SHUT_WR))
    }

    /// Whether the daemon has hung up, or said something nobody asked for, on a connection kept for the next request.
    var isStale: Bool {
        var entry = pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0)
        return !pending.isEmpty || poll(&entry, 1, 0) != 0
    }

    private func wait(for events: Int32) throws {
        var entry = pollfd(fd: descriptor.raw, events: Int16(truncatingIfNeeded: events), revents: 0)
        try retrying("poll") { poll(&entry, 1, -1) }
    }
}
