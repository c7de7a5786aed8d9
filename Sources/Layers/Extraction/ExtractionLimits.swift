internal import Errors

/// What one layer, or one archive, may cost: an image is data from strangers.
public struct ExtractionLimits: Sendable, Equatable {
    /// Uncompressed bytes at the most.
    public var bytes: Int64
    /// Members at the most.
    public var entries: Int
    /// Uncompressed bytes per compressed byte, once `freeBytes` are exceeded. Real layers stay below 20.
    public var ratio: Int64
    /// Uncompressed bytes for which the ratio does not matter: a file of zeros is legal.
    public var freeBytes: Int64

    /// Makes limits.
    public init(bytes: Int64 = 256 << 30, entries: Int = 4_000_000, ratio: Int64 = 100, freeBytes: Int64 = 1 << 30) {
        self.bytes = bytes
        self.entries = entries
        self.ratio = ratio
        self.freeBytes = freeBytes
    }

    /// 256 GiB, four million members, a ratio of 100 above 1 GiB.
    public static let `default` = ExtractionLimits()

    /// Checks how far a decompression has come.
    /// - Parameters:
    ///   - produced: uncompressed bytes so far.
    ///   - consumed: compressed bytes read so far.
    /// - Throws: `TimberError.invalidArgument` that says which limit.
    public func check(produced: Int64, consumed: Int64) throws {
        if produced > bytes {
            throw TimberError(.invalidArgument, "larger than the limit of \(bytes) uncompressed bytes")
        }
        let (allowed, overflow) = consumed.multipliedReportingOverflow(by: ratio)
        if produced > freeBytes && !overflow && produced > allowed {
            throw TimberError(
                .invalidArgument,
                "looks like a decompression bomb: \(produced) bytes from \(consumed), more than the limit of \(ratio) to 1 above \(freeBytes) bytes"
            )
        }
    }
}
