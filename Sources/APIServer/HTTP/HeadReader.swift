/// Reads a request line and headers that are complete.
enum HeadReader {
    /// - Parameters:
    ///   - bytes: everything before the empty line.
    ///   - maximumHeaders: more are refused.
    /// - Throws: `ProtocolError`.
    static func read(_ bytes: [UInt8], maximumHeaders: Int) throws(ProtocolError) -> RequestHead {
        var rest = bytes[...]
        var head = try requestLine(try line(&rest))
        while !rest.isEmpty {
            guard head.headers.count < maximumHeaders else { throw ProtocolError(431, "too many headers") }
            head.headers.append(try header(try line(&rest)))
        }
        try interpret(&head)
        return head
    }

    /// Cuts off the next line; a CR or LF elsewhere is refused.
    private static func line(_ rest: inout ArraySlice<UInt8>) throws(ProtocolError) -> ArraySlice<UInt8> {
        guard let end = rest.firstIndex(where: { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }) else {
            defer { rest = [] }
            return rest
        }
        guard rest[end] == UInt8(ascii: "\r"), end + 1 < rest.endIndex, rest[end + 1] == UInt8(ascii: "\n") else {
            throw ProtocolError(400, "line without CRLF")
        }
        defer { rest = rest[(end + 2)...] }
        return rest[..<end]
    }

    private static func requestLine(_ line: ArraySlice<UInt8>) throws(ProtocolError) -> RequestHead {
        let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 3, (1...16).contains(parts[0].count), parts[0].allSatisfy({ (0x41...0x5A).contains($0) }) else {
            throw ProtocolError(400, "malformed request line")
        }
        let target = try target(parts[1])
        var head = RequestHead(method: text(parts[0]), target: target)
        switch text(parts[2]) {
        case "HTTP/1.1": break
        case "HTTP/1.0":
            head.isHTTP10 = true
            head.keepsAlive = false
        case let version where version.hasPrefix("HTTP/"): throw ProtocolError(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
        default: throw ProtocolError(400, "malformed request line")
        }
        return head
    }

    /// `/path?query`, or `http://host/path?query`, as a proxy's client sends it.
    private static func target(_ bytes: ArraySlice<UInt8>) throws(ProtocolError) -> String {
        guard bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw ProtocolError(400, "malformed request target") }
        let target = text(bytes)
        if target.hasPrefix("/") { return target }
        guard target.hasPrefix("http://") else { throw ProtocolError(400, "malformed request target") }
        guard let path = target.dropFirst("http://".count).firstIndex(of: "/") else { return "/" }
        return String(target[path...])
    }

    private static func header(_ line: ArraySlice<UInt8>) throws(ProtocolError) -> (name: String, value: String) {
        // A line that starts with a blank would continue the one before it (obs-fold): refused, as its name is no token.
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
            line[..<colon].allSatisfy(isTokenCharacter)
        else { throw ProtocolError(400, "malformed header") }
        var value = line[(colon + 1)...]
        while let first = value.first, isBlank(first) { value.removeFirst() }
        while let last = value.last, isBlank(last) { value.removeLast() }
        guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else { throw ProtocolError(400, "malformed header") }
        return (String(decoding: line[..<colon].map(lowercased), as: UTF8.self), text(value))
    }

    /// Reads from the headers what the connection needs to know.
    private static func interpret(_ head: inout RequestHead) throws(ProtocolError) {
        var hosts = 0
        var lengths: [String] = []
        var codings: [String] = []
        var options: [Substring] = []
        var upgrade = false
        for (name, value) in head.headers {
            switch name {
            case "host": hosts += 1
            case "content-length": lengths.append(value)
            case "transfer-encoding": codings.append(value.lowercased())
            case "connection": options += value.lowercased().split { $0 == "," || $0 == " " || $0 == "\t" }
            case "upgrade": upgrade = true
            case "expect":
                guard value.lowercased() == "100-continue" else { throw ProtocolError(417, "unknown expectation") }
                head.expectsContinue = !head.isHTTP10
            default: break
            }
        }
        guard hosts == 1 || hosts == 0 && head.isHTTP10 else { throw ProtocolError(400, "missing or repeated Host header") }
        if options.contains("close") { head.keepsAlive = false } else if options.contains("keep-alive") { head.keepsAlive = true }
        head.wantsUpgrade = upgrade && options.contains("upgrade")
        head.framing = try framing(lengths: lengths, codings: codings, isHTTP10: head.isHTTP10)
        if head.framing == .none { head.expectsContinue = false }
    }

    /// RFC 9112 6: whoever sends both, or several, wants two readers to disagree.
    private static func framing(lengths: [String], codings: [String], isHTTP10: Bool) throws(ProtocolError) -> RequestHead.Framing {
        if !codings.isEmpty {
            guard lengths.isEmpty, !isHTTP10 else { throw ProtocolError(400, "ambiguous body length") }
            guard codings == ["chunked"] else { throw ProtocolError(501, "unknown transfer encoding") }
            return .chunked
        }
        guard let first = lengths.first else { return .none }
        guard lengths.count == 1 else { throw ProtocolError(400, "ambiguous body length") }
        guard (1...18).contains(first.utf8.count), first.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(first) else {
            throw ProtocolError(400, "malformed Content-Length")
        }
        return length == 0 ? .none : .length(length)
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self)
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
    }

    /// RFC 9110 5.6.2.
    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
