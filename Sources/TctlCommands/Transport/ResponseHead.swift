/// Status line and header fields of an answer.
struct ResponseHead: Equatable {
    /// How the body's end is found (RFC 9112 §6.3).
    enum Framing: Equatable {
        case none
        case length(Int)
        case chunked
        case untilClose
    }

    /// Longest head and most fields we read: a daemon sends a few hundred bytes.
    static let sizeLimit = 65536
    private static let fieldLimit = 128

    /// The status code.
    let status: Int
    /// The fields in their order, names in lower case.
    let fields: [(name: String, value: String)]
    /// Whether the connection may carry another request afterwards.
    let keepsAlive: Bool

    static func == (left: ResponseHead, right: ResponseHead) -> Bool {
        left.status == right.status && left.keepsAlive == right.keepsAlive && left.fields.elementsEqual(right.fields, by: ==)
    }

    /// The first field of that name.
    func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// Reads a head.
    /// - Parameter text: everything up to and without the empty line.
    /// - Throws: `HTTPSyntaxError`.
    init(parsing text: some Collection<UInt8>) throws {
        var lines = text.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
        }[...]
        let statusLine = lines.popFirst() ?? ""
        let parts = statusLine.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0] == "HTTP/1.1" || parts[0] == "HTTP/1.0", parts[1].utf8.count == 3,
            let status = Int(parts[1]), status >= 100, status <= 599
        else { throw HTTPSyntaxError("status line \"\(Printable(statusLine))\"; is something else listening on the socket?") }
        self.status = status

        var fields: [(name: String, value: String)] = []
        for line in lines {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex, fields.count < ResponseHead.fieldLimit,
                line.first != " ", line.first != "\t"
            else { throw HTTPSyntaxError("header field \"\(Printable(line))\"") }
            fields.append((line[..<colon].lowercased(), ResponseHead.trim(line[line.index(after: colon)...])))
        }
        self.fields = fields
        let connection = fields.first { $0.name == "connection" }?.value.lowercased()
        keepsAlive = parts[0] == "HTTP/1.1" ? connection != "close" : connection == "keep-alive"
    }

    /// How the body's end is found.
    /// - Parameter method: the request's method; HEAD has no body.
    /// - Throws: `HTTPSyntaxError` for lengths that contradict each other.
    func framing(method: String) throws -> Framing {
        if method == "HEAD" || status < 200 || status == 204 || status == 304 { return .none }
        if let coding = field("transfer-encoding") {
            guard coding.lowercased() == "chunked" else { throw HTTPSyntaxError("transfer encoding \"\(Printable(coding))\"") }
            return .chunked
        }
        let lengths = fields.filter { $0.name == "content-length" }.map(\.value)
        guard let first = lengths.first else { return .untilClose }
        guard lengths.allSatisfy({ $0 == first }), first.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let length = Int(first) else {
            throw HTTPSyntaxError("content length \"\(Printable(first))\"")
        }
        return .length(length)
    }

    private static func trim(_ text: Substring) -> String {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}
