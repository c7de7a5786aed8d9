internal import CTimber
internal import Glibc

/// A netlink socket for requests: one batch at a time, answers read before it returns.
///
/// The kernel handles a request inside `sendto`, so that every answer is there when `sendto` returns; nothing here waits.
/// Not for two threads at once: the owner holds a lock, or one socket a thread.
public struct NetlinkSocket: ~Copyable, Sendable {
    private let descriptor: Descriptor

    /// Opens a socket in the calling thread's network namespace; it stays in that namespace.
    /// - Parameter protocolNumber: `NETLINK_ROUTE` or `NETLINK_NETFILTER`.
    /// - Throws: `SystemError`.
    public init(protocolNumber: Int32) throws {
        let raw = try retrying("socket", "AF_NETLINK") {
            socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), protocolNumber)
        }
        let descriptor = Descriptor(owning: raw)
        // Errors come without the request that caused them, and with the kernel's own words.
        for option in [NETLINK_CAP_ACK, NETLINK_EXT_ACK] {
            try Self.set(option, level: SOL_NETLINK, to: 1, on: raw)
        }
        self.descriptor = descriptor
    }

    /// The descriptor's number.
    public var raw: Int32 { descriptor.raw }

    /// Sends a batch and checks every answer.
    /// - Throws: the first error, as `SystemError` with the message's name and the kernel's explanation.
    public func perform(_ batch: NetlinkBatch) throws {
        try perform(batch) { _, _ in }
    }

    /// Sends a batch, hands every message of the answer to a closure, and checks for errors.
    /// - Parameters:
    ///   - batch: the requests.
    ///   - each: gets the message's type and what follows its netlink header.
    /// - Throws: the first error, as `SystemError`; EINTR when a dump was interrupted by a change and has to be repeated.
    public func perform(_ batch: NetlinkBatch, _ each: (_ type: Int, _ body: ArraySlice<UInt8>) throws -> Void) throws {
        try send(batch)
        var failure: SystemError?
        var finished = batch.lastAcknowledged == 0
        while !finished {
            try Self.split(try receive()) { header, body in
                if Int32(header.nlmsg_flags) & NLM_F_DUMP_INTR != 0 {
                    failure = failure ?? error(EINTR, header, batch, [])
                }
                switch Int32(header.nlmsg_type) {
                case NLMSG_ERROR, NLMSG_DONE:
                    let code = body.load(Int32.self) ?? 0
                    if code < 0 { failure = failure ?? error(-code, header, batch, body) }
                    // A batch that was refused as a whole is answered with the number of its first message.
                    if header.nlmsg_seq == batch.lastAcknowledged || (code < 0 && header.nlmsg_seq == 1) { finished = true }
                case NLMSG_NOOP, NLMSG_OVERRUN:
                    break
                default:
                    try each(Int(header.nlmsg_type), body)
                }
            }
        }
        if let failure {
            drain()
            throw failure
        }
    }

    /// Binds the socket to a port that the kernel chooses.
    /// - Returns: the port; notifications of what this socket changes carry it.
    /// - Throws: `SystemError`.
    public func bindPort() throws -> UInt32 {
        var address = sockaddr_nl(nl_family: UInt16(AF_NETLINK), nl_pad: 0, nl_pid: 0, nl_groups: 0)
        var length = socklen_t(MemoryLayout<sockaddr_nl>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            _ = try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                try retrying("bind", "AF_NETLINK") { bind(descriptor.raw, pointer, length) }
                try retrying("getsockname", "AF_NETLINK") { getsockname(descriptor.raw, pointer, &length) }
            }
        }
        return address.nl_pid
    }

    /// Joins a multicast group.
    /// - Throws: `SystemError`.
    public func join(group: Int32) throws {
        _ = try bindPort()
        try Self.set(NETLINK_ADD_MEMBERSHIP, level: SOL_NETLINK, to: group, on: raw)
    }

    /// Reads one datagram of a multicast group, without waiting.
    /// - Returns: its messages, with their type and the port of who caused them; nil when there is none.
    /// - Throws: `SystemError`; ENOBUFS when notifications were lost.
    public func notifications() throws -> [(header: (type: Int, port: UInt32), body: ArraySlice<UInt8>)]? {
        do {
            var messages: [(header: (type: Int, port: UInt32), body: ArraySlice<UInt8>)] = []
            Self.split(try receive()) { header, body in
                messages.append(((Int(header.nlmsg_type), header.nlmsg_pid), body))
            }
            return messages
        } catch let error as SystemError where error.errno == EAGAIN {
            return nil
        }
    }

    private func send(_ batch: NetlinkBatch) throws {
        // The default send buffer holds 208 KiB; a published range of thousands of ports needs more.
        if batch.bytes.count > 128 << 10 {
            try Self.set(SO_SNDBUFFORCE, level: SOL_SOCKET, to: Int32(clamping: batch.bytes.count * 2), on: raw)
        }
        _ = try batch.bytes.withUnsafeBytes { buffer in
            try retrying("sendto", "netlink") { Glibc.send(descriptor.raw, buffer.baseAddress, buffer.count, 0) }
        }
    }

    /// Takes a datagram apart; what is malformed ends it.
    private static func split(_ datagram: [UInt8], _ each: (nlmsghdr, ArraySlice<UInt8>) throws -> Void) rethrows {
        var rest = datagram[...]
        while let header = rest.load(nlmsghdr.self), header.nlmsg_len >= MemoryLayout<nlmsghdr>.size, header.nlmsg_len <= rest.count {
            try each(header, rest.prefix(Int(header.nlmsg_len)).dropFirst(MemoryLayout<nlmsghdr>.size))
            rest = rest.dropFirst((Int(header.nlmsg_len) + 3) & ~3)
        }
    }

    /// Reads one datagram, whole.
    private func receive() throws -> [UInt8] {
        let size = try retrying("recv", "netlink") { recv(descriptor.raw, nil, 0, Int32(MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT)) }
        return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = min(size, try retrying("recv", "netlink") { recv(descriptor.raw, buffer.baseAddress, size, Int32(MSG_DONTWAIT)) })
        }
    }

    /// Drops answers that nobody waits for after a failure.
    private func drain() {
        while recv(descriptor.raw, nil, 0, Int32(MSG_DONTWAIT)) >= 0 {}
    }

    private static func set(_ option: Int32, level: Int32, to value: Int32, on raw: Int32) throws {
        try retrying("setsockopt", "netlink option \(option)") {
            withUnsafePointer(to: value) { setsockopt(raw, level, option, $0, socklen_t(MemoryLayout<Int32>.size)) }
        }
    }

    private func error(_ code: Int32, _ header: nlmsghdr, _ batch: NetlinkBatch, _ body: ArraySlice<UInt8>) -> SystemError {
        let subject = batch.subject(of: header.nlmsg_seq)
        var words: [String] = subject.what.isEmpty ? [] : [subject.what]
        // With NETLINK_CAP_ACK the error is followed by the request's header only, then by attributes.
        if Int32(header.nlmsg_flags) & NLM_F_ACK_TLVS != 0 {
            let skip = MemoryLayout<Int32>.size + (Int32(header.nlmsg_type) == NLMSG_ERROR ? MemoryLayout<nlmsghdr>.size : 0)
            for (type, payload) in NetlinkAttributes(body.dropFirst(skip)) where type == Int(NLMSGERR_ATTR_MSG.rawValue) {
                words.append("(\(payload.netlinkString))")
            }
        }
        return SystemError(call: subject.call, errno: code, what: words.joined(separator: " "))
    }
}
