internal import CTimber
internal import Glibc

/// The body of one netlink message: a fixed header of the family, then attributes, all in host byte order unless said otherwise.
///
/// Layout: netlink(7), rtnetlink(7) and linux/netfilter/nf_tables.h. Lengths of attributes are 16 bits wide; a caller that might
/// pass 64 KiB of nested attributes splits them into several messages.
public struct NetlinkBody: Sendable {
    /// What has been appended.
    public internal(set) var bytes: [UInt8] = []

    /// An empty body.
    public init() {}

    /// Appends a fixed structure, for example `ifinfomsg`, padded to four bytes.
    public mutating func append<Value: BitwiseCopyable>(_ value: Value) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
        pad()
    }

    /// Appends an attribute of raw bytes.
    public mutating func attribute(_ type: Int, _ payload: some Collection<UInt8>) {
        header(type, length: payload.count)
        bytes.append(contentsOf: payload)
        pad()
    }

    /// Appends an attribute with a NUL-terminated string.
    public mutating func attribute(_ type: Int, _ text: String) {
        header(type, length: text.utf8.count + 1)
        bytes.append(contentsOf: text.utf8)
        bytes.append(0)
        pad()
    }

    /// Appends an integer attribute in host byte order, as rtnetlink has them.
    public mutating func attribute<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Int, value: Value) {
        header(type, length: MemoryLayout<Value>.size)
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
        pad()
    }

    /// Appends an integer attribute in network byte order, as nfnetlink has them.
    public mutating func attribute<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Int, bigEndian value: Value) {
        attribute(type, value: value.bigEndian)
    }

    /// Appends a nested attribute.
    public mutating func nested(_ type: Int, _ body: (inout NetlinkBody) throws -> Void) rethrows {
        let start = bytes.count
        header(type | Int(NLA_F_NESTED), length: 0)
        try body(&self)
        let length = UInt16(clamping: bytes.count - start)
        withUnsafeBytes(of: length) { bytes.replaceSubrange(start..<start + 2, with: $0) }
    }

    private mutating func header(_ type: Int, length: Int) {
        let header = nlattr(nla_len: UInt16(clamping: length + MemoryLayout<nlattr>.size), nla_type: UInt16(truncatingIfNeeded: type))
        withUnsafeBytes(of: header) { bytes.append(contentsOf: $0) }
    }

    private mutating func pad() {
        while bytes.count % 4 != 0 { bytes.append(0) }
    }
}

/// Netlink messages that are sent together; the kernel answers each that asks for it, in order.
public struct NetlinkBatch: Sendable {
    /// The encoded messages.
    public private(set) var bytes: [UInt8] = []
    /// What each message is about, for errors; message `n` has sequence number `n + 1`.
    private(set) var subjects: [(call: String, what: String)] = []
    /// Sequence number of the last message that asks for an answer; 0 when none does.
    private(set) var lastAcknowledged: UInt32 = 0

    /// An empty batch.
    public init() {}

    /// How many messages there are.
    public var count: Int { subjects.count }

    /// Appends a message.
    /// - Parameters:
    ///   - call: the message's name for errors, for example `RTM_NEWLINK`.
    ///   - what: what it is about, for errors.
    ///   - type: its number.
    ///   - flags: `NLM_F_*`; `NLM_F_REQUEST` is added.
    ///   - body: appends the family's header and the attributes.
    public mutating func append(
        _ call: String, _ what: String = "", type: Int, flags: Int32, _ body: (inout NetlinkBody) throws -> Void
    ) rethrows {
        var content = NetlinkBody()
        try body(&content)
        subjects.append((call, what))
        let sequence = UInt32(subjects.count)
        let header = nlmsghdr(
            nlmsg_len: UInt32(MemoryLayout<nlmsghdr>.size + content.bytes.count), nlmsg_type: UInt16(truncatingIfNeeded: type),
            nlmsg_flags: UInt16(truncatingIfNeeded: flags | NLM_F_REQUEST), nlmsg_seq: sequence, nlmsg_pid: 0)
        withUnsafeBytes(of: header) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: content.bytes)
        if flags & NLM_F_ACK != 0 || flags & NLM_F_DUMP == NLM_F_DUMP { lastAcknowledged = sequence }
    }

    func subject(of sequence: UInt32) -> (call: String, what: String) {
        let index = Int(sequence) - 1
        return subjects.indices.contains(index) ? subjects[index] : ("netlink", "")
    }
}

/// The attributes of a received message. Malformed input ends the sequence; it is never read past its end.
public struct NetlinkAttributes: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>

    /// Reads attributes.
    /// - Parameter bytes: what follows the family's fixed header.
    public init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    /// The next attribute: its type without the nested and byte-order flags, and its payload.
    public mutating func next() -> (type: Int, payload: ArraySlice<UInt8>)? {
        guard let header = rest.load(nlattr.self) else { return nil }
        let length = Int(header.nla_len)
        guard length >= MemoryLayout<nlattr>.size, length <= rest.count else { return nil }
        let payload = rest.dropFirst(MemoryLayout<nlattr>.size).prefix(length - MemoryLayout<nlattr>.size)
        rest = rest.dropFirst((length + 3) & ~3)
        return (Int(header.nla_type) & ~Int(NLA_F_NESTED | NLA_F_NET_BYTEORDER), payload)
    }
}

extension ArraySlice<UInt8> {
    /// The fixed structure or integer at the start, or nil when the slice is too short.
    public func load<Value: BitwiseCopyable>(_ type: Value.Type) -> Value? {
        guard count >= MemoryLayout<Value>.size else { return nil }
        return withUnsafeBytes { $0.loadUnaligned(as: type) }
    }

    /// The text before the first NUL.
    public var netlinkString: String {
        String(decoding: prefix { $0 != 0 }, as: UTF8.self)
    }
}
