/// Answers that are made here.
enum DNSAnswer {
    /// Seconds that an answer may be kept: short, as containers come and go.
    private static let lifetime: UInt32 = 10
    /// What is announced to clients that speak EDNS: passes every network unfragmented.
    private static let payloadSize: UInt16 = 1232

    static func header(
        id: UInt16, recursion: Bool, _ code: DNSCode, questions: UInt16, answers: UInt16, additional: UInt16, truncated: Bool = false
    ) -> [UInt8] {
        var flags = DNSFlags.response | DNSFlags.recursionAvailable | code.rawValue
        if recursion { flags |= DNSFlags.recursionDesired }
        if truncated { flags |= DNSFlags.truncated }
        return [id, flags, questions, answers, 0, additional].flatMap(bytes)
    }

    /// An answer to a question.
    /// - Parameters:
    ///   - records: the data of its records, of the type that was asked for; what has no room is left out, and the client is told so.
    ///   - limit: how long it may be.
    static func make(_ query: DNSQuery, _ code: DNSCode, _ records: [[UInt8]] = [], limit: Int) -> [UInt8] {
        let options: [UInt8] =
            query.payloadSize == nil ? [] : [0] + bytes(DNSQuery.RecordType.options) + bytes(payloadSize) + [0, 0, 0, 0, 0, 0]
        var body: [UInt8] = []
        var count: UInt16 = 0
        for data in records {
            // The name is the question's, which begins behind the header.
            let record =
                [0xc0, 12] + bytes(query.type) + bytes(DNSQuery.internet) + bytes(UInt16(lifetime >> 16))
                + bytes(UInt16(truncatingIfNeeded: lifetime)) + bytes(UInt16(clamping: data.count)) + data
            guard 12 + query.question.count + body.count + record.count + options.count <= limit else { break }
            body += record
            count += 1
        }
        return header(
            id: query.id, recursion: query.wantsRecursion, code, questions: 1, answers: count, additional: options.isEmpty ? 0 : 1,
            truncated: Int(count) < records.count) + query.question + body + options
    }

    /// A name server's answer for the client: with the number of its own question, and cut when it is longer than the client takes.
    static func passOn(_ reply: [UInt8], to query: DNSQuery, limit: Int) -> [UInt8] {
        guard reply.count > limit else { return bytes(query.id) + reply.dropFirst(2) }
        let flags = UInt16(reply[2]) << 8 | UInt16(reply[3]) | DNSFlags.truncated
        return [query.id, flags, 1, 0, 0, 0].flatMap(bytes) + query.question
    }

    /// A name as a record has it; nil when it cannot be written: labels have 1 to 63 bytes, names up to 255.
    static func encode(_ name: String) -> [UInt8]? {
        var result: [UInt8] = []
        for label in name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard (1...63).contains(label.count) else { return nil }
            result.append(UInt8(label.count))
            result += label
        }
        result.append(0)
        return result.count <= 255 ? result : nil
    }

    static func bytes(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 255)] }
}
