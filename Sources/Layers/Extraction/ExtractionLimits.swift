internal import Errors
internal import Synchronization

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
    /// Bytes of memory at the most for what is kept of a layer until its end: names and attributes of its directories.
    public var memory: Int64

    /// Makes limits.
    public init(
        bytes: Int64 = 256 << 30, entries: Int = 4_000_000, ratio: Int64 = 100, freeBytes: Int64 = 1 << 30, memory: Int64 = 256 << 20
    ) {
        self.bytes = bytes
        self.entries = entries
        self.ratio = ratio
        self.freeBytes = freeBytes
        self.memory = memory
    }

    /// 256 GiB, four million members, a ratio of 100 above 1 GiB, 256 MiB of memory.
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

/// What the layers of one load may cost together: many small bombs are one large one, and a bomb can be wrapped in another.
public final class ExtractionBudget: Sendable {
    private let limits: ExtractionLimits
    private let received: Int64
    private let produced = Atomic<Int64>(0)

    /// Makes a budget.
    /// - Parameters:
    ///   - limits: as for one layer, but for all of them.
    ///   - received: bytes that came for all of them, compressed as they came.
    public init(_ limits: ExtractionLimits, received: Int64) {
        self.limits = limits
        self.received = received
    }

    /// Counts uncompressed bytes of one layer.
    /// - Throws: `TimberError.invalidArgument` that says which limit all layers together exceed.
    func spend(_ bytes: Int64) throws {
        // Every layer stops at its own limit first, so the sum stays far from overflowing.
        let total = produced.wrappingAdd(bytes, ordering: .relaxed).newValue
        do {
            try limits.check(produced: total, consumed: received)
        } catch let error as TimberError {
            throw TimberError(error.code, "together with the archive's other layers \(error.message)")
        }
    }
}
