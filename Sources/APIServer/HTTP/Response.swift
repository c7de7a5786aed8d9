internal import DockerAPI

/// What a handler answers.
enum Response: ~Copyable, Sendable {
    /// Status, headers and body at once.
    case whole(WholeAnswer)
    /// A body that is produced piece by piece.
    case stream(StreamedBody)
    /// The raw connection, joined to a process's streams.
    case hijack(Hijack)

    /// A status without a body.
    static func empty(_ status: Int) -> Response {
        .whole(WholeAnswer(status: status))
    }

    /// The JSON body `null`: an empty list as Go's server sends it.
    static var null: Response {
        var answer = WholeAnswer(status: 200)
        answer.headers = [("Content-Type", "application/json")]
        answer.body = Array("null\n".utf8)
        return .whole(answer)
    }

    /// A JSON body.
    static func json(_ value: some WireValue, status: Int = 200, capacity: Int = 256) -> Response {
        .whole(WholeAnswer(json: value, status: status, capacity: capacity))
    }
}

/// An answer whose body is known.
struct WholeAnswer: Sendable {
    var status: Int
    var headers: [(String, String)] = []
    var body: [UInt8] = []

    init(status: Int) {
        self.status = status
    }

    init(json value: some WireValue, status: Int = 200, capacity: Int = 256) {
        self.status = status
        headers = [("Content-Type", "application/json")]
        body = value.json(capacity: capacity, suffix: "\n")
    }
}

/// A body that is produced piece by piece.
struct StreamedBody: Sendable {
    /// When status and headers go out.
    enum Commit: Sendable {
        /// At once: the client waits for them.
        case immediately
        /// With the first piece: until then a failure still gets its own status.
        case withFirstPiece
    }

    var contentType: String
    var headers: [(String, String)] = []
    var commit = Commit.immediately
    var bytes: Producer<[UInt8]>
    /// What to say inside the body when it fails after its beginning; nil: the connection is cut.
    var failure: (@Sendable (any Error) -> [UInt8])?
}

/// A connection that leaves HTTP.
struct Hijack: ~Copyable, Sendable {
    /// Docker's name of what is on the connection from now on.
    var contentType: String
    /// The process's streams; nil: only the prelude.
    var stream: AttachedStream?
    /// What the client gets first.
    var prelude: Producer<[UInt8]>?
    /// Keys that end the connection and leave the process alone; empty: none.
    var detachKeys: [UInt8]
    /// The connection becomes a WebSocket; nil: a raw stream.
    var webSocket: (handshake: WebSocketHandshake, encoder: WebSocketEncoder)?
}

/// Status line and headers of an answer, as bytes.
struct ResponseHead {
    /// The header lines that every answer has.
    static func common(version: String) -> String {
        "Api-Version: \(APIVersion.newest)\r\nDocker-Experimental: false\r\nOstype: linux\r\nServer: Timber/\(version) (linux)\r\n"
    }

    var status: Int
    var headers: [(String, String)] = []

    /// The head up to and with the empty line.
    func text(common: String) -> String {
        var text = "HTTP/1.1 \(status) \(Self.reason(status))\r\n"
        text += common
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        text += "\r\n"
        return text
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 100: "Continue"
        case 101: "UPGRADED"
        case 200: "OK"
        case 201: "Created"
        case 204: "No Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 417: "Expectation Failed"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }
}
