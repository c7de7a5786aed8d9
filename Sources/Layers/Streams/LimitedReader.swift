public import Tar

/// Decompresses what a client sends, as far as it is no decompression bomb.
public final class LimitedReader: ByteReader {
    private let reader: any ByteReader

    /// Reads the first bytes and decides how they are compressed; nothing but this process decompresses (CVE-2026-41567).
    /// - Throws: what the reader throws; `TimberError.unsupported` for xz, bzip2 and lz4.
    public init(_ reader: any ByteReader, limits: ExtractionLimits = .default) throws {
        var consumed: Int64 = 0
        var produced: Int64 = 0
        let decompressed = try DecompressedReader(ObservedReader(reader) { consumed += Int64($0.count) })
        let isCompressed = decompressed.compression != .none
        self.reader = ObservedReader(decompressed) { piece in
            produced += Int64(piece.count)
            if isCompressed { try limits.check(produced: produced, consumed: consumed) }
        }
    }

    /// Reads decompressed bytes.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try reader.read(into: buffer)
    }
}
