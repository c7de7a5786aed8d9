internal import Errors
internal import Glibc
public import Layers
public import LinuxKernel
public import Logging
public import State
internal import Synchronization

/// The images of one data directory: loading, finding, naming, removing and saving them.
///
///     <data>/content/sha256/<hex>   layer blobs as they came
///     <data>/content/partial/<hex>  what has come of blobs from registries
///     <data>/layers/<id>/fs         unpacked layers, overlayfs lower directories
///
/// What belongs together is in the state database. Finding and listing read a snapshot in memory. Every method may be called
/// from any thread.
public final class ImageStore: Sendable {
    let database: Database
    let content: ContentStore
    let downloads: Downloads
    let layers: LayerStore
    let limits: ExtractionLimits
    let log: Logger
    /// The lock also orders changes: each is made in the database and then seen in the snapshot before the next.
    private let snapshot = Mutex(ImageSnapshot())

    /// Opens or creates the store; call `recover` before anything else.
    /// - Parameters:
    ///   - dataDirectory: an existing directory that only root can enter.
    ///   - database: the state database.
    ///   - trash: the data directory's.
    ///   - log: where to report what goes on in the background.
    ///   - limits: what one layer or archive may cost.
    /// - Throws: `TimberError` when the directory cannot be used.
    public init(
        dataDirectory: String, database: Database, trash: Trash, log: Logger, limits: ExtractionLimits = .default
    ) throws {
        do {
            // The data directory may be reached through links: its path is the administrator's.
            let data = SharedDescriptor(
                try DirectoryCalls.open(AT_FDCWD, BytePath(dataDirectory), O_RDONLY | O_DIRECTORY, resolve: 0))
            let contentRoot = try Self.subdirectory(data, "content")
            content = ContentStore(try Self.subdirectory(contentRoot, "sha256"), trash: trash)
            downloads = Downloads(try Self.subdirectory(contentRoot, "partial"))
            layers = try LayerStore(try Self.subdirectory(data, "layers"), database: database, trash: trash, limits: limits)
        } catch let error as SystemError {
            throw TimberError(.internal, "cannot use \(dataDirectory) for images", cause: error)
        }
        self.database = database
        self.limits = limits
        self.log = log
    }

    private static func subdirectory(_ parent: SharedDescriptor, _ name: String) throws -> SharedDescriptor {
        do {
            try DirectoryCalls.makeDirectory(parent.raw, BytePath(name), mode: 0o700)
        } catch let error as SystemError where error.errno == EEXIST {
            // The usual case.
        }
        return SharedDescriptor(try DirectoryCalls.openDirectory(parent.raw, BytePath(name)))
    }

    // MARK: Reading

    /// Finds an image.
    /// - Parameter reference: a name, `name:tag`, `name@digest`, an id, or the beginning of one id.
    /// - Throws: `TimberError.notFound` with Docker's words, `.invalidArgument` for what cannot be a name.
    public func image(_ reference: String) throws -> Image {
        try snapshot.withLock { $0 }.image(reference)
    }

    /// Finds an image by its id.
    /// - Throws: `TimberError.notFound`.
    public func image(id: ImageID) throws -> Image {
        guard let image = snapshot.withLock({ $0 }).images[id] else { throw ImageSnapshot.missing(id.description) }
        return image
    }

    /// All images, newest first.
    public func list() -> [Image] {
        snapshot.withLock { $0 }.ordered
    }

    // MARK: Changing

    /// Makes a change and shows it; changes come one after another.
    /// - Parameter body: changes the database; gets the state before.
    func change<Value: Sendable>(_ body: (ImageSnapshot) throws -> Value) throws -> Value {
        try snapshot.withLock { snapshot in
            // Also after an error: the database says what really is.
            defer { refresh(&snapshot) }
            return try body(snapshot)
        }
    }

    private func refresh(_ snapshot: inout ImageSnapshot) {
        do {
            snapshot = ImageSnapshot(try database.imageTables(), previous: snapshot) { what, error in
                log.error("an image cannot be read and is not shown", metadata: ["image": "\(what)", "error": "\(error)"])
            }
        } catch {
            log.error("the image tables cannot be read", metadata: ["error": "\(error)"])
        }
    }

    /// Gives an image one more name.
    /// - Parameters:
    ///   - source: which image, as for `image`.
    ///   - target: the new name, `:latest` if it has no tag; taken away from another image that has it.
    /// - Returns: the image's id.
    /// - Throws: `TimberError.notFound`, `.invalidArgument`.
    public func tag(_ source: String, as target: String) throws -> ImageID {
        let name: Reference
        do {
            name = try Reference(parsing: target)
        } catch let error as TimberError {
            let shown = BytePath.printable(Array(target.utf8))
            throw TimberError(error.code, "error parsing reference: \"\(shown)\" is not a valid repository/tag", cause: error)
        }
        if name.digest != nil { throw TimberError(.invalidArgument, "refusing to create a tag with a digest reference") }
        return try change { snapshot in
            let image = try snapshot.image(source)
            try database.setImageName(name.taggedLatest.description, image: image.id.description)
            return image.id
        }
    }

    // MARK: Layers

    /// Where the short names of layers lie: fchdir(2) here before mounting.
    public var layersDirectory: SharedDescriptor { layers.directory }

    /// The directories that make an image's root file system.
    /// - Returns: short names, highest first, at least one; joined by `:` they are overlayfs's `lowerdir`.
    public func mountLayers(of image: Image) -> [String] {
        let names = image.visibleLayers.map(\.directory)
        return names.isEmpty ? [LayerStore.emptyLayer] : names
    }

    /// Stores a container and keeps its image's layers for it, at once.
    /// - Returns: what `mountLayers` says.
    /// - Throws: `TimberError.notFound` when the image is gone, `.conflict` when the container's name is taken; then nothing is stored.
    public func store(_ container: ContainerRecord, of image: ImageID) throws -> [String] {
        try snapshot.withLock { snapshot in
            guard let image = snapshot.images[image] else { throw ImageSnapshot.missing(image.description) }
            try database.insert(container, holding: image.visibleLayers.map(\.id))
            return mountLayers(of: image)
        }
    }

    /// Forgets a container and lets go of its layers, at once; those that nobody else needs are removed. May be repeated.
    /// - Throws: `TimberError`.
    public func forget(container: String) throws {
        try remove(try database.deleteContainer(container).map(\.id), blobs: [])
    }

    /// Keeps an image's layers for a container, whatever becomes of the image. Durable; may be repeated.
    /// - Parameters:
    ///   - image: the container's image.
    ///   - holder: the container's id.
    /// - Returns: what `mountLayers` says.
    /// - Throws: `TimberError.notFound` when the image is gone.
    public func hold(_ image: ImageID, by holder: String) throws -> [String] {
        // Under the lock, so that the image is not removed meanwhile; what images say does not change.
        try snapshot.withLock { snapshot in
            guard let image = snapshot.images[image] else { throw ImageSnapshot.missing(image.description) }
            try database.holdLayers(image.visibleLayers.map(\.id), by: holder)
            return mountLayers(of: image)
        }
    }

    /// The directories that a container keeps, as `mountLayers` names them.
    /// - Throws: `TimberError.notFound` when it keeps none.
    public func heldLayers(by holder: String) throws -> [String] {
        let names = try database.heldLayers(by: holder).map(LayerStore.shortName)
        return names.isEmpty ? [LayerStore.emptyLayer] : names
    }

    /// Lets go of a container's layers; those that nobody else needs are removed. May be repeated.
    /// - Throws: `TimberError`.
    public func release(holder: String) throws {
        try remove(try database.releaseLayers(by: holder).map(\.id), blobs: [])
    }

    /// Removes the files of rows that are gone.
    func remove(_ gone: [Int64], blobs: [Digest]) throws {
        for id in gone { try layers.removeDirectory(id) }
        for blob in blobs { try content.remove(blob) { try database.isBlobUsed(blob.description) } }
    }
}
