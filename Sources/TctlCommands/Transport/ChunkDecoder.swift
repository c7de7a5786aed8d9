/// An answer that breaks HTTP/1.1.
struct HTTPSyntaxError: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ reason: String) {
        description = "the daemon's answer is not HTTP: \(reason)"
    }
}

/// Decodes `Transfer-Encoding: chunked` (RFC 9112 §7.1) byte by byte as it arrives.
struct ChunkDecoder {
    private enum State: Equatable {
        case size
        case sizeExtension
        case sizeEnd
        case data
        case dataEnd(sawReturn: Bool)
        case trailer
        case done
    }

    /// Longest size line and longest trailer: neither carries anything we need.
    private static let lineLimit = 4096

    private var state = State.size
    private var remaining = 0
    private var digits = 0
    private var lineLength = 0

    /// True after the last chunk and its trailers.
    var isDone: Bool { state == .done }

    /// Decodes as much of `input` as belongs to the body.
    /// - Parameters:
    ///   - input: bytes as received.
    ///   - output: where body bytes are appended.
    /// - Returns: how many bytes of `input` were used: all of them unless the body ended.
    /// - Throws: `HTTPSyntaxError`.
    mutating func decode(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) throws -> Int {
        var index = 0
        while index < input.count && state != .done {
            if state == .data {
                let count = min(remaining, input.count - index)
                output.append(contentsOf: input[index..<index + count])
                index += count
                remaining -= count
                if remaining == 0 { state = .dataEnd(sawReturn: false) }
                continue
            }
            try step(input[index])
            index += 1
        }
        return index
    }

    private mutating func step(_ byte: UInt8) throws {
        switch state {
        case .size: try sizeByte(byte)
        case .sizeExtension:
            try countLine()
            if byte == 0x0D { state = .sizeEnd }
            if byte == 0x0A { try endOfSize() }
        case .sizeEnd:
            guard byte == 0x0A else { throw HTTPSyntaxError("a chunk size line that does not end") }
            try endOfSize()
        case .dataEnd(let sawReturn):
            if byte == 0x0D && !sawReturn {
                state = .dataEnd(sawReturn: true)
            } else if byte == 0x0A {
                state = .size
            } else {
                throw HTTPSyntaxError("a chunk longer than its size")
            }
        case .trailer: try trailerByte(byte)
        case .data, .done: break
        }
    }

    private mutating func sizeByte(_ byte: UInt8) throws {
        if let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 {
            digits += 1
            // 15 hexadecimal digits cannot overflow, and no body is larger.
            guard digits <= 15 else { throw HTTPSyntaxError("a chunk size that is too large") }
            remaining = remaining << 4 | digit
            return
        }
        guard digits > 0 else { throw HTTPSyntaxError("a chunk without a size") }
        switch byte {
        case 0x0D: state = .sizeEnd
        case 0x0A: try endOfSize()
        case UInt8(ascii: ";"), 0x20, 0x09: state = .sizeExtension
        default: throw HTTPSyntaxError("a chunk size that is not hexadecimal")
        }
    }

    private mutating func endOfSize() throws {
        digits = 0
        lineLength = 0
        state = remaining == 0 ? .trailer : .data
    }

    /// Trailers are skipped; an empty line ends them. `digits` counts the bytes of the current line.
    private mutating func trailerByte(_ byte: UInt8) throws {
        try countLine()
        if byte == 0x0A {
            if digits == 0 { state = .done }
            digits = 0
        } else if byte != 0x0D {
            digits += 1
        }
    }

    private mutating func countLine() throws {
        lineLength += 1
        if lineLength > ChunkDecoder.lineLimit { throw HTTPSyntaxError("a chunk header without end") }
    }
}
