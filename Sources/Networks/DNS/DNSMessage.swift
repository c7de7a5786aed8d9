/// A question that a container asks (RFC 1035), as far as it is looked at; the rest is passed on unread.
struct DNSQuery: Sendable, Equatable {
    /// Types of records that are answered here.
    enum RecordType {
        static let address: UInt16 = 1
        static let pointer: UInt16 = 12
        static let ipv6Address: UInt16 = 28
        static let options: UInt16 = 41
    }

    /// The class of the internet.
    static let internet: UInt16 = 1

    let id: UInt16
    let wantsRecursion: Bool
    /// In lower case, labels joined by dots; nil when it has bytes that no name of ours has, or is the root.
    let name: String?
    let type: UInt16
    let recordClass: UInt16
    /// Name, type and class as they were sent.
    let question: [UInt8]
    /// How long an answer by UDP may be, where the client says so (RFC 6891); nil: it does not, and 512 bytes are the limit.
    let payloadSize: Int?

    /// How long an answer by UDP may be: no longer than passes everywhere.
    var datagramLimit: Int { payloadSize.map { min(max($0, 512), 4096) } ?? 512 }

    /// What a message from a container is.
    enum Parsed: Sendable, Equatable {
        case query(DNSQuery)
        /// It is answered with an error.
        case refused(answer: [UInt8])
        /// It is no question at all; whoever sends it gets nothing that could be turned against somebody.
        case ignored
    }

    /// Reads a message. Everything in it may be hostile.
    static func parse(_ bytes: [UInt8]) -> Parsed {
        var reader = DNSReader(bytes)
        guard let id = reader.number(), let flags = reader.number(), let questions = reader.number(), let answers = reader.number(),
            let authorities = reader.number(), let additional = reader.number(), flags & DNSFlags.response == 0
        else {
            return .ignored
        }
        let recursion = flags & DNSFlags.recursionDesired != 0
        func refused(_ code: DNSCode) -> Parsed {
            .refused(answer: DNSAnswer.header(id: id, recursion: recursion, code, questions: 0, answers: 0, additional: 0))
        }
        guard flags & DNSFlags.operation == 0 else { return refused(.notImplemented) }
        let start = reader.offset
        guard questions == 1, answers == 0, authorities == 0, let labels = reader.name(), let type = reader.number(),
            let recordClass = reader.number()
        else {
            return refused(.malformed)
        }
        let question = Array(bytes[start..<reader.offset])
        var payloadSize: Int?
        for _ in 0..<additional {
            guard let owner = reader.name(), let type = reader.number(), let size = reader.number(), reader.skip(4),
                let length = reader.number(), reader.skip(Int(length))
            else {
                return refused(.malformed)
            }
            guard type == RecordType.options else { continue }
            guard owner.isEmpty, payloadSize == nil else { return refused(.malformed) }
            payloadSize = Int(size)
        }
        guard reader.isAtEnd else { return refused(.malformed) }
        return .query(
            DNSQuery(
                id: id, wantsRecursion: recursion, name: text(labels), type: type, recordClass: recordClass, question: question,
                payloadSize: payloadSize))
    }

    private static func text(_ labels: [ArraySlice<UInt8>]) -> String? {
        guard !labels.isEmpty else { return nil }
        var bytes: [UInt8] = []
        for label in labels {
            if !bytes.isEmpty { bytes.append(UInt8(ascii: ".")) }
            for byte in label {
                guard byte > 0x20, byte < 0x7f, byte != UInt8(ascii: ".") else { return nil }
                bytes.append(lowercased(byte))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    /// The bytes of the address that a question of type PTR is about; nil when it is about something else.
    var reverseAddress: [UInt8]? {
        guard type == RecordType.pointer, let name else { return nil }
        func labels(before end: String) -> [Substring]? {
            guard name.hasSuffix(end) else { return nil }
            return name.dropLast(end.count).split(separator: ".", omittingEmptySubsequences: false).reversed()
        }
        if let numbers = labels(before: ".in-addr.arpa") { return IPv4Address(numbers.joined(separator: "."))?.bytes }
        // RFC 3596: one label for every half of a byte.
        guard let digits = labels(before: ".ip6.arpa")?.map({ $0.utf8.count == 1 ? $0.first?.hexDigitValue : nil }), digits.count == 32
        else {
            return nil
        }
        let halves = digits.compactMap { $0.map { UInt8($0) } }
        return halves.count == 32 ? stride(from: 0, to: 32, by: 2).map { halves[$0] << 4 | halves[$0 + 1] } : nil
    }

    /// Whether a message from a name server is an answer to this question, asked with a number of our own.
    func isAnswered(by reply: [UInt8], id: UInt16) -> Bool {
        var reader = DNSReader(reply)
        guard reader.number() == id, let flags = reader.number(), flags & DNSFlags.response != 0, let questions = reader.number(),
            reader.skip(6)
        else {
            return false
        }
        // Some servers repeat nothing of a question that they do not like.
        if questions == 0 { return flags & DNSFlags.code != 0 && reader.isAtEnd }
        let end = reader.offset + question.count
        guard questions == 1, end <= reply.count else { return false }
        return reply[reader.offset..<end].elementsEqual(question) { Self.lowercased($0) == Self.lowercased($1) }
    }
}

/// Bits of a message's second field.
enum DNSFlags {
    static let response: UInt16 = 0x8000
    static let operation: UInt16 = 0x7800
    static let truncated: UInt16 = 0x0200
    static let recursionDesired: UInt16 = 0x0100
    static let recursionAvailable: UInt16 = 0x0080
    static let code: UInt16 = 0x000f
}

/// What becomes of a question (RFC 1035, section 4.1.1).
enum DNSCode: UInt16 {
    case none = 0
    case malformed = 1
    case serverFailure = 2
    case noSuchName = 3
    case notImplemented = 4
    case refused = 5
}

/// Reads a message from front to back, and never past its end.
struct DNSReader {
    private let bytes: [UInt8]
    private(set) var offset = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { offset == bytes.count }

    /// Two bytes, most significant first.
    mutating func number() -> UInt16? {
        guard bytes.count - offset >= 2 else { return nil }
        defer { offset += 2 }
        return UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    }

    mutating func skip(_ count: Int) -> Bool {
        guard bytes.count - offset >= count else { return false }
        offset += count
        return true
    }

    /// The labels of a name that is written out: in a question there is nothing before it that a pointer could mean.
    mutating func name() -> [ArraySlice<UInt8>]? {
        var labels: [ArraySlice<UInt8>] = []
        let start = offset
        while offset < bytes.count {
            let length = Int(bytes[offset])
            offset += 1
            if length == 0 { return labels }
            // 64 and up: pointers and labels of other kinds. 255 bytes with all lengths: RFC 1035, section 2.3.4.
            guard length < 64, bytes.count - offset >= length, offset + length - start < 255 else { return nil }
            labels.append(bytes[offset..<offset + length])
            offset += length
        }
        return nil
    }
}
