internal import Errors
internal import Layers
internal import LinuxKernel
internal import Tar

/// An image archive that has been received: small members in memory, the others in files without a name.
///
/// The files vanish with their descriptors, so an interrupted load leaves nothing.
struct IngestedArchive: Sendable {
    /// Bytes that came, compressed as they came.
    var received: Int64 = 0
    /// By normalised name.
    var members: [[UInt8]: Blob] = [:]
    /// Symbolic and hard links by normalised name: older archives have them for layers that occur twice.
    var links: [[UInt8]: [UInt8]] = [:]

    /// Finds a member, by way of links inside the archive.
    /// - Parameter name: as another member names it.
    /// - Throws: `TimberError.invalidArgument` for a name that leads out of the archive.
    func member(_ name: String) throws -> Blob? {
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
    func blob(_ descriptor: ContentDescriptor, _ what: String) throws -> Blob {
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
