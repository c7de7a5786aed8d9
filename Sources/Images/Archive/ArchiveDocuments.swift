internal import Errors
internal import Layers

/// The documents of one archive: each is read and decoded once, however often the archive refers to it, and together they have a
/// limit. All of them are in memory while the archive is loaded.
final class ArchiveDocuments {
    /// Bytes at the most. A config takes some 10 KiB.
    private static let limit: Int64 = 32 << 20
    /// An archive of more images is no archive of a person.
    static let imageLimit = 300

    private let limit: Int64
    private var total: Int64 = 0
    private var configs: [Digest: (bytes: [UInt8], config: ImageConfig)] = [:]
    private var manifests: [Key: (bytes: [UInt8], document: ManifestDocument)] = [:]

    /// What a manifest is depends on what its descriptor calls it, too.
    private struct Key: Hashable {
        var digest: Digest
        var mediaType: String
    }

    init(limit: Int64 = ArchiveDocuments.limit) {
        self.limit = limit
    }

    func config(_ member: Blob) throws -> (bytes: [UInt8], config: ImageConfig) {
        if let known = configs[member.digest] { return known }
        let bytes = try read(member)
        let made = (bytes, try ImageConfig(json: bytes))
        configs[member.digest] = made
        return made
    }

    func manifest(
        _ member: Blob, mediaType: String, what: String
    ) throws -> (bytes: [UInt8], document: ManifestDocument) {
        let key = Key(digest: member.digest, mediaType: mediaType)
        if let known = manifests[key] { return known }
        let bytes = try read(member)
        let made = (bytes, try ManifestDocument(json: bytes, mediaType: mediaType, what: what))
        manifests[key] = made
        return made
    }

    private func read(_ member: Blob) throws -> [UInt8] {
        let bytes = try member.document()
        total += Int64(bytes.count)
        if total > limit {
            throw TimberError(
                .invalidArgument,
                "the archive's configs and manifests have more than the limit of \(limit) bytes: save its images in several archives")
        }
        return bytes
    }

    /// Refuses an archive of too many images.
    static func check(images count: Int, _ what: String) throws {
        if count > imageLimit {
            throw TimberError(
                .invalidArgument, "\(what) lists \(count) images, more than the limit of \(imageLimit): save them in several archives")
        }
    }
}
