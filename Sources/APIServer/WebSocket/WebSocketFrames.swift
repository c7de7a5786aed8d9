internal import DockerAPI

/// What begins a WebSocket frame (RFC 6455, section 5.2).
enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    var isControl: Bool { rawValue >= 8 }
}

/// Why a WebSocket closes (RFC 6455, section 7.4.1).
enum WebSocketStatus: UInt16, Sendable {
    case normal = 1000
    case protocolError = 1002
}

enum WebSocketFrame {
    /// The longest payload of a control frame.
    static let longestControl = 125

    /// A whole frame of a server: complete, unmasked.
    static func encode(_ opcode: WebSocketOpcode, _ payload: some Collection<UInt8>) -> [UInt8] {
        var frame: [UInt8] = [0x80 | opcode.rawValue]
        let count = payload.count
        frame.reserveCapacity(count + 10)
        switch count {
        case ...125: frame.append(UInt8(count))
        case ...0xFFFF: frame += [126, UInt8(count >> 8), UInt8(count & 0xFF)]
        default: frame += [127] + (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
        }
        frame.append(contentsOf: payload)
        return frame
    }

    static func close(_ status: WebSocketStatus) -> [UInt8] {
        encode(.close, [UInt8(status.rawValue >> 8), UInt8(status.rawValue & 0xFF)])
    }
}

/// Takes a client's frames apart, however they are cut. Payload goes on as it comes: nothing but a control frame is kept.
struct WebSocketDecoder: Sendable {
    /// What came of some bytes.
    struct Outcome: Sendable, Equatable {
        /// The process's input.
        var payload: [UInt8] = []
        /// Frames for the client: pongs.
        var replies: [UInt8] = []
        /// The connection ends, with this reason for the client; what follows is not looked at.
        var closes: WebSocketStatus?
    }

    private var header: [UInt8] = []
    private var opcode = WebSocketOpcode.continuation
    private var mask: [UInt8] = []
    private var maskOffset = 0
    private var remaining: UInt64 = 0
    private var control: [UInt8] = []
    private var isInPayload = false
    /// A message has begun and its last frame has not come.
    private var isFragmented = false

    mutating func decode(_ bytes: ArraySlice<UInt8>) -> Outcome {
        var outcome = Outcome()
        var rest = bytes
        while outcome.closes == nil {
            if isInPayload {
                takePayload(&rest, &outcome)
                if isInPayload { return outcome }
            } else {
                guard let byte = rest.popFirst() else { return outcome }
                header.append(byte)
                if !begin() { outcome.closes = .protocolError }
            }
        }
        return outcome
    }

    /// Looks at the header as far as it has come.
    /// - Returns: false when no client may send this.
    private mutating func begin() -> Bool {
        // Without extensions the reserved bits are zero; a client's frames are masked.
        guard header[0] & 0x70 == 0, let code = WebSocketOpcode(rawValue: header[0] & 0x0F) else { return false }
        guard header.count >= 2 else { return true }
        guard header[1] & 0x80 != 0 else { return false }
        let (isLast, short) = (header[0] & 0x80 != 0, Int(header[1] & 0x7F))
        if code.isControl, !isLast || short > WebSocketFrame.longestControl { return false }
        if !code.isControl, isFragmented != (code == .continuation) { return false }
        let lengthBytes = short == 126 ? 2 : short == 127 ? 8 : 0
        guard header.count == 2 + lengthBytes + 4 else { return true }
        remaining = lengthBytes == 0 ? UInt64(short) : header[2..<2 + lengthBytes].reduce(0) { $0 << 8 | UInt64($1) }
        if remaining >> 63 != 0 { return false }
        mask = Array(header.suffix(4))
        maskOffset = 0
        opcode = code
        if !code.isControl { isFragmented = !isLast }
        header.removeAll(keepingCapacity: true)
        control.removeAll(keepingCapacity: true)
        isInPayload = true
        return true
    }

    private mutating func takePayload(_ rest: inout ArraySlice<UInt8>, _ outcome: inout Outcome) {
        let piece = rest.prefix(Int(clamping: remaining))
        rest = rest.dropFirst(piece.count)
        remaining -= UInt64(piece.count)
        var unmasked = Array(piece)
        for index in unmasked.indices { unmasked[index] ^= mask[(maskOffset + index) & 3] }
        maskOffset = (maskOffset + piece.count) & 3
        if opcode.isControl { control += unmasked } else { outcome.payload += unmasked }
        guard remaining == 0 else { return }
        isInPayload = false
        switch opcode {
        case .ping: outcome.replies += WebSocketFrame.encode(.pong, control)
        case .close: outcome.closes = .normal
        case .pong, .continuation, .text, .binary: break
        }
    }
}

/// Turns a process's output into frames: as in Docker both streams come without a mark of which they are.
struct WebSocketEncoder: Sendable {
    private let opcode: WebSocketOpcode
    /// nil: the process has a terminal, its output is raw.
    private var demultiplexer: StreamDemultiplexer?

    /// - Parameters:
    ///   - opcode: `binary`, or for old clients `text`.
    ///   - isTerminal: whether the process has a terminal.
    init(opcode: WebSocketOpcode, isTerminal: Bool) {
        self.opcode = opcode
        demultiplexer = isTerminal ? nil : StreamDemultiplexer()
    }

    /// - Throws: when the bytes are no multiplexed stream.
    mutating func encode(_ bytes: some Collection<UInt8>) throws -> [UInt8] {
        guard var demultiplexer else { return WebSocketFrame.encode(opcode, bytes) }
        var payload: [UInt8] = []
        try Array(bytes).withUnsafeBytes { try demultiplexer.consume($0) { payload.append(contentsOf: $1) } }
        self.demultiplexer = demultiplexer
        return payload.isEmpty ? [] : WebSocketFrame.encode(opcode, payload)
    }
}

/// A WebSocket on a relayed connection.
struct WebSocket: Sendable {
    var decoder = WebSocketDecoder()
    var encoder: WebSocketEncoder
    /// The close frame is on its way: no other may follow.
    var hasClosed = false

    /// More replies than this are not kept for a client that does not read; a pong may answer several pings.
    static let mostReplies = 16 << 10
}
