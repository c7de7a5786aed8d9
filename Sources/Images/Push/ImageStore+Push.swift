internal import Errors
public import Layers
internal import LinuxKernel
public import Registries

/// How far a push has come; reported from several tasks. A layer is named by its diff id.
public enum PushProgress: Sendable, Equatable {
    /// The layers of the image, lowest first; told once.
    case layers([Digest])
    /// Bytes of a layer's blob that have been sent.
    case pushing(layer: Digest, done: Int64, total: Int64)
    /// The registry has it now.
    case pushed(layer: Digest)
    /// The registry had it.
    case exists(layer: Digest)
    /// The registry took it over from another repository.
    case mounted(layer: Digest, from: String)
}

/// What a push made.
public struct PushedImage: Sendable {
    /// The image's id.
    public let id: ImageID
    /// Of the manifest in the registry.
    public let digest: Digest
    /// Of the manifest, bytes.
    public let size: Int
}

extension ImageStore {
    /// As many blobs are sent at a time.
    private static let uploads = 4

    /// Sends an image to a registry: what it does not have, then the manifest.
    /// - Parameters:
    ///   - reference: a name with a tag; it becomes the tag in the registry.
    ///   - repository: where to.
    ///   - progress: called from several tasks.
    /// - Returns: what the registry has now; `repository@digest` is one more name of the image.
    /// - Throws: `TimberError`, `CancellationError`.
    public func push(
        _ reference: Reference, to repository: Repository, progress: @escaping @Sendable (PushProgress) -> Void
    ) async throws -> PushedImage {
        let name = reference.taggedLatest
        guard let tag = name.tag, name.digest == nil else {
            throw TimberError(.invalidArgument, "cannot push a digest reference: give a tag")
        }
        let image = try image(name.description)
        // Kept, whatever becomes of the image meanwhile.
        for layer in image.layers { content.pin(layer.blob) }
        defer { content.unpin(image.layers.map(\.blob)) }
        progress(.layers(image.config.diffIDs))
        let others = Set(image.references.filter { $0.domain == name.domain && $0.path != name.path }.map(\.path)).sorted()
        var seen: Set<Digest> = []
        let layers = zip(image.config.diffIDs, image.layers).filter { seen.insert($1.blob).inserted }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, (diffID, layer)) in layers.enumerated() {
                if index >= Self.uploads { try await group.next() }
                group.addTask { try await self.push(diffID, layer, to: repository, or: others, progress) }
            }
            try await group.waitForAll()
        }
        if try await !repository.has(image.id) {
            try await repository.upload(image.id, size: Int64(image.rawConfig.count), .bytes(image.rawConfig)) { _ in }
        }
        let manifest = try await BlockingPool.shared.run { try self.currentManifest(of: image) }
        let type = try SavedDescriptor.mediaType(ofManifest: manifest)
        try await repository.put(manifest, tag: tag, mediaType: type)
        let digest = Digest.sha256(of: manifest)
        _ = try change { _ in try database.setImageName(name.with(digest: digest).description, image: image.id.description) }
        return PushedImage(id: image.id, digest: digest, size: manifest.count)
    }

    private func push(
        _ diffID: Digest, _ layer: ImageLayer, to repository: Repository, or others: [String],
        _ progress: @escaping @Sendable (PushProgress) -> Void
    ) async throws {
        if try await repository.has(layer.blob) { return progress(.exists(layer: diffID)) }
        for other in others where try await repository.mount(layer.blob, from: other) {
            return progress(.mounted(layer: diffID, from: other))
        }
        let file = try content.open(layer.blob)
        try await repository.upload(layer.blob, size: layer.blobSize, .file(file)) { done in
            progress(.pushing(layer: diffID, done: done, total: layer.blobSize))
        }
        progress(.pushed(layer: diffID))
    }
}
