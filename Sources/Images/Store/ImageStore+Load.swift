internal import Errors
internal import Glibc
internal import Layers
public import LinuxKernel
internal import State
internal import Synchronization

extension ImageStore {
    /// Loads every image of an archive: docker-archive or OCI layout, plain, gzip or zstd. All of them or none.
    ///
    /// Interrupted at any point, nothing is left and the load can be repeated.
    /// - Parameters:
    ///   - archive: anything that read(2) reads to an end: a file, a pipe, a socket. Closed when the load ends. A writer that goes
    ///     away early makes the archive a truncated one.
    ///   - progress: called from several threads.
    /// - Returns: the images in the archive's order.
    /// - Throws: `TimberError` that names the member, layer or digest and the reason; `CancellationError`.
    public func load(
        from archive: consuming Descriptor, progress: @escaping @Sendable (LoadProgress) -> Void
    ) async throws -> [LoadedImage] {
        let stream = SharedDescriptor(archive)
        let stop = UnpackingStop()
        let receiver = ArchiveReceiver(directory: content.directory, limits: limits, progress: progress, check: stop.check)
        let (images, received) = try await withTaskCancellationHandler {
            try await BlockingPool.transfers.run {
                do {
                    let archive = try receiver.receive(stream)
                    return (try ArchivedImage.images(in: archive), archive.received)
                } catch let error as SystemError {
                    throw TimberError(.internal, "cannot receive the archive", cause: error)
                }
            }
        } onCancel: {
            stop.stop()
        }
        try Task.checkCancellation()
        let budget = ExtractionBudget(limits, received: received)
        let load = ImageLoad(store: self, images: images, budget: budget, progress: progress)
        return try await load.run()
    }
}

/// One load between the received archive and the committed images.
struct ImageLoad: Sendable {
    let store: ImageStore
    let images: [ArchivedImage]
    let budget: ExtractionBudget
    /// Where layers are unpacked: the pool for what waits for others, when they come from somewhere else.
    let pool: BlockingPool
    /// Wakes what waits for blobs that are still to come, when the load fails.
    let abandon: @Sendable () -> Void
    let progress: @Sendable (LoadProgress) -> Void
    /// Keeps layers that are there already from being removed meanwhile.
    let holder: String

    /// Loads are told apart by number; what an earlier run of the daemon held is released by recovery.
    private static let counter = Atomic<UInt64>(0)
    /// As many layers at a time as keep the processors busy: each has two threads.
    static let parallelLayers = max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    init(
        store: ImageStore, images: [ArchivedImage], budget: ExtractionBudget, pool: BlockingPool = .shared,
        abandon: @escaping @Sendable () -> Void = {}, progress: @escaping @Sendable (LoadProgress) -> Void
    ) {
        self.store = store
        self.images = images
        self.budget = budget
        self.pool = pool
        self.abandon = abandon
        self.progress = progress
        holder = ImageStore.loadHolderPrefix + "\(Self.counter.wrappingAdd(1, ordering: .relaxed).newValue)"
    }

    func run() async throws -> [LoadedImage] {
        let created = CreatedLayers()
        do {
            let plan = LayerPlan(images)
            let layers = try await resolve(plan, created)
            return try await BlockingPool.shared.run { try self.commit(layers, created) }
        } catch {
            // Every unpacking has ended: a task group waits for its tasks.
            let (store, holder) = (self.store, self.holder)
            do {
                try await BlockingPool.shared.run {
                    for id in created.ids { try store.layers.discard(id) }
                    try store.release(holder: holder)
                }
            } catch let failure {
                store.log.error(
                    "cannot remove what a failed load left; the next start does", metadata: ["error": "\(failure)"])
            }
            throw error
        }
    }
}
