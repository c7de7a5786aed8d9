internal import Errors
public import LinuxKernel
internal import Synchronization
public import Tar

/// Unpacks one layer: this thread decompresses and digests, a second one writes files.
public struct LayerUnpacker: Sendable {
    private let limits: ExtractionLimits
    private let budget: ExtractionBudget?

    /// Makes an unpacker.
    /// - Parameters:
    ///   - limits: what a layer may cost.
    ///   - budget: what it may cost together with others.
    public init(limits: ExtractionLimits = .default, budget: ExtractionBudget? = nil) {
        self.limits = limits
        self.budget = budget
    }

    /// Unpacks a layer. On an error the directory is in no particular state: the caller removes it.
    /// - Parameters:
    ///   - blob: the layer's blob, none, gzip or zstd compressed.
    ///   - directory: an empty directory that nobody else can reach.
    ///   - diffID: what the uncompressed stream must hash to; nil when it is not known.
    ///   - progress: told how many bytes of the blob have been read; called from this thread. An error ends the work.
    /// - Returns: what was unpacked.
    /// - Throws: `TimberError` without the layer's name: `.corrupt` for another digest, `.invalidArgument` for a damaged or hostile
    ///   layer, `.unsupported` for what Timber does not read.
    public func unpack(
        _ blob: any ByteReader, into directory: SharedDescriptor, expecting diffID: Digest? = nil,
        progress: @escaping (Int64) throws -> Void = { _ in }
    ) throws -> UnpackedLayer {
        let channel = ChunkChannel()
        let outcome = Outcome()
        let limits = self.limits
        let writer = try OwnThread(named: "layer-writer") {
            outcome.set(Result { try Self.write(channel, into: directory, limits: limits) })
        }
        let stream = Result {
            try decompress(blob, progress: progress, room: channel.takeEmpty, filled: { channel.put($0, count: $1) })
        }
        channel.end(stream.map { _ in })
        writer.join()
        // An error of the stream reaches the writer too, and an error of the writer stops the stream: the writer's is the cause.
        let content = try outcome.get()
        let (digest, streamSize) = try stream.get()
        if let diffID, diffID != digest { throw Self.wrong(diffID, digest) }
        return UnpackedLayer(
            diffID: digest, streamSize: streamSize, size: content.size, root: content.root, hidesLower: content.hidesLower,
            needs: content.needs)
    }

    /// Proves that a blob is a layer, without unpacking it.
    /// - Parameters:
    ///   - blob: the blob, none, gzip or zstd compressed.
    ///   - digest: the blob's own digest, if it is verified already.
    ///   - diffID: what the uncompressed stream must hash to.
    ///   - progress: as for `unpack`.
    /// - Throws: `TimberError` as `unpack` does.
    public func verify(
        _ blob: any ByteReader, _ digest: Digest?, expecting diffID: Digest, progress: @escaping (Int64) throws -> Void
    ) throws {
        // Uncompressed, it is the stream itself.
        if digest == diffID { return }
        let buffer = Buffer(size: chunkSize)
        let (found, _) = try decompress(blob, progress: progress, room: { buffer }, filled: { _, _ in })
        if found != diffID { throw Self.wrong(diffID, found) }
    }

    private static func wrong(_ diffID: Digest, _ found: Digest) -> TimberError {
        TimberError(.corrupt, "wrong diffID: the config says \(diffID), the content is \(found)")
    }

    /// Decompresses, counts and hashes a blob.
    /// - Parameters:
    ///   - room: where the next bytes go; nil: nobody wants more.
    ///   - filled: takes them.
    /// - Returns: digest and size of the uncompressed stream.
    private func decompress(
        _ blob: any ByteReader, progress: @escaping (Int64) throws -> Void, room: () -> Buffer?, filled: (Buffer, Int) -> Void
    ) throws -> (Digest, Int64) {
        var consumed: Int64 = 0
        let observed = ObservedReader(blob) { piece in
            consumed += Int64(piece.count)
            try progress(consumed)
        }
        let reader = try DecompressedReader(observed)
        var hasher = Digest.Hasher()
        var produced: Int64 = 0
        while let buffer = room() {
            let count = try reader.read(into: buffer.bytes)
            if count == 0 { break }
            produced += Int64(count)
            if reader.compression == .none {
                if produced > limits.bytes { try limits.check(produced: produced, consumed: produced) }
            } else {
                try limits.check(produced: produced, consumed: consumed)
            }
            try budget?.spend(Int64(count))
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]))
            filled(buffer, count)
        }
        return (hasher.digest(), produced)
    }

    private static func write(
        _ channel: ChunkChannel, into directory: SharedDescriptor, limits: ExtractionLimits
    ) throws -> LayerExtractor.Content {
        do {
            try OwnThread.clearUmask()
            let reader = TarReader(ChannelChunks(channel))
            let extractor = try LayerExtractor(root: directory.raw, limits: limits)
            while let entry = try reader.next() { try extractor.add(entry, from: reader) }
            // What follows the archive counts for the digest.
            try reader.drain()
            return try extractor.finish()
        } catch {
            channel.cancel()
            throw error
        }
    }
}

/// Carries the writer's result to the thread that joins it.
private final class Outcome: Sendable {
    private let result = Mutex<Result<LayerExtractor.Content, any Error>?>(nil)

    func set(_ value: Result<LayerExtractor.Content, any Error>) {
        result.withLock { $0 = value }
    }

    func get() throws -> LayerExtractor.Content {
        guard let value = result.withLock({ $0 }) else { throw TimberError(.internal, "the layer's writer ended without a result") }
        return try value.get()
    }
}
