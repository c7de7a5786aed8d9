internal import Errors
internal import Layers

/// `manifest.json` of a docker-archive: one entry an image.
struct DockerArchiveEntry: Codable {
    var Config: String
    var RepoTags: [String]?
    var Layers: [String]?
}

/// Media types of OCI and of Docker's schema 2.
enum MediaType {
    static let indexes: Set<String> = [
        "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
    static let manifests: Set<String> = [
        "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
    ]
    static let configs: Set<String> = [
        "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json",
    ]
    /// A layer is a tar. Which of these compresses it, its own first bytes say: tools get it wrong here.
    static let layers: Set<String> = Set(
        ["layer.v1.tar", "layer.nondistributable.v1.tar"].flatMap { name in
            ["", "+gzip", "+zstd"].map { "application/vnd.oci.image.\(name)\($0)" }
        }
            + ["diff.tar", "foreign.diff.tar"].flatMap { name in
                ["", ".gzip", ".zstd"].map { "application/vnd.docker.image.rootfs.\(name)\($0)" }
            })
}

/// A pointer to content (OCI image-spec, descriptor.md). `urls` and `data` are deliberately not read.
struct ContentDescriptor: Decodable {
    var mediaType: String
    var digest: Digest
    var size: Int64
    var platform: Platform?
    var annotations: [String: String]

    struct Platform: Decodable {
        var architecture: String
        var os: String
        var variant: String?
    }

    private enum CodingKeys: String, CodingKey {
        case mediaType, digest, size, platform, annotations
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        mediaType = try container.decodeIfPresent(String.self, forKey: .mediaType) ?? ""
        digest = try Digest(container.decode(String.self, forKey: .digest))
        size = try container.decode(Int64.self, forKey: .size)
        platform = try container.decodeIfPresent(Platform.self, forKey: .platform)
        annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations) ?? [:]
        if size < 0 { throw TimberError(.invalidArgument, "the descriptor of \(digest) has a negative size") }
    }

    /// What a build tool attaches to an image is not an image.
    var isAttestation: Bool {
        annotations["vnd.docker.reference.type"] == "attestation-manifest"
            || (platform?.architecture == "unknown" && platform?.os == "unknown")
    }
}

/// An image index or an image manifest.
enum ManifestDocument {
    case index([ContentDescriptor])
    case manifest(config: ContentDescriptor, layers: [ContentDescriptor])

    private struct Wire: Decodable {
        var schemaVersion: Int?
        var mediaType: String?
        var manifests: [ContentDescriptor]?
        var config: ContentDescriptor?
        var layers: [ContentDescriptor]?
        var fsLayers: [Ignored]?
    }

    private struct Ignored: Decodable {}

    /// Decodes a document that is what it says it is, and only one thing at a time (GHSA-5j5w-g665-5m35).
    /// - Parameters:
    ///   - bytes: the JSON, of bounded size and verified digest.
    ///   - mediaType: what the descriptor that led here says, nil for `index.json`.
    ///   - what: names the document in errors.
    /// - Throws: `TimberError.invalidArgument`, `.unsupported` for schema 1 and artifacts.
    init(json bytes: [UInt8], mediaType: String?, what: String) throws {
        let wire: Wire = try decodeJSON(bytes, what)
        if wire.schemaVersion == 1 || wire.fsLayers != nil {
            throw TimberError(.unsupported, "\(what) is of Docker's schema 1, which is not supported: save the image with a current tool")
        }
        guard wire.schemaVersion == 2 else { throw TimberError(.invalidArgument, "\(what): schemaVersion is not 2") }
        if wire.manifests != nil && (wire.layers != nil || wire.config != nil) {
            throw TimberError(.invalidArgument, "\(what) is ambiguous: it has both manifests and layers")
        }
        if let own = wire.mediaType, !own.isEmpty, let mediaType, own != mediaType {
            throw TimberError(.invalidArgument, "\(what) calls itself \(own.prefix(200)), its descriptor calls it \(mediaType)")
        }
        let type = wire.mediaType ?? mediaType ?? ""
        if let manifests = wire.manifests {
            if MediaType.manifests.contains(type) {
                throw TimberError(.invalidArgument, "\(what) is an index that calls itself a manifest")
            }
            self = .index(manifests)
        } else if let config = wire.config, let layers = wire.layers {
            if MediaType.indexes.contains(type) { throw TimberError(.invalidArgument, "\(what) is a manifest that calls itself an index") }
            guard MediaType.configs.contains(config.mediaType) else {
                throw TimberError(
                    .unsupported, "\(what) is not a container image: its config is of the type \"\(config.mediaType.prefix(200))\"")
            }
            if let other = layers.first(where: { !MediaType.layers.contains($0.mediaType) }) {
                throw TimberError(
                    .unsupported, "\(what): the layer \(other.digest) is of the unknown type \"\(other.mediaType.prefix(200))\"")
            }
            self = .manifest(config: config, layers: layers)
        } else {
            throw TimberError(.invalidArgument, "\(what) is neither an image index nor an image manifest")
        }
    }
}
