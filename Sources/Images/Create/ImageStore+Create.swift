internal import Errors
internal import Layers
internal import LinuxKernel

/// An image that is made on this machine: from a container, or from an archive of files.
public struct NewImage: Sendable {
    /// What it is made from; nil: from nothing.
    public var parent: Image?
    /// The container that it was made from, by id.
    public var container: String?
    /// How to run it.
    public var config: ContainerConfig
    /// `amd64`.
    public var architecture: String
    /// `v8`.
    public var variant: String?
    /// Who made it.
    public var author: String
    /// RFC 3339.
    public var created: String
    /// The step in its history.
    public var createdBy: String
    /// Of the step.
    public var comment: String
    /// What is new; nil: nothing but the config.
    public var layer: StagedLayer?

    /// Makes a description.
    public init(
        parent: Image?, container: String? = nil, config: ContainerConfig, architecture: String, variant: String?, author: String,
        created: String, createdBy: String, comment: String, layer: StagedLayer?
    ) {
        self.parent = parent
        self.container = container
        self.config = config
        self.architecture = architecture
        self.variant = variant
        self.author = author
        self.created = created
        self.createdBy = createdBy
        self.comment = comment
        self.layer = layer
    }
}

extension ImageStore {
    /// Checks a name before the work that it is for.
    /// - Returns: its normalised form.
    /// - Throws: `TimberError.invalidArgument`.
    public func nameForNewImage(repository: String, tag: String) throws -> String {
        let name = try Reference(parsing: tag.isEmpty ? repository : "\(repository):\(tag)")
        if name.digest != nil { throw TimberError(.invalidArgument, "cannot import digest reference") }
        return name.taggedLatest.description
    }

    /// Makes an image. Interrupted at any point, nothing is left.
    /// - Parameter name: as `nameForNewImage` gives it; taken away from another image that has it.
    /// - Throws: `TimberError`.
    public func create(_ new: NewImage, name: String?) async throws -> LoadedImage {
        let lower = new.parent?.layers ?? []
        let archived = try await BlockingPool.shared.run { [self] in
            let config = try SavedImageConfig(new).encoded()
            // Their blobs stay as long as they are open, whatever becomes of the parent.
            var layers = try lower.map { layer in
                Blob(
                    name: "\(layer.blob)", digest: layer.blob, size: layer.blobSize, storage: .file(try content.open(layer.blob)))
            }
            if let layer = new.layer { layers.append(layer.member) }
            return try ArchivedImage(
                config: config, layers: layers, names: name.map { [try Reference(parsing: $0)] } ?? [], parent: new.parent?.id)
        }
        let received = new.layer?.size ?? 0
        let load = ImageLoad(
            store: self, images: [archived], budget: ExtractionBudget(limits, received: received), progress: { _ in })
        guard let loaded = try await load.run().first else { throw TimberError(.internal, "the image was not made") }
        return loaded
    }
}
