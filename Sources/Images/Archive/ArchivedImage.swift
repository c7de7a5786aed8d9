internal import Errors
internal import Layers
internal import LinuxKernel

/// One image as an archive describes it, every document verified, no layer unpacked yet.
struct ArchivedImage: Sendable {
    var id: ImageID
    var rawConfig: [UInt8]
    var config: ImageConfig
    var manifest: [UInt8]?
    /// Lowest first, as many as the config's diff ids.
    var layers: [Blob]
    var names: [Reference]
    /// What it was made from on this machine.
    var parent: ImageID?

    /// overlayfs takes more, Docker does not.
    static let layerLimit = 128

    init(
        config document: Blob, in documents: ArchiveDocuments, manifest: [UInt8]?, layers: [Blob],
        names: [Reference]
    ) throws {
        (rawConfig, config) = try documents.config(document)
        id = document.digest
        self.manifest = manifest
        self.layers = layers
        self.names = names
        try check()
    }

    /// One that is made on this machine.
    init(config: [UInt8], layers: [Blob], names: [Reference], parent: ImageID?) throws {
        rawConfig = config
        self.config = try ImageConfig(json: config)
        id = .sha256(of: config)
        self.layers = layers
        self.names = names
        self.parent = parent
        try check()
    }

    private func check() throws {
        if config.diffIDs.count != layers.count {
            throw TimberError(
                .invalidArgument, "image \(id.short): its config lists \(config.diffIDs.count) layers, its manifest \(layers.count)")
        }
        if layers.count > Self.layerLimit {
            throw TimberError(.invalidArgument, "image \(id.short) has \(layers.count) layers, more than the limit of \(Self.layerLimit)")
        }
    }

    /// Finds the images of an archive, in whichever format it is.
    /// - Throws: `TimberError` that names the member.
    static func images(in archive: IngestedArchive) throws -> [ArchivedImage] {
        // Archives with both are docker-archives to Docker, too.
        if let manifest = try archive.member("manifest.json") { return try DockerArchive(archive).images(manifest) }
        if let index = try archive.member("index.json") { return try OCILayout(archive).images(index) }
        throw TimberError(
            .invalidArgument,
            "not an image archive: it has neither manifest.json (docker save) nor index.json (OCI layout), or it is cut short")
    }
}
