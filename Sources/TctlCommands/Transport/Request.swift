internal import DockerAPI

/// A request of the Docker Engine API.
struct Request {
    /// Where the bytes of the body come from.
    enum Body {
        case none
        case json([UInt8])
        /// A file, a pipe or an archive made on the fly.
        case stream(any BodySource)
    }

    let method: String
    let path: String
    var query: [(name: String, value: String)]
    var body: Body
    /// Who we are to the registry that it is about, as `X-Registry-Auth` has it.
    var registryAuth: String?
    /// Asks for the connection itself after the answer's head (attach, exec).
    var upgrades = false

    init(_ method: String, _ path: String, query: [(name: String, value: String)] = [], body: Body = .none) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
    }

    static func get(_ path: String, query: [(name: String, value: String)] = []) -> Request {
        Request("GET", path, query: query)
    }

    static func post(_ path: String, query: [(name: String, value: String)] = [], body: Body = .none) -> Request {
        Request("POST", path, query: query, body: body)
    }

    static func delete(_ path: String, query: [(name: String, value: String)] = []) -> Request {
        Request("DELETE", path, query: query)
    }

    /// The API version asked for; the newest that `DockerAPI` describes.
    static let version = "v1.50"

    /// Request line and header fields with the empty line after them.
    var head: [UInt8] {
        var text = "\(method) /\(Request.version)\(path)"
        for (index, item) in query.enumerated() {
            text += index == 0 ? "?" : "&"
            text += PercentEncoding.query(item.name) + "=" + PercentEncoding.query(item.value)
        }
        text += " HTTP/1.1\r\nHost: timber\r\nUser-Agent: tctl/\(TimberVersion.text)\r\n"
        if let registryAuth { text += "X-Registry-Auth: \(registryAuth)\r\n" }
        if upgrades { text += "Connection: Upgrade\r\nUpgrade: tcp\r\n" }
        switch body {
        case .none:
            if method == "POST" { text += "Content-Length: 0\r\n" }
        case .json(let bytes):
            text += "Content-Type: application/json\r\nContent-Length: \(bytes.count)\r\n"
        case .stream(let source):
            text += "Content-Type: application/x-tar\r\n"
            text += source.length.map { "Content-Length: \($0)\r\n" } ?? "Transfer-Encoding: chunked\r\n"
        }
        return Array((text + "\r\n").utf8)
    }
}

/// Bytes of a request's body as they are needed.
protocol BodySource: AnyObject {
    /// How many bytes will come; nil when that is not known beforehand.
    var length: Int? { get }

    /// The next bytes, at most a few hundred KiB; empty at the end.
    func next() throws -> [UInt8]
}

/// Percent-encoding (RFC 3986).
enum PercentEncoding {
    /// A query's name or value.
    static func query(_ text: String) -> String { encode(text, alsoAllowed: "") }

    /// One segment of a path: a container's name.
    static func segment(_ text: String) -> String { encode(text, alsoAllowed: ":@") }

    /// The rest of a path: an image's reference with its slashes.
    static func path(_ text: String) -> String { encode(text, alsoAllowed: "/:@") }

    private static func encode(_ text: String, alsoAllowed: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                if alsoAllowed.utf8.contains(byte) {
                    result.unicodeScalars.append(Unicode.Scalar(byte))
                } else {
                    result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
                }
            }
        }
        return result
    }
}
