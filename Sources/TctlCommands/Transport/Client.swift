internal import CTimber
internal import Glibc
internal import LinuxKernel

/// A small blocking client of the Docker Engine API over a Unix socket; keeps connections for the next request.
final class Client {
    private let endpoint: Endpoint
    private var idle: [Connection] = []

    init(endpoint: Endpoint) {
        self.endpoint = endpoint
    }

    /// Sends a request; the answer is read by the exchange.
    /// - Parameter progress: called with the number of bytes of a streamed body sent so far.
    func begin(_ request: Request, progress: ((Int) -> Void)? = nil) throws -> Exchange {
        let exchange = Exchange(connection: try connection(), method: request.method)
        switch request.body {
        case .none: try send(request.head, to: exchange)
        case .json(let bytes): try send(request.head + bytes, to: exchange)
        case .stream(let source):
            try send(request.head, to: exchange)
            try upload(source, over: exchange.connection, progress: progress)
        }
        return exchange
    }

    /// Sends a request and waits for the head of the answer.
    /// - Throws: `APIError` for every status from 400 on.
    func open(_ request: Request) throws -> Exchange {
        let exchange = try begin(request)
        try check(exchange)
        return exchange
    }

    /// Sends a request and reads the answer as JSON; an empty body is null.
    /// - Parameter ahead: how many connections will be needed at once behind this one.
    func json(_ request: Request, connectingAhead ahead: Int = 0) throws -> JSONValue {
        let exchange = try begin(request)
        connectAhead(ahead)
        try check(exchange)
        let body = try exchange.body()
        release(exchange)
        return body.isEmpty ? .null : try JSONValue(parsing: body)
    }

    /// Sends a request whose answer's body says nothing.
    /// - Returns: the status: 304 where there was nothing to do.
    @discardableResult
    func perform(_ request: Request) throws -> Int {
        let exchange = try open(request)
        _ = try exchange.body()
        release(exchange)
        return try exchange.head().status
    }

    /// Throws the daemon's message when it refused.
    func check(_ exchange: Exchange) throws {
        let head = try exchange.head()
        guard head.status >= 400 else { return }
        let body = try exchange.body(limit: 1 << 20)
        release(exchange)
        let text = String(decoding: body, as: UTF8.self)
        let message = (try? JSONValue(parsing: body))?["message"]?.text ?? text
        let trimmed = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        throw APIError(status: head.status, message: trimmed.isEmpty ? "the daemon answered with status \(head.status)" : trimmed)
    }

    /// Opens connections for requests to come, while the daemon is busy with one. That it cannot be reached is theirs to say.
    private func connectAhead(_ count: Int) {
        while idle.count < count, let connection = try? Connection(to: endpoint) { idle.append(connection) }
    }

    /// Keeps the connection of an exchange that was read to its end.
    func release(_ exchange: Exchange) {
        if exchange.isReusable && idle.count < 4 { idle.append(exchange.connection) }
    }

    /// Sends a body and reads what the daemon says meanwhile, so that neither waits for the other.
    /// - Parameter progress: called with the number of bytes sent so far.
    private func upload(_ source: any BodySource, over connection: Connection, progress: ((Int) -> Void)?) throws {
        var total = 0
        let chunked = source.length == nil
        while true {
            let data = try source.next()
            var piece = data
            if chunked { piece = Array("\(String(data.count, radix: 16))\r\n".utf8) + data + Array("\r\n".utf8) }
            guard try push(piece, over: connection) else { return }
            if data.isEmpty { return }
            total += data.count
            progress?(total)
        }
    }

    /// - Returns: false when the daemon stopped reading: its answer says why.
    private func push(_ bytes: [UInt8], over connection: Connection) throws -> Bool {
        var sent = 0
        while sent < bytes.count {
            var entry = pollfd(fd: connection.raw, events: Int16(POLLIN | POLLOUT), revents: 0)
            try retrying("poll") { poll(&entry, 1, -1) }
            if Int32(entry.revents) & POLLIN != 0 {
                if try connection.receiveNow() == .end { return false }
            }
            if Int32(entry.revents) & (POLLERR | POLLHUP) != 0 { return false }
            if Int32(entry.revents) & POLLOUT != 0 {
                do {
                    sent += try bytes.withUnsafeBytes { try connection.sendNow(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
                } catch let error as SystemError where error.errno == EPIPE || error.errno == ECONNRESET {
                    return false
                }
            }
        }
        return true
    }

    private func send(_ bytes: [UInt8], to exchange: Exchange) throws {
        do {
            try exchange.connection.send(bytes)
        } catch let error as SystemError where error.errno == EPIPE || error.errno == ECONNRESET {
            // The daemon hung up while we spoke; what it said before that is the better message.
        }
    }

    private func connection() throws -> Connection {
        while let connection = idle.popLast() {
            if !connection.isStale { return connection }
        }
        return try Connection(to: endpoint)
    }
}
