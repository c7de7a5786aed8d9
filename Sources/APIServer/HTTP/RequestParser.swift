internal import NIOCore

/// Takes HTTP/1 requests out of a connection's bytes (RFC 9112), strictly and without touching what follows the request.
///
/// That is why it is not NIOHTTP1's: a hijacked connection carries raw bytes directly behind the request, from some clients
/// without `Upgrade`, and a parser that reads on has lost them. It also makes pipelining wait in the buffer for free.
struct RequestParser: Sendable {
    /// What a connection may send before it is refused.
    struct Limits: Sendable {
        /// Bytes of request line and headers together, and of trailers.
        var headBytes = 64 << 10
        /// Number of headers.
        var headers = 128
        /// Bytes of a chunk's size line.
        var chunkLineBytes = 256
    }

    enum Event: Equatable {
        case head(RequestHead)
        case body(ByteBuffer)
        case end
    }

    private enum State {
        case head(scanned: Int)
        case length(remaining: Int)
        case chunkSize
        case chunk(remaining: Int)
        case chunkEnd
        case trailers(bytes: Int)
        case end
    }

    private let limits: Limits
    private var state = State.head(scanned: 0)

    init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Whether nothing of a next request was read yet.
    var isBetweenRequests: Bool {
        if case .head = state { true } else { false }
    }

    /// Takes the next event out of the bytes read so far.
    /// - Parameter buffer: its reader index moves past what was used; behind `.end` it stands on the first byte after the request.
    /// - Returns: nil when more bytes are needed.
    /// - Throws: `ProtocolError`; the parser must not be used again.
    mutating func next(_ buffer: inout ByteBuffer) throws(ProtocolError) -> Event? {
        while true {
            switch state {
            case .head(let scanned):
                guard let head = try head(&buffer, scanned: scanned) else { return nil }
                switch head.framing {
                case .none: state = .end
                case .length(let length): state = .length(remaining: length)
                case .chunked: state = .chunkSize
                }
                return .head(head)
            case .length(let remaining):
                guard let body = piece(&buffer, remaining) else { return nil }
                state = remaining == body.readableBytes ? .end : .length(remaining: remaining - body.readableBytes)
                return .body(body)
            case .chunkSize:
                guard let line = try line(&buffer, limit: limits.chunkLineBytes) else { return nil }
                let size = try chunkSize(line)
                state = size == 0 ? .trailers(bytes: 0) : .chunk(remaining: size)
            case .chunk(let remaining):
                guard let body = piece(&buffer, remaining) else { return nil }
                state = remaining == body.readableBytes ? .chunkEnd : .chunk(remaining: remaining - body.readableBytes)
                return .body(body)
            case .chunkEnd:
                guard let line = try line(&buffer, limit: 0) else { return nil }
                guard line.isEmpty else { throw ProtocolError(400, "malformed chunk") }
                state = .chunkSize
            case .trailers(let bytes):
                // Nothing here uses trailers; they are bounded and dropped.
                guard let line = try line(&buffer, limit: limits.headBytes - bytes) else { return nil }
                state = line.isEmpty ? .end : .trailers(bytes: bytes + line.count + 2)
            case .end:
                state = .head(scanned: 0)
                return .end
            }
        }
    }

    private func piece(_ buffer: inout ByteBuffer, _ remaining: Int) -> ByteBuffer? {
        let count = min(remaining, buffer.readableBytes)
        return count > 0 ? buffer.readSlice(length: count) : nil
    }

    /// A line without its CRLF.
    private func line(_ buffer: inout ByteBuffer, limit: Int) throws(ProtocolError) -> [UInt8]? {
        let view = buffer.readableBytesView
        guard let end = view.prefix(limit + 2).firstIndex(of: UInt8(ascii: "\n")) else {
            if view.count >= limit + 2 { throw ProtocolError(400, "line too long") }
            return nil
        }
        guard end > view.startIndex, view[end - 1] == UInt8(ascii: "\r") else { throw ProtocolError(400, "line without CRLF") }
        let line = Array(view[view.startIndex..<end - 1])
        buffer.moveReaderIndex(forwardBy: line.count + 2)
        return line
    }

    private func chunkSize(_ line: [UInt8]) throws(ProtocolError) -> Int {
        var size = 0
        var digits = 0
        for byte in line {
            guard let digit = Hexadecimal.value(byte) else {
                // A chunk extension: allowed and ignored.
                guard byte == UInt8(ascii: ";") || byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") else {
                    throw ProtocolError(400, "malformed chunk size")
                }
                break
            }
            digits += 1
            guard digits <= 15 else { throw ProtocolError(400, "chunk too large") }
            size = size << 4 | Int(digit)
        }
        guard digits > 0 else { throw ProtocolError(400, "malformed chunk size") }
        return size
    }

    private mutating func head(_ buffer: inout ByteBuffer, scanned: Int) throws(ProtocolError) -> RequestHead? {
        var scanned = scanned
        if scanned == 0 {
            // RFC 9112 2.2: an empty line before the request line is ignored.
            while buffer.readableBytesView.starts(with: [UInt8(ascii: "\r"), UInt8(ascii: "\n")]) { buffer.moveReaderIndex(forwardBy: 2) }
            if buffer.readableBytesView.elementsEqual([UInt8(ascii: "\r")]) { return nil }
        }
        let view = buffer.readableBytesView
        let limit = min(view.count, limits.headBytes)
        // The end is CR LF CR LF; begin three bytes before what was looked at, so that none is cut.
        var index = max(0, scanned - 3)
        var end: Int?
        view.withUnsafeBytes { bytes in
            while index + 3 < limit {
                if bytes[index] == 0x0D, bytes[index + 1] == 0x0A, bytes[index + 2] == 0x0D, bytes[index + 3] == 0x0A {
                    end = index
                    return
                }
                index += 1
            }
        }
        guard let end else {
            if view.count >= limits.headBytes { throw ProtocolError(431, "request line and headers are too large") }
            scanned = view.count
            state = .head(scanned: scanned)
            return nil
        }
        let bytes = Array(view.prefix(end))
        buffer.moveReaderIndex(forwardBy: end + 4)
        return try HeadReader.read(bytes, maximumHeaders: limits.headers)
    }
}

enum Hexadecimal {
    /// The value of a hexadecimal digit.
    static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
