internal import Errors
internal import Layers

/// An OCI image layout in a tar archive (image-spec, image-layout.md).
struct OCILayout {
    private let archive: IngestedArchive
    private let documents = ArchiveDocuments()

    /// Indexes in indexes in indexes are legal; more than that is a game.
    private static let depthLimit = 4

    init(_ archive: IngestedArchive) {
        self.archive = archive
    }

    func images(_ index: Blob) throws -> [ArchivedImage] {
        guard case .index(let all) = try ManifestDocument(json: try index.document(), mediaType: nil, what: "index.json") else {
            throw TimberError(.invalidArgument, "index.json is a manifest, not an index")
        }
        let descriptors = all.filter { !$0.isAttestation }
        if descriptors.isEmpty { throw TimberError(.invalidArgument, "index.json lists no image") }
        try ArchiveDocuments.check(images: descriptors.count, "index.json")
        // Entries of one name that differ in platform are one image for several platforms.
        var groups: [(name: String?, members: [ContentDescriptor])] = []
        for descriptor in descriptors {
            let name = Self.name(descriptor)
            if let position = groups.firstIndex(where: { $0.name == name }), descriptor.platform != nil,
                groups[position].members.allSatisfy({ $0.platform != nil })
            {
                groups[position].members.append(descriptor)
            } else {
                groups.append((name, [descriptor]))
            }
        }
        return try groups.flatMap { group -> [ArchivedImage] in
            let name = try group.name.flatMap { try Self.reference($0) }
            return try members(group.members).map { descriptor in
                try image(descriptor, names: try name.map { [try Self.proven($0, descriptor)] } ?? [], depth: 0)
            }
        }
    }

    /// One of each platform: the host's. Otherwise they are different images.
    private func members(_ descriptors: [ContentDescriptor]) throws -> [ContentDescriptor] {
        if descriptors.count == 1 { return descriptors }
        let platforms = Set(descriptors.map { "\($0.platform?.os ?? "")/\($0.platform?.architecture ?? "")/\($0.platform?.variant ?? "")" })
        return platforms.count == descriptors.count ? [try ImagePlatform.host.choose(descriptors, what: "index.json")] : descriptors
    }

    private func image(_ descriptor: ContentDescriptor, names: [Reference], depth: Int) throws -> ArchivedImage {
        let isIndex = MediaType.indexes.contains(descriptor.mediaType)
        let what = isIndex ? "image index" : "manifest"
        if !isIndex && !MediaType.manifests.contains(descriptor.mediaType) {
            throw TimberError(.unsupported, "\(descriptor.digest) is of the unknown type \"\(descriptor.mediaType.prefix(200))\"")
        }
        let (bytes, document) = try documents.manifest(
            try archive.blob(descriptor, what), mediaType: descriptor.mediaType, what: "\(what) \(descriptor.digest)")
        switch document {
        case .index(let descriptors):
            if depth >= Self.depthLimit { throw TimberError(.invalidArgument, "image index \(descriptor.digest) is nested too deeply") }
            let chosen = try ImagePlatform.host.choose(descriptors, what: "image index \(descriptor.digest)")
            return try image(chosen, names: names, depth: depth + 1)
        case .manifest(let config, let layers):
            return try ArchivedImage(
                config: try archive.blob(config, "config"), in: documents, manifest: bytes,
                layers: layers.map { try archive.blob($0, "layer") }, names: names)
        }
    }

    private static func name(_ descriptor: ContentDescriptor) -> String? {
        descriptor.annotations["io.containerd.image.name"] ?? descriptor.annotations["org.opencontainers.image.ref.name"]
    }

    /// The annotation is a whole name with some tools and a tag alone with others; a tag without a repository names nothing.
    private static func reference(_ name: String) throws -> Reference? {
        guard name.contains("/") || name.contains(":") else { return nil }
        do {
            return try Reference(parsing: name).taggedLatest
        } catch let error as TimberError {
            throw TimberError(error.code, "index.json names an image \"\(name.prefix(300))\"", cause: error)
        }
    }

    /// Whoever asks for a digest must get what it names, and the archive only says so: the blob's own digest counts.
    private static func proven(_ name: Reference, _ descriptor: ContentDescriptor) throws -> Reference {
        guard let digest = name.digest else { return name }
        if digest != descriptor.digest {
            throw TimberError(
                .corrupt, "index.json names an image \"\(name)\", but its digest is \(descriptor.digest)")
        }
        return name.with(digest: digest)
    }
}
