internal import Errors
internal import Layers
internal import LinuxKernel
internal import Tar

/// Bytes with a digest: a member of an archive, a blob of the store or of a registry.
struct Blob: Sendable {
    enum Storage: Sendable {
        case memory([UInt8])
        case file(SharedDescriptor)
        case remote(RemoteBlob)
    }

    /// What it is called in messages.
    var name: String
    var digest: Digest
    var size: Int64
    var storage: Storage

    /// The largest manifest, index or config; Docker and containerd have the same order of magnitude.
    static let documentLimit: Int64 = 4 << 20

    /// Reads the content from its beginning; several readers may do so at once.
    func reader() throws -> any ByteReader {
        switch storage {
        case .memory(let bytes): MemoryReader(bytes)
        case .file(let file): FileReader(file)
        case .remote(let blob): try blob.reader()
        }
    }

    /// Whether it is still to come, and nobody has verified its digest: reading it does.
    var isRemote: Bool {
        if case .remote = storage { return true }
        return false
    }

    /// Lets it come while other things are done.
    func prefetch() {
        if case .remote(let blob) = storage { blob.start() }
    }

    /// The content, when it is a document.
    /// - Throws: `TimberError.invalidArgument` when it is too large to be one.
    func document() throws -> [UInt8] {
        if size > Self.documentLimit {
            throw TimberError(
                .invalidArgument, "\(name) has \(size) bytes, more than the limit of \(Self.documentLimit) for a document")
        }
        if case .memory(let bytes) = storage { return bytes }
        let reader = try reader()
        var bytes = [UInt8](repeating: 0, count: Int(size))
        var filled = 0
        while filled < bytes.count {
            let count = try bytes.withUnsafeMutableBytes {
                try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
            }
            if count == 0 { throw TimberError(.internal, "\(name) ended early in its own temporary file") }
            filled += count
        }
        return bytes
    }
}
