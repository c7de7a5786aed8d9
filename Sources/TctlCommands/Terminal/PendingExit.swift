/// The answer to `POST /containers/ID/wait`: its head comes at once, its body when the container ends.
final class PendingExit {
    private let client: Client
    private let exchange: Exchange
    private var body: [UInt8] = []
    private var arrived = false

    /// The number to poll.
    var raw: Int32 { exchange.connection.raw }

    /// Asks to be told; returns when the daemon is listening, so that an exit cannot be missed.
    /// - Parameters:
    ///   - container: name or id.
    ///   - condition: `not-running`, `next-exit` or `removed`.
    init(_ client: Client, container: String, condition: String) throws {
        self.client = client
        exchange = try client.begin(
            .post("/containers/\(PercentEncoding.segment(container))/wait", query: [("condition", condition)]))
    }

    /// Waits until the daemon has begun to wait.
    /// - Throws: `APIError` when it refused.
    func confirm() throws {
        try client.check(exchange)
    }

    /// Takes what has arrived.
    /// - Returns: true when the container has ended.
    func advance(waiting: Bool) throws -> Bool {
        while !arrived {
            switch try exchange.step(waiting: waiting) {
            case .data(let bytes):
                if body.count + bytes.count > 65536 { throw HTTPSyntaxError("an exit status of more than 65536 bytes") }
                body += bytes
            case .pending: return false
            case .end:
                arrived = true
                client.release(exchange)
            }
        }
        return true
    }

    /// The exit status; waits for it.
    func status() throws -> Int32 {
        _ = try advance(waiting: true)
        // By hand, as in ContainerCreator: a decoder costs more than the answer's way here.
        let answer = try JSONValue(parsing: body)
        if let message = answer["Error"]?["Message"]?.text, !message.isEmpty { throw CommandFailure(message, status: 125) }
        guard let status = answer["StatusCode"]?.integer else {
            throw CommandFailure("the daemon's answer is not as the API says: StatusCode: a number was expected", status: 125)
        }
        return Int32(truncatingIfNeeded: status)
    }
}
