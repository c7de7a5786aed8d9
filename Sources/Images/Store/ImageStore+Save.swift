internal import Errors
internal import Glibc
internal import Layers
public import LinuxKernel
internal import Tar

extension ImageStore {
    /// Writes images as an archive that Docker, podman, skopeo and Timber load: an OCI layout with Docker's `manifest.json`.
    ///
    /// Blobs are written as they came, so digests stay. Blocks; the process must ignore SIGPIPE.
    /// - Parameters:
    ///   - references: names, repositories without a tag (all their tags), ids.
    ///   - archive: where to write.
    /// - Throws: `TimberError.notFound`; an error when the archive cannot be written.
    public func save(_ references: [String], to archive: SharedDescriptor) throws {
        let images = try selection(references)
        do {
            try write(images, to: TarWriter(DescriptorSink(archive)))
        } catch let error as SystemError {
            throw TimberError(.internal, "cannot save the images", cause: error)
        }
    }

    /// One image with the names under which it is saved.
    private struct Selected: Sendable {
        var image: Image
        var names: [Reference] = []
    }

    private func selection(_ references: [String]) throws -> [Selected] {
        if references.isEmpty { throw TimberError(.invalidArgument, "no image to save was named") }
        var selected: [Selected] = []
        for text in references {
            let image: Image
            var names: [Reference] = []
            if let reference = try? Reference(parsing: text), reference.tag == nil, reference.digest == nil,
                case let tags = tags(of: reference), !tags.isEmpty
            {
                for (image, name) in tags { Self.add(image, [name], to: &selected) }
                continue
            }
            image = try self.image(text)
            if !image.id.description.hasPrefix(text), !image.id.hex.hasPrefix(text), let name = try? Reference(parsing: text).taggedLatest {
                names = image.tags.filter { $0 == name || $0 == name.onLocalhost }
            }
            Self.add(image, names, to: &selected)
        }
        return selected
    }

    private func tags(of repository: Reference) -> [(Image, Reference)] {
        list().flatMap { image in image.tags.filter { $0.repository == repository.repository }.map { (image, $0) } }
    }

    private static func add(_ image: Image, _ names: [Reference], to selected: inout [Selected]) {
        if let index = selected.firstIndex(where: { $0.image.id == image.id }) {
            selected[index].names += names.filter { !selected[index].names.contains($0) }
        } else {
            selected.append(Selected(image: image, names: names))
        }
    }

    // MARK: Writing

    private func write(_ images: [Selected], to tar: TarWriter) throws {
        var written: Set<Digest> = []
        var entries: [DockerArchiveEntry] = []
        var descriptors: [SavedDescriptor] = []
        for selected in images {
            let image = selected.image
            for layer in image.layers where written.insert(layer.blob).inserted { try write(layer, to: tar) }
            if written.insert(image.id).inserted { try tar.file(Self.path(image.id), image.rawConfig) }
            let manifest = try currentManifest(of: image)
            let digest = Digest.sha256(of: manifest)
            if written.insert(digest).inserted { try tar.file(Self.path(digest), manifest) }
            let type = try SavedDescriptor.mediaType(ofManifest: manifest)
            let descriptor = SavedDescriptor(mediaType: type, digest: digest.description, size: Int64(manifest.count))
            descriptors += selected.names.isEmpty ? [descriptor] : selected.names.map { descriptor.named($0) }
            entries.append(
                DockerArchiveEntry(
                    Config: Self.path(image.id), RepoTags: selected.names.map(\.familiar), Layers: image.layers.map { Self.path($0.blob) }))
        }
        try tar.file("oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
        try tar.file("index.json", try encodeJSON(SavedIndex(manifests: descriptors)))
        try tar.file("manifest.json", try encodeJSON(entries))
        try tar.end()
    }

    private func write(_ layer: ImageLayer, to tar: TarWriter) throws {
        let blob = try content.open(layer.blob)
        var entry = TarEntry(name: Array(Self.path(layer.blob).utf8), kind: .file, mode: 0o644)
        entry.size = layer.blobSize
        try tar.begin(entry)
        var hasher = Digest.Hasher()
        let chunks = ReaderChunks(FileReader(blob))
        while let chunk = try chunks.next() {
            hasher.update(chunk)
            try tar.write(chunk)
        }
        if hasher.digest() != layer.blob {
            throw TimberError(.corrupt, "the blob \(layer.blob) was changed on the disk: load the image again")
        }
    }

    private static func path(_ digest: Digest) -> String { "blobs/sha256/\(digest.hex)" }
}

private struct SavedIndex: Encodable {
    var schemaVersion = 2
    var mediaType = "application/vnd.oci.image.index.v1+json"
    var manifests: [SavedDescriptor]
}
