internal import Errors
public import Tar

/// How a stream is compressed, told by its first bytes.
public enum Compression: String, Sendable {
    /// Not at all.
    case none
    /// gzip (RFC 1952), one or several members.
    case gzip
    /// Zstandard (RFC 8878), one or several frames.
    case zstd

    /// As many bytes as `detect` looks at.
    static let magicLength = 6

    /// Looks at the first bytes of a stream.
    /// - Throws: `TimberError.unsupported` for compressions that Timber knows but does not read.
    static func detect(_ prefix: [UInt8]) throws -> Compression {
        if prefix.starts(with: [0x1f, 0x8b]) { return .gzip }
        if prefix.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) { return .zstd }
        // A skippable frame may come first: 0x184D2A50 to 0x184D2A5F, little-endian.
        if prefix.count >= 4, prefix[0] & 0xf0 == 0x50, prefix[1...3].elementsEqual([0x2a, 0x4d, 0x18]) { return .zstd }
        let others: [(magic: [UInt8], name: String)] = [
            ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "xz"), ([0x42, 0x5a, 0x68], "bzip2"), ([0x04, 0x22, 0x4d, 0x18], "lz4"),
        ]
        if let other = others.first(where: { prefix.starts(with: $0.magic) }) {
            throw TimberError(.unsupported, "\(other.name) compression is not supported: use gzip, zstd or none")
        }
        return .none
    }
}

/// Reads a stream and decompresses it if it is compressed.
public final class DecompressedReader: ByteReader {
    /// What the first bytes said.
    public let compression: Compression
    private let reader: any ByteReader

    /// Reads the first bytes and decides.
    /// - Throws: what the reader throws; `TimberError.unsupported` for xz, bzip2 and lz4.
    public init(_ reader: any ByteReader) throws {
        var prefix = [UInt8](repeating: 0, count: Compression.magicLength)
        var filled = 0
        while filled < prefix.count {
            let count = try prefix.withUnsafeMutableBytes { try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...])) }
            if count == 0 { break }
            filled += count
        }
        prefix.removeLast(prefix.count - filled)
        compression = try Compression.detect(prefix)
        let whole = PrefixedReader(prefix, reader)
        switch compression {
        case .none: self.reader = whole
        case .gzip: self.reader = GzipReader(ReaderChunks(whole))
        case .zstd: self.reader = try ZstdReader(ReaderChunks(whole))
        }
    }

    /// Reads decompressed bytes.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try reader.read(into: buffer)
    }
}

/// Bytes that were looked at, then the rest.
private final class PrefixedReader: ByteReader {
    private var prefix: ArraySlice<UInt8>
    private let rest: any ByteReader

    init(_ prefix: [UInt8], _ rest: any ByteReader) {
        self.prefix = prefix[...]
        self.rest = rest
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        if prefix.isEmpty { return try rest.read(into: buffer) }
        let part = prefix.prefix(buffer.count)
        buffer.copyBytes(from: part)
        prefix = prefix.dropFirst(part.count)
        return part.count
    }
}
