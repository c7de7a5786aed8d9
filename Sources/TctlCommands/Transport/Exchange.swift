/// One request that was sent, and its answer as it arrives.
final class Exchange {
    /// What a step of the body brought.
    enum Step: Equatable {
        case data([UInt8])
        /// Nothing yet (only when not waiting).
        case pending
        case end
    }

    /// The connection; after an upgrade it belongs to whoever reads the stream.
    let connection: Connection
    private let method: String
    private var readHead: ResponseHead?
    private var framing = ResponseHead.Framing.untilClose
    private var remaining = 0
    private var chunks = ChunkDecoder()
    private var finished = false

    init(connection: Connection, method: String) {
        self.connection = connection
        self.method = method
    }

    /// True when the body was read to its end and the connection can carry another request.
    var isReusable: Bool { finished && framing != .untilClose && (readHead?.keepsAlive ?? false) }

    /// The answer's head; waits for it. Answers 1xx but 101 are skipped.
    /// - Throws: `HTTPSyntaxError`, `LostConnection` when the daemon hung up.
    func head() throws -> ResponseHead {
        if let readHead { return readHead }
        while true {
            let pending = connection.pending
            if let end = Exchange.endOfHead(pending) {
                let head = try ResponseHead(parsing: pending[..<end.text])
                connection.consume(end.next - pending.startIndex)
                if head.status < 200 && head.status != 101 { continue }
                readHead = head
                framing = try head.framing(method: method)
                if case .length(let length) = framing { remaining = length }
                return head
            }
            if pending.count > ResponseHead.sizeLimit { throw HTTPSyntaxError("a head of more than \(ResponseHead.sizeLimit) bytes") }
            guard try connection.receive() else {
                throw LostConnection()
            }
        }
    }

    /// The body's next piece.
    /// - Parameter waiting: whether to wait for one.
    /// - Throws: `HTTPSyntaxError`, `LostConnection` when the daemon hung up in the middle.
    func step(waiting: Bool = true) throws -> Step {
        _ = try head()
        while !finished {
            if let data = try take(), !data.isEmpty { return .data(data) }
            if finished { break }
            if waiting {
                if try !connection.receive() { try endOfConnection() }
            } else {
                switch try connection.receiveNow() {
                case .bytes: continue
                case .nothing: return .pending
                case .end: try endOfConnection()
                }
            }
        }
        return .end
    }

    /// The whole body.
    /// - Parameter limit: the most bytes it may have.
    func body(limit: Int = 256 << 20) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while case .data(let data) = try step() {
            if bytes.count + data.count > limit { throw HTTPSyntaxError("an answer of more than \(limit) bytes") }
            bytes += data
        }
        return bytes
    }

    /// What of the body is in the connection's buffer; marks the end.
    private func take() throws -> [UInt8]? {
        switch framing {
        case .none:
            finished = true
            return nil
        case .length:
            let data = Array(connection.pending.prefix(remaining))
            connection.consume(data.count)
            remaining -= data.count
            if remaining == 0 { finished = true }
            return data
        case .untilClose:
            let data = Array(connection.pending)
            connection.consume(data.count)
            return data
        case .chunked:
            var data: [UInt8] = []
            try connection.withPending { try chunks.decode($0, into: &data) }
            if chunks.isDone { finished = true }
            return data
        }
    }

    private func endOfConnection() throws {
        guard framing == .untilClose else { throw LostConnection() }
        finished = true
    }

    /// Where a head ends: after CRLF CRLF, or LF LF from careless servers.
    private static func endOfHead(_ bytes: ArraySlice<UInt8>) -> (text: Int, next: Int)? {
        var index = bytes.startIndex
        while let newline = bytes[index...].firstIndex(of: 0x0A) {
            var next = newline + 1
            if next < bytes.endIndex, bytes[next] == 0x0D { next += 1 }
            if next < bytes.endIndex, bytes[next] == 0x0A { return (newline, next + 1) }
            index = newline + 1
        }
        return nil
    }
}
