internal import Errors
internal import FoundationEssentials
internal import Layers
internal import Tar

extension ImageStore {
    /// The manifest that names an image's blobs as they are here: the one that it came with, unless a layer was there already,
    /// compressed in another way.
    /// - Throws: `TimberError.corrupt` when a blob is missing.
    func currentManifest(of image: Image) throws -> [UInt8] {
        if let manifest = image.manifest,
            case .manifest(_, let layers) = try ManifestDocument(json: manifest, mediaType: nil, what: "the manifest of \(image.id.short)"),
            layers.map(\.digest) == image.layers.map(\.blob)
        {
            return manifest
        }
        return try madeManifest(of: image)
    }

    /// A manifest for an image that came without one.
    private func madeManifest(of image: Image) throws -> [UInt8] {
        let layers = try image.layers.map { layer in
            let suffix =
                switch try DecompressedReader(FileReader(try content.open(layer.blob))).compression {
                case .none: ""
                case .gzip: "+gzip"
                case .zstd: "+zstd"
                }
            return SavedDescriptor(
                mediaType: "application/vnd.oci.image.layer.v1.tar" + suffix, digest: layer.blob.description, size: layer.blobSize)
        }
        let config = SavedDescriptor(
            mediaType: "application/vnd.oci.image.config.v1+json", digest: image.id.description, size: Int64(image.rawConfig.count))
        return try encodeJSON(SavedManifest(config: config, layers: layers))
    }
}

/// JSON as Timber writes it: the same value gives the same bytes, and so the same digest.
func encodeJSON(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value))
}

/// A descriptor as Timber writes it.
struct SavedDescriptor: Encodable {
    var mediaType: String
    var digest: String
    var size: Int64
    var annotations: [String: String]?

    /// With the annotations by which containerd and others know an image's name.
    func named(_ name: Reference) -> SavedDescriptor {
        var copy = self
        copy.annotations = ["io.containerd.image.name": name.description, "org.opencontainers.image.ref.name": name.tag ?? "latest"]
        return copy
    }

    /// What a manifest calls itself; the field may be missing in OCI's.
    static func mediaType(ofManifest bytes: [UInt8]) throws -> String {
        struct Typed: Decodable {
            var mediaType: String?
        }
        let typed: Typed = try decodeJSON(bytes, "manifest")
        return typed.mediaType ?? "application/vnd.oci.image.manifest.v1+json"
    }
}

private struct SavedManifest: Encodable {
    var schemaVersion = 2
    var mediaType = "application/vnd.oci.image.manifest.v1+json"
    var config: SavedDescriptor
    var layers: [SavedDescriptor]
}
