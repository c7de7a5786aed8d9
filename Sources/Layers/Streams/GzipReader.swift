internal import CIsal
internal import Errors
internal import Tar

/// Decompresses gzip with isa-l: one member or several, zero padding after the last allowed, every checksum verified.
final class GzipReader: ByteReader {
    private let source: any ChunkSource
    private let state: UnsafeMutablePointer<inflate_state>
    private var input = UnsafeRawBufferPointer(start: nil, count: 0)
    private var inputEnded = false
    private var memberEnded = false
    private var finished = false

    init(_ source: any ChunkSource) {
        self.source = source
        state = .allocate(capacity: 1)
        isal_inflate_init(state)
        state.pointee.crc_flag = UInt32(ISAL_GZIP)
    }

    deinit {
        state.deallocate()
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count && !finished {
            try refill()
            if memberEnded {
                try startMember()
                continue
            }
            let room = min(buffer.count - filled, Int(UInt32.max / 2))
            let before = input.count
            state.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
            state.pointee.avail_in = UInt32(input.count)
            state.pointee.next_out = buffer.baseAddress?.advanced(by: filled).assumingMemoryBound(to: UInt8.self)
            state.pointee.avail_out = UInt32(room)
            let result = isal_inflate(state)
            let produced = room - Int(state.pointee.avail_out)
            input = UnsafeRawBufferPointer(rebasing: input.suffix(Int(state.pointee.avail_in)))
            filled += produced
            if result != ISAL_DECOMP_OK { throw TimberError(.invalidArgument, "damaged gzip data: \(Self.reason(result))") }
            if state.pointee.block_state == ISAL_BLOCK_FINISH {
                memberEnded = true
            } else if inputEnded && produced == 0 && input.count == before {
                throw TimberError(.invalidArgument, "gzip data ends too early")
            }
        }
        return filled
    }

    private func refill() throws {
        if !input.isEmpty || inputEnded { return }
        if let chunk = try source.next() {
            input = chunk
        } else {
            inputEnded = true
        }
    }

    /// After a member: another one, zero bytes as padding, or the end.
    private func startMember() throws {
        guard let byte = input.first else {
            // `refill` came before: nothing left means the end.
            finished = inputEnded
            return
        }
        switch byte {
        case 0x1f:
            isal_inflate_reset(state)
            state.pointee.crc_flag = UInt32(ISAL_GZIP)
            memberEnded = false
        case 0:
            input = UnsafeRawBufferPointer(rebasing: input.dropFirst(input.prefix { $0 == 0 }.count))
        default:
            throw TimberError(.invalidArgument, "damaged gzip data: garbage after the end")
        }
    }

    private static func reason(_ result: Int32) -> String {
        switch result {
        case ISAL_INVALID_BLOCK: "invalid block"
        case ISAL_INVALID_SYMBOL: "invalid symbol"
        case ISAL_INVALID_LOOKBACK: "invalid distance"
        case ISAL_INVALID_WRAPPER: "invalid header"
        case ISAL_UNSUPPORTED_METHOD: "unknown compression method"
        case ISAL_INCORRECT_CHECKSUM: "wrong checksum"
        default: "error \(result)"
        }
    }
}
