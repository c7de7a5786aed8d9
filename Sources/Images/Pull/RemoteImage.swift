internal import Errors
public import Layers
internal import LinuxKernel
public import Registries

/// What a registry has under a name.
public struct RemoteDescription: Sendable {
    /// Of a manifest or an index.
    public let mediaType: String
    /// Of its bytes.
    public let digest: Digest
    /// Bytes.
    public let size: Int
    /// What it can run on.
    public let platforms: [ImagePlatform]
}

extension ImageStore {
    /// Asks what a registry has under a name, without fetching it.
    /// - Throws: `TimberError`.
    public func describe(_ reference: Reference, in repository: Repository) async throws -> RemoteDescription {
        let types = MediaType.indexes.union(MediaType.manifests).sorted()
        let name = reference.digest?.description ?? reference.tag ?? "latest"
        let found = try await repository.manifest(name, accepting: types)
        let type = types.contains(found.mediaType) ? found.mediaType : nil
        let platforms: [ImagePlatform]
        switch try ManifestDocument(json: found.bytes, mediaType: type, what: "manifest \(found.digest) of \(repository.name)") {
        case .index(let descriptors):
            platforms = descriptors.filter { !$0.isAttestation }.compactMap(\.platform).map {
                ImagePlatform(os: $0.os, architecture: $0.architecture, variant: $0.variant)
            }
        case .manifest(let descriptor, _):
            let config = try ImageConfig(json: try await repository.document(descriptor.digest, size: descriptor.size))
            platforms = [ImagePlatform(os: config.os, architecture: config.architecture, variant: config.variant)]
        }
        return RemoteDescription(mediaType: found.mediaType, digest: found.digest, size: found.bytes.count, platforms: platforms)
    }
}

/// An image as a registry describes it: every document fetched and verified, no layer yet.
struct RemoteImage {
    /// Of what the tag names: an index or a manifest.
    let digest: Digest
    let manifest: [UInt8]
    let config: Blob
    let layers: [ContentDescriptor]

    /// Indexes in indexes are legal; more than that is a game.
    private static let depthLimit = 4

    /// Fetches the documents of an image.
    /// - Parameters:
    ///   - reference: a tag or a digest.
    ///   - platform: which image of an index.
    /// - Throws: `TimberError`.
    init(_ reference: String, platform: ImagePlatform, from repository: Repository) async throws {
        let types = (MediaType.indexes.union(MediaType.manifests)).sorted()
        var document = try await repository.manifest(reference, accepting: types)
        digest = document.digest
        // What a registry says in a header is only then more than nothing when it is a type of a manifest.
        var type: String? = types.contains(document.mediaType) ? document.mediaType : nil
        for _ in 0..<Self.depthLimit {
            let what = "manifest \(document.digest) of \(repository.name)"
            switch try ManifestDocument(json: document.bytes, mediaType: type, what: what) {
            case .index(let descriptors):
                let chosen = try platform.choose(descriptors, what: "\(repository.name)@\(document.digest)")
                guard types.contains(chosen.mediaType) else {
                    throw TimberError(.unsupported, "\(chosen.digest) is of the unknown type \"\(chosen.mediaType.prefix(200))\"")
                }
                type = chosen.mediaType
                document = try await repository.manifest(chosen.digest.description, accepting: types)
                if Int64(document.bytes.count) != chosen.size {
                    throw TimberError(
                        .corrupt, "\(what) has \(document.bytes.count) bytes, its descriptor says \(chosen.size)")
                }
            case .manifest(let descriptor, let layers):
                let bytes = try await repository.document(descriptor.digest, size: descriptor.size)
                manifest = document.bytes
                config = Blob(
                    name: "config", digest: descriptor.digest, size: Int64(bytes.count), storage: .memory(bytes))
                self.layers = layers
                return
            }
        }
        throw TimberError(.invalidArgument, "\(repository.name)@\(digest) is an index of indexes, nested too deeply")
    }
}
