internal import Errors
public import Layers

/// An image's id: the digest of its config, as Docker shows it.
public typealias ImageID = Digest

/// One layer of an image.
public struct ImageLayer: Sendable, Equatable {
    /// Digest of the uncompressed layer.
    public let diffID: Digest
    /// Digest of the chain up to here.
    public let chainID: Digest
    /// Bytes of the files in it.
    public let size: Int64
    /// The unpacked directory, relative to the store's `layersDirectory`: `12/fs`.
    public let directory: String

    let id: Int64
    let blob: Digest
    let blobSize: Int64
    let root: RootDirectory?
    let hidesLower: Bool
}

/// One image of the store, as it was when it was asked for.
public struct Image: Sendable, Identifiable {
    /// Digest of the config.
    public let id: ImageID
    /// What the config says.
    public let config: ImageConfig
    /// The config's exact bytes.
    public let rawConfig: [UInt8]
    /// Tagged names in their familiar form, sorted; an image without any is dangling.
    public var repoTags: [String] { tags.map(\.familiar) }
    /// Names by digest in their familiar form, sorted.
    public var repoDigests: [String] { digests.map(\.familiar) }
    /// The image that this one was made from on this machine.
    public let parent: ImageID?
    /// Lowest first.
    public let layers: [ImageLayer]
    /// Bytes of the files in all layers.
    public let size: Int64
    /// Seconds since 1970, 0 when the image does not say.
    public let created: Int64
    /// Nanoseconds behind them.
    public let createdNanoseconds: Int64
    /// When it was loaded, seconds since 1970.
    public let loaded: Int64

    /// What this machine runs: `amd64`.
    public static var hostArchitecture: String { HostPlatform.architecture }

    let manifest: [UInt8]?
    /// Its names with a tag, in their order.
    public let tags: [Reference]
    let digests: [Reference]

    /// Owner and mode of `/`: the container's own upper directory covers it and should look the same.
    public var rootDirectory: RootDirectory {
        visibleLayers.compactMap(\.root).first ?? RootDirectory()
    }

    /// The layers that make the root file system, highest first: what an opaque root hides is left out, and so is a layer that
    /// occurs higher up too. overlayfs takes no directory twice, and the lower one shows nothing: what hides a name of the higher
    /// one hides it in both.
    var visibleLayers: [ImageLayer] {
        var visible: [ImageLayer] = []
        var seen: Set<Int64> = []
        for layer in layers.reversed() {
            if seen.insert(layer.id).inserted { visible.append(layer) }
            if layer.hidesLower { break }
        }
        return visible
    }

    /// Whether no name refers to it.
    public var isNameless: Bool { references.isEmpty }

    /// Everything that refers to the image by name.
    var references: [Reference] { tags + digests }
}
