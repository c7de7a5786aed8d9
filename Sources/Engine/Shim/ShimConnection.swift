internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Synchronization

/// timberd's control connection to one shim: requests go out in order, events come in as a stream that ends when the shim does.
final class ShimConnection: Sendable {
    /// What the shim says, in its order; finishes when the connection is closed.
    let events: AsyncStream<ShimEvent>

    private let socket: SharedDescriptor
    private let decoder = DecoderBox()
    private let continuation: AsyncStream<ShimEvent>.Continuation
    private let sending = Mutex(())
    private let source: ReadinessSource

    /// Takes a connected socket and starts to read.
    init(_ socket: consuming Descriptor) {
        let socket = SharedDescriptor(socket)
        self.socket = socket
        let (events, continuation) = AsyncStream.makeStream(of: ShimEvent.self)
        self.events = events
        self.continuation = continuation
        source = ReadinessSource(socket) { [decoder] in
            let open = decoder.state.withLock { $0.read(from: socket.raw) { continuation.yield($0) } }
            if !open { continuation.finish() }
            return open
        }
    }

    /// Returns when whoever reads `events` has got to what the shim has said by now: a process whose streams have ended has told its
    /// end before.
    func settle() async throws {
        let mark = OneShot<Void>()
        let result = decoder.state.withLock { decoder in
            // The end of the connection is the source's to find.
            _ = decoder.read(from: socket.raw) { continuation.yield($0) }
            return continuation.yield(.mark(mark))
        }
        if case .enqueued = result { try await mark.value() }
    }

    /// Sends one request.
    /// - Parameters:
    ///   - type: TIMBER_REQUEST_*.
    ///   - process: 0 for the container's first process.
    ///   - value: by type.
    ///   - payload: what follows the frame.
    ///   - descriptors: passed with the frame's first byte.
    /// - Throws: `SystemError`; EPIPE when the shim is gone.
    func send(
        _ type: UInt32, process: UInt32 = 0, value: UInt32 = 0, payload: [UInt8] = [], descriptors: [Int32] = []
    ) throws {
        let frame = timber_frame(length: UInt32(payload.count), type: type, process: process, value: value)
        let bytes = withUnsafeBytes(of: frame) { Array($0) } + payload
        try sending.withLock { _ in
            try UnixSocket.send(bytes, descriptors: descriptors, to: socket.raw)
        }
    }

    /// Ends the connection, whoever still holds this object: a shim that was not told to launch anything ends then.
    func hangUp() {
        // ENOTCONN: it has ended already.
        shutdown(socket.raw, Int32(SHUT_RDWR))
    }
}

/// A decoder on the heap, for the reader's closure.
private final class DecoderBox: Sendable {
    let state = Mutex(FrameDecoder())
}

/// Cuts the shim's bytes into frames. A stream socket gives any piece at a time.
struct FrameDecoder {
    private var buffer: [UInt8] = []

    /// Reads everything that is there, to the end if it has come, and hands over every complete event. Once the peer has hung up
    /// there is no further call to read what was left.
    /// - Returns: false when the connection has ended or what came is no frame.
    mutating func read(from socket: Int32, _ deliver: (ShimEvent) -> Void) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = recv(socket, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            let error = timber_errno()
            if count < 0 {
                if error == EINTR { continue }
                return error == EAGAIN
            }
            guard count > 0, append(chunk[..<count], deliver) else { return false }
        }
    }

    /// Takes bytes and hands over every complete event.
    /// - Returns: false when a frame claims to be larger than the protocol allows.
    mutating func append(_ bytes: ArraySlice<UInt8>, _ deliver: (ShimEvent) -> Void) -> Bool {
        buffer.append(contentsOf: bytes)
        let head = MemoryLayout<timber_frame>.size
        var offset = 0
        while let frame: timber_frame = buffer.load(at: offset) {
            guard frame.length <= TIMBER_FRAME_MAX else { return false }
            let end = offset + head + Int(frame.length)
            guard end <= buffer.count else { break }
            if let event = ShimEvent(frame: frame, payload: Array(buffer[(offset + head)..<end])) { deliver(event) }
            offset = end
        }
        buffer.removeFirst(offset)
        return true
    }
}
