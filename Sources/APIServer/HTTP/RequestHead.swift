/// The first part of a request: request line and headers, already checked.
struct RequestHead: Sendable, Equatable {
    /// How the body is delimited.
    enum Framing: Sendable, Equatable {
        /// There is none.
        case none
        /// So many bytes, more than 0.
        case length(Int)
        /// Chunks.
        case chunked
    }

    /// In capital letters.
    var method: String
    /// The target as sent: path, and behind a `?` the query.
    var target: String
    /// HTTP/1.0 instead of HTTP/1.1.
    var isHTTP10 = false
    /// Names in lower case, values without surrounding blanks, in order.
    var headers: [(name: String, value: String)] = []
    /// How the body is delimited.
    var framing = Framing.none
    /// The client may send another request on this connection.
    var keepsAlive = true
    /// The client asks for the raw connection (`Connection: Upgrade`).
    var wantsUpgrade = false
    /// The client waits for `100 Continue` before it sends the body.
    var expectsContinue = false

    /// The first value of a header.
    /// - Parameter name: in lower case.
    subscript(name: String) -> String? {
        headers.first { $0.name == name }?.value
    }

    static func == (left: RequestHead, right: RequestHead) -> Bool {
        left.method == right.method && left.target == right.target && left.isHTTP10 == right.isHTTP10
            && left.framing == right.framing && left.keepsAlive == right.keepsAlive && left.wantsUpgrade == right.wantsUpgrade
            && left.expectsContinue == right.expectsContinue && left.headers.count == right.headers.count
            && zip(left.headers, right.headers).allSatisfy { $0.name == $1.name && $0.value == $1.value }
    }
}

/// A request that is not HTTP/1 as we accept it; the connection is closed after the answer.
struct ProtocolError: Error, Sendable, Equatable {
    /// The status of the answer.
    var status: Int
    /// The reason, for the client.
    var message: String

    init(_ status: Int = 400, _ message: String) {
        self.status = status
        self.message = message
    }
}
