internal import Errors
internal import Layers
internal import LinuxKernel
internal import Tar

/// An image archive that has been received: small members in memory, the others in files without a name.
///
/// The files vanish with their descriptors, so an interrupted load leaves nothing.
struct IngestedArchive: Sendable {
    /// The content of one member.
    struct Member: Sendable {
        enum Storage: Sendable {
            case memory([UInt8])
            case file(SharedDescriptor)
        }

        var name: String
        var digest: Digest
        var size: Int64
        var storage: Storage

        /// Reads the content from its beginning; several readers may do so at once.
        func reader() -> any ByteReader {
            switch storage {
            case .memory(let bytes): MemoryReader(bytes)
            case .file(let file): FileReader(file)
            }
        }

        /// The content, when it is a document.
        /// - Throws: `TimberError.invalidArgument` when it is too large to be one.
        func document() throws -> [UInt8] {
            if size > IngestedArchive.documentLimit {
                throw TimberError(
                    .invalidArgument, "\(name) has \(size) bytes, more than the limit of \(IngestedArchive.documentLimit) for a document")
            }
            if case .memory(let bytes) = storage { return bytes }
            let reader = reader()
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

    /// The largest manifest, index or config; Docker and containerd have the same order of magnitude.
    static let documentLimit: Int64 = 4 << 20

    /// Bytes that came, compressed as they came.
    var received: Int64 = 0
    /// By normalised name.
    var members: [[UInt8]: Member] = [:]
    /// Symbolic and hard links by normalised name: older archives have them for layers that occur twice.
    var links: [[UInt8]: [UInt8]] = [:]

    /// Finds a member, by way of links inside the archive.
    /// - Parameter name: as another member names it.
    /// - Throws: `TimberError.invalidArgument` for a name that leads out of the archive.
    func member(_ name: String) throws -> Member? {
        var key = try MemberName.normalised(Array(name.utf8))
        // Two links in a row are more than any tool writes.
        for _ in 0..<4 {
            if let member = members[key] { return member }
            guard let target = links[key] else { return nil }
            key = target
        }
        throw TimberError(.invalidArgument, "the archive's member \(BytePath.printable(Array(name.utf8))) is a link to a link")
    }

    /// Finds a blob of an OCI layout and verifies it.
    /// - Throws: `TimberError` that names the digest: `.invalidArgument` when it is missing, `.corrupt` when it is something else.
    func blob(_ descriptor: ContentDescriptor, _ what: String) throws -> Member {
        guard let member = try member("blobs/sha256/\(descriptor.digest.hex)") else {
            throw TimberError(.invalidArgument, "\(what) \(descriptor.digest) is missing in the archive")
        }
        if member.digest != descriptor.digest {
            throw TimberError(.corrupt, "\(what) \(descriptor.digest) has the wrong digest: its content is \(member.digest)")
        }
        if member.size != descriptor.size {
            throw TimberError(
                .corrupt, "\(what) \(descriptor.digest) has the wrong size: \(member.size) bytes, its descriptor says \(descriptor.size)")
        }
        return member
    }
}
