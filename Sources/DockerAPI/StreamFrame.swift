/// Docker's multiplexed stream (`application/vnd.docker.multiplexed-stream`): frames of an 8-byte header, stream number, three
/// zeros and the big-endian length, followed by that many bytes.
public enum StreamFrame {
    /// Which stream a frame belongs to.
    public enum Stream: UInt8, Sendable {
        /// Standard input; never sent by a daemon.
        case stdin = 0
        /// Standard output.
        case stdout = 1
        /// Standard error.
        case stderr = 2
        /// An error of the daemon in the middle of the stream, as text.
        case systemError = 3
    }

    /// Bytes of a header.
    public static let headerLength = 8

    /// The header of a frame.
    /// - Parameters:
    ///   - stream: whose bytes.
    ///   - length: how many.
    public static func header(_ stream: Stream, length: UInt32) -> [UInt8] {
        [
            stream.rawValue, 0, 0, 0, UInt8(truncatingIfNeeded: length >> 24), UInt8(truncatingIfNeeded: length >> 16),
            UInt8(truncatingIfNeeded: length >> 8), UInt8(truncatingIfNeeded: length),
        ]
    }

    /// A whole frame.
    public static func frame(_ stream: Stream, _ bytes: some Collection<UInt8>) -> [UInt8] {
        var frame = header(stream, length: UInt32(truncatingIfNeeded: bytes.count))
        frame.append(contentsOf: bytes)
        return frame
    }
}

/// Takes a multiplexed stream apart, however its bytes are cut.
public struct StreamDemultiplexer: Sendable {
    /// What was found in the stream.
    public enum Failure: Error, Sendable, Equatable {
        /// A header that no daemon sends.
        case invalidHeader([UInt8])
    }

    private var header: [UInt8] = []
    private var stream = StreamFrame.Stream.stdout
    private var remaining = 0

    /// Makes one, at the beginning of a stream.
    public init() {
        header.reserveCapacity(StreamFrame.headerLength)
    }

    /// Whether the stream may end here: between two frames.
    public var isBetweenFrames: Bool { remaining == 0 && header.isEmpty }

    /// Takes the next bytes.
    /// - Parameters:
    ///   - bytes: cut anywhere.
    ///   - deliver: gets each piece with its stream, in order; a frame may come in several pieces.
    /// - Throws: `Failure`, or what `deliver` throws.
    public mutating func consume(
        _ bytes: UnsafeRawBufferPointer, deliver: (StreamFrame.Stream, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var index = 0
        while index < bytes.count {
            if remaining > 0 {
                let count = min(remaining, bytes.count - index)
                try deliver(stream, UnsafeRawBufferPointer(rebasing: bytes[index..<index + count]))
                remaining -= count
                index += count
                continue
            }
            let count = min(StreamFrame.headerLength - header.count, bytes.count - index)
            header.append(contentsOf: bytes[index..<index + count])
            index += count
            if header.count == StreamFrame.headerLength {
                guard let next = StreamFrame.Stream(rawValue: header[0]), header[1] == 0, header[2] == 0, header[3] == 0 else {
                    throw Failure.invalidHeader(header)
                }
                stream = next
                remaining = Int(header[4]) << 24 | Int(header[5]) << 16 | Int(header[6]) << 8 | Int(header[7])
                header.removeAll(keepingCapacity: true)
            }
        }
    }
}
