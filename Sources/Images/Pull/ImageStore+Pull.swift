internal import Errors
internal import Glibc
public import Layers
internal import LinuxKernel
public import Registries

/// How far a pull has come; reported from several threads. A layer is named by its blob.
public enum PullProgress: Sendable, Equatable {
    /// The layers that the image has, lowest first; told once.
    case layers([Digest])
    /// Bytes of a layer's blob that have come.
    case downloading(layer: Digest, done: Int64, total: Int64)
    /// Bytes of a layer's blob that have been unpacked.
    case extracting(layer: Digest, done: Int64, total: Int64)
    /// A layer is complete.
    case complete(layer: Digest)
    /// A layer was there already.
    case exists(layer: Digest)
}

/// What a pull brought.
public struct PulledImage: Sendable {
    /// The image's id.
    public let id: ImageID
    /// Of what the tag names in the registry: an index or a manifest.
    public let digest: Digest
    /// Whether the name meant this image before.
    public let isUpToDate: Bool
}

extension ImageStore {
    /// Fetches an image from a registry, and what of it is not there yet; layers are unpacked while they come. All of it or nothing,
    /// but what has come of a blob stays for the next time.
    /// - Parameters:
    ///   - reference: with a tag or a digest.
    ///   - platform: which image of an index.
    ///   - repository: where it is.
    ///   - progress: called from several threads.
    /// - Returns: the image, complete and durable.
    /// - Throws: `TimberError` that names the layer or digest and the reason; `CancellationError`.
    public func pull(
        _ reference: Reference, platform: ImagePlatform, from repository: Repository,
        progress: @escaping @Sendable (PullProgress) -> Void
    ) async throws -> PulledImage {
        let name = reference.taggedLatest
        let remote = try await RemoteImage(name.digest?.description ?? name.tag ?? "latest", platform: platform, from: repository)
        for attempt in 1... {
            let pull = try ImagePull(self, remote, name, repository, progress)
            do {
                return try await pull.run()
            } catch let error as TimberError where error.code == .corrupt && attempt == 1 && pull.isResumed {
                // What was damaged is gone.
                log.warning("a blob that was continued is damaged: fetching it again", metadata: ["reason": "\(error)"])
            }
        }
        throw TimberError(.internal, "the pull of \(name) did not end")
    }
}

/// One pull, from the documents to the committed image.
private final class ImagePull: Sendable {
    /// Who waits here for bytes of a registry waits for nobody who waits here.
    private static let pool = BlockingPool(threads: 32)

    private let store: ImageStore
    private let remote: RemoteImage
    private let image: ArchivedImage
    private let remotes: [RemoteBlob]
    /// Blobs that must stay until the image is committed.
    private let pinned: [Digest]
    private let progress: @Sendable (PullProgress) -> Void
    private let name: Reference

    init(
        _ store: ImageStore, _ remote: RemoteImage, _ name: Reference, _ repository: Repository,
        _ progress: @escaping @Sendable (PullProgress) -> Void
    ) throws {
        let config = try ImageConfig(json: try remote.config.document())
        let count = remote.layers.count
        if config.diffIDs.count != count {
            throw TimberError(
                .invalidArgument,
                "image \(remote.config.digest.short): its config lists \(config.diffIDs.count) layers, its manifest \(count)")
        }
        if count > ArchivedImage.layerLimit {
            throw TimberError(
                .invalidArgument,
                "image \(remote.config.digest.short) has \(count) layers, more than the limit of \(ArchivedImage.layerLimit)")
        }
        let total = remote.layers.reduce((sum: Int64(0), isTooLarge: false)) { result, layer in
            let (sum, overflow) = result.sum.addingReportingOverflow(layer.size)
            return (sum, result.isTooLarge || overflow)
        }
        if total.isTooLarge || total.sum > store.limits.bytes {
            throw TimberError(
                .invalidArgument,
                "the layers of image \(remote.config.digest.short) have more than the limit of \(store.limits.bytes) bytes")
        }
        var pinned: [Digest] = []
        var remotes: [Digest: RemoteBlob] = [:]
        do {
            let blobs = try zip(config.diffIDs, remote.layers).map { diffID, descriptor -> Blob in
                pinned.append(descriptor.digest)
                store.content.pin(descriptor.digest)
                if let known = try Self.known(diffID, store, &pinned) { return known }
                let blob =
                    remotes[descriptor.digest]
                    ?? RemoteBlob(descriptor.digest, size: descriptor.size, of: repository, by: store.downloads, or: store.content) {
                        done in
                        progress(.downloading(layer: descriptor.digest, done: done, total: descriptor.size))
                    }
                remotes[descriptor.digest] = blob
                return Blob(name: "of \(repository.name)", digest: descriptor.digest, size: descriptor.size, storage: .remote(blob))
            }
            var names = [name.with(digest: remote.digest)]
            if name.digest == nil { names.insert(name, at: 0) }
            image = try ArchivedImage(
                config: remote.config, in: ArchiveDocuments(), manifest: remote.manifest, layers: blobs, names: names)
        } catch {
            store.content.unpin(pinned)
            throw error
        }
        self.store = store
        self.remote = remote
        self.name = name
        self.pinned = pinned
        self.remotes = Array(remotes.values)
        self.progress = progress
    }

    /// A blob that is known to be a layer, however it is compressed: it need not be fetched.
    private static func known(_ diffID: Digest, _ store: ImageStore, _ pinned: inout [Digest]) throws -> Blob? {
        guard let (text, size) = try store.database.blob(of: diffID.description) else { return nil }
        let digest = try Digest(text)
        pinned.append(digest)
        store.content.pin(digest)
        do {
            // Pinned: from here on it stays, if it is still there.
            return Blob(name: "in the store", digest: digest, size: size, storage: .file(try store.content.open(digest)))
        } catch let error as TimberError where error.code == .corrupt {
            store.log.warning("the blob of a layer is missing and is fetched again", metadata: ["blob": "\(digest)"])
            return nil
        }
    }

    /// Whether something of it came from an earlier download.
    var isResumed: Bool { remotes.contains { $0.isResumed } }

    func run() async throws -> PulledImage {
        defer {
            for blob in remotes { blob.end() }
            store.content.unpin(pinned)
        }
        let before = try? store.image(name.description)
        let blobs = zip(image.config.diffIDs, remote.layers).reduce(into: [Digest: Digest]()) { $0[$1.0] = $1.1.digest }
        progress(.layers(remote.layers.map(\.digest)))
        let (progress, remotes) = (self.progress, self.remotes)
        let load = ImageLoad(
            store: store, images: [image],
            budget: ExtractionBudget(store.limits, received: image.layers.reduce(0) { $0 &+ $1.size }), pool: Self.pool,
            abandon: { for blob in remotes { blob.end() } }
        ) { step in
            switch step {
            case .receiving: break
            case .unpacking(let layer, let done, let total): blobs[layer].map { progress(.extracting(layer: $0, done: done, total: total)) }
            case .unpacked(let layer): blobs[layer].map { progress(.complete(layer: $0)) }
            case .exists(let layer): blobs[layer].map { progress(.exists(layer: $0)) }
            }
        }
        _ = try await load.run()
        return PulledImage(id: image.id, digest: remote.digest, isUpToDate: before?.id == image.id)
    }
}
