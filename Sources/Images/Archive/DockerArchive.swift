internal import Errors
internal import Layers
internal import LinuxKernel

/// The format of `docker save`, and what skopeo, podman and buildah make of it.
struct DockerArchive {
    private let archive: IngestedArchive
    private let documents = ArchiveDocuments()

    init(_ archive: IngestedArchive) {
        self.archive = archive
    }

    func images(_ manifest: Blob) throws -> [ArchivedImage] {
        let entries: [DockerArchiveEntry] = try decodeJSON(try manifest.document(), "manifest.json")
        if entries.isEmpty { throw TimberError(.invalidArgument, "manifest.json lists no image") }
        try ArchiveDocuments.check(images: entries.count, "manifest.json")
        return try entries.map { entry in
            let names = try (entry.RepoTags ?? []).map { tag in
                do {
                    let name = try Reference(parsing: tag).taggedLatest
                    // Nothing here says that the digest is this image's: whoever asks for one must get what it names.
                    if name.digest != nil { throw TimberError(.invalidArgument, "refusing to create a tag with a digest reference") }
                    return name
                } catch let error as TimberError {
                    throw TimberError(error.code, "manifest.json names an image \"\(tag.prefix(300))\"", cause: error)
                }
            }
            return try ArchivedImage(
                config: try member(entry.Config, "config"), in: documents, manifest: nil,
                layers: (entry.Layers ?? []).map { try member($0, "layer") }, names: names)
        }
    }

    private func member(_ name: String, _ what: String) throws -> Blob {
        let shown = BytePath.printable(Array(name.utf8))
        let found: Blob?
        do {
            found = try archive.member(name)
        } catch let error as TimberError {
            throw TimberError(error.code, "manifest.json lists the \(what) \"\(shown)\"", cause: error)
        }
        guard let member = found else {
            throw TimberError(.invalidArgument, "the \(what) \(shown) that manifest.json lists is missing in the archive")
        }
        // Where the file name is a digest it must be right: `<hex>.json`, `<hex>.tar`, `blobs/sha256/<hex>`.
        let base = name.split(separator: "/").last ?? ""
        let stem = base.split(separator: ".").first.map(String.init) ?? ""
        let isContentAddressed = what == "config" ? base.hasSuffix(".json") || name.hasPrefix("blobs/") : name.hasPrefix("blobs/")
        // A name that is no digest promises nothing.
        if isContentAddressed, let named = try? Digest(hex: stem), named != member.digest {
            throw TimberError(.corrupt, "the \(what) \(shown) has the wrong digest: its content is \(member.digest)")
        }
        return member
    }
}
