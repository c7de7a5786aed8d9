internal import Errors
public import Layers
public import LinuxKernel
public import Tar

/// A layer's tar that was written and hashed and is nobody's yet: it vanishes with its last owner.
public struct StagedLayer: Sendable {
    let member: Blob

    /// Digest of the tar, which is not compressed.
    public var diffID: Digest { member.digest }
    /// Bytes of the tar.
    public var size: Int64 { member.size }
}

extension ImageStore {
    /// Writes a layer into a file without a name.
    /// - Parameters:
    ///   - check: called for every piece that is written; an error ends the work.
    ///   - write: writes the members; the end is written behind them. Blocks.
    /// - Throws: what they throw; `TimberError` when the file cannot be written or becomes larger than a layer may be.
    public func stageLayer(check: @escaping () throws -> Void, _ write: (TarWriter) throws -> Void) throws -> StagedLayer {
        do {
            let sink = try LayerSink(directory: content.directory, check: check)
            let tar = TarWriter(sink, limit: limits.bytes)
            try write(tar)
            try tar.end()
            return try sink.finish(named: "the new layer")
        } catch let error as SystemError {
            throw TimberError(.internal, "cannot write the layer", cause: error)
        }
    }

    /// Receives a layer's tar, compressed or not; whether it is one, its unpacking tells.
    /// - Throws: `TimberError`.
    public func stageLayer(from archive: consuming Descriptor) throws -> StagedLayer {
        do {
            let sink = try LayerSink(directory: content.directory)
            let chunks = ReaderChunks(try LimitedReader(DescriptorReader(SharedDescriptor(archive)), limits: limits))
            var count: Int64 = 0
            while let chunk = try chunks.next() {
                count += Int64(chunk.count)
                if count > limits.bytes { try limits.check(produced: count, consumed: count) }
                try sink.write(chunk)
            }
            if count == 0 { throw TimberError(.invalidArgument, "the archive is empty") }
            return try sink.finish(named: "the archive")
        } catch let error as SystemError {
            throw TimberError(.internal, "cannot receive the archive", cause: error)
        }
    }
}

/// A file without a name that is hashed while it is written.
private final class LayerSink: ByteSink {
    private let file: SharedDescriptor
    private var hasher = Digest.Hasher()
    private var size: Int64 = 0
    private var pending: [UInt8] = []
    private let check: () throws -> Void

    private static let pieceSize = 256 << 10

    init(directory: SharedDescriptor, check: @escaping () throws -> Void = {}) throws {
        self.check = check
        file = SharedDescriptor(try DirectoryCalls.temporaryFile(in: directory.raw))
        pending.reserveCapacity(Self.pieceSize)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        try check()
        hasher.update(bytes)
        size += Int64(bytes.count)
        // Headers come one by one.
        if pending.count + bytes.count > Self.pieceSize { try flush() }
        if bytes.count >= Self.pieceSize {
            try Transfer.writeFully(file.raw, bytes)
        } else {
            pending.append(contentsOf: bytes)
        }
    }

    private func flush() throws {
        try pending.withUnsafeBytes { try Transfer.writeFully(file.raw, $0) }
        pending.removeAll(keepingCapacity: true)
    }

    func finish(named name: String) throws -> StagedLayer {
        try flush()
        return StagedLayer(member: .init(name: name, digest: hasher.digest(), size: size, storage: .file(file)))
    }
}
