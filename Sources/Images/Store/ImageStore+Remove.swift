internal import Errors
public import Layers

/// A container that uses an image.
public struct ImageUser: Sendable {
    /// The container's id.
    public let container: String
    /// Whether it runs; then not even force removes its image.
    public let isRunning: Bool

    /// Names a container.
    public init(container: String, isRunning: Bool) {
        self.container = container
        self.isRunning = isRunning
    }
}

/// One line of what `remove` and `prune` did.
public enum RemovedItem: Sendable, Equatable {
    /// A name, in its familiar form.
    case untagged(String)
    /// An image's id or the chain id of a layer.
    case deleted(String)
}

/// What `prune` did.
public struct PruneReport: Sendable, Equatable {
    /// Line by line.
    public var removed: [RemovedItem] = []
    /// Bytes of files and blobs that are gone.
    public var reclaimed: Int64 = 0

    /// An empty report.
    public init() {}
}

extension ImageStore {
    /// Removes a name, and with the last name the image, by Docker's rules.
    /// - Parameters:
    ///   - reference: which image; a name removes that name, an id all names.
    ///   - force: also when a stopped container uses it or several names refer to it.
    ///   - noPrune: keep images without a name that it was made from, and that nothing else needs.
    ///   - inUse: which containers use an image; must not call the store.
    /// - Returns: what was done, in Docker's order.
    /// - Throws: `TimberError.notFound`, `.conflict` with Docker's words.
    public func remove(
        _ reference: String, force: Bool, noPrune: Bool, inUse: (ImageID) -> [ImageUser]
    ) throws -> [RemovedItem] {
        let (items, gone) = try change { snapshot in
            let image = try snapshot.image(reference)
            let removal = try ImageRemoval(
                image, name: snapshot.isIDPrefix(reference, of: image.id) ? nil : snapshot.name(for: reference, of: image),
                force: force, users: inUse(image.id))
            var (items, gone) = try apply(removal, image)
            if removal.deletesImage && !noPrune {
                for parent in Self.unneededParents(of: image, in: snapshot, inUse: inUse) {
                    let (more, goneToo) = try apply(ImageRemoval(parent, name: nil, force: true, users: []), parent)
                    items += more
                    gone.add(goneToo)
                }
            }
            return (items, gone)
        }
        try remove(gone.layers, blobs: gone.blobs)
        return items
    }

    /// The images that one was made from, as far as they have no name and nothing else needs them.
    private static func unneededParents(of image: Image, in snapshot: ImageSnapshot, inUse: (ImageID) -> [ImageUser]) -> [Image] {
        var gone: Set<ImageID> = [image.id]
        var parents: [Image] = []
        while let id = (parents.last ?? image).parent, let parent = snapshot.images[id], parent.isNameless, inUse(id).isEmpty,
            !snapshot.images.values.contains(where: { $0.parent == id && !gone.contains($0.id) }), gone.insert(id).inserted
        {
            parents.append(parent)
        }
        return parents
    }

    /// Removes images that nobody needs.
    /// - Parameters:
    ///   - danglingOnly: only images without a name; otherwise every image without a container.
    ///   - inUse: which containers use an image; must not call the store.
    ///   - matching: which images may go at all.
    /// - Throws: `TimberError`.
    public func prune(
        danglingOnly: Bool, inUse: (ImageID) -> [ImageUser], matching: (Image) -> Bool = { _ in true }
    ) throws -> PruneReport {
        var report = PruneReport()
        for image in list() where !(danglingOnly && !image.references.isEmpty) && matching(image) {
            let (items, gone) = try change { snapshot -> ([RemovedItem], Gone) in
                // As it is now, not as it was when the list was made.
                guard let image = snapshot.images[image.id], !(danglingOnly && !image.references.isEmpty), inUse(image.id).isEmpty,
                    // What others were made from goes with the last of them.
                    !(danglingOnly && snapshot.images.values.contains { $0.parent == image.id })
                else { return ([], Gone()) }
                return try apply(ImageRemoval(image, name: nil, force: true, users: []), image)
            }
            try remove(gone.layers, blobs: gone.blobs)
            report.removed += items
            report.reclaimed += gone.bytes
        }
        return report
    }

    /// What nothing refers to any more.
    private struct Gone {
        var layers: [Int64] = []
        var blobs: [Digest] = []
        var bytes: Int64 = 0

        mutating func add(_ other: Gone) {
            layers += other.layers
            blobs += other.blobs
            bytes += other.bytes
        }
    }

    private func apply(_ removal: ImageRemoval, _ image: Image) throws -> ([RemovedItem], Gone) {
        var items = removal.untagged.map { RemovedItem.untagged($0.familiar) }
        let (layers, blobs) = try database.removeImages(
            removal.deletesImage ? [image.id.description] : [], names: removal.untagged.map(\.description))
        var gone = Gone(layers: layers.map(\.id), blobs: try blobs.map { try Digest($0) })
        if removal.deletesImage {
            items.append(.deleted(image.id.description))
            for layer in image.layers.reversed() where gone.layers.contains(layer.id) { items.append(.deleted(layer.chainID.description)) }
        }
        let blobBytes = image.layers.filter { gone.blobs.contains($0.blob) }.reduce(into: [Digest: Int64]()) { $0[$1.blob] = $1.blobSize }
        gone.bytes = layers.reduce(0) { $0 + $1.size } + blobBytes.values.reduce(0, +)
        return (items, gone)
    }
}

/// What removing an image by a name or by its id means, decided without touching anything (moby, `ImageDelete`).
struct ImageRemoval {
    private(set) var untagged: [Reference] = []
    private(set) var deletesImage = false

    /// - Parameters:
    ///   - name: the name that was given, nil when it was an id.
    /// - Throws: `TimberError.conflict`.
    init(_ image: Image, name: Reference?, force: Bool, users: [ImageUser]) throws {
        var rest = image.references
        if let name {
            if !force && Self.isSingle(rest), let user = users.first {
                throw TimberError(
                    .conflict,
                    "conflict: unable to remove repository reference \"\(name.familiar)\" (must force) - container \(Self.short(user.container)) is using its referenced image \(image.id.short)"
                )
            }
            untagged.append(name)
            rest.removeAll { $0 == name }
            // Digests of a repository go with its last tag.
            if name.digest == nil && !rest.contains(where: { $0.digest == nil && $0.repository == name.repository }) {
                untagged += rest.filter { $0.repository == name.repository }
                rest.removeAll { $0.repository == name.repository }
            }
            if !rest.isEmpty { return }
            // The last name is gone anyway; a container keeps the image without a name.
            if Self.conflict(image, rest, force: force, users: users) != nil && !users.isEmpty { return }
        } else if Self.isSingle(rest) {
            if let conflict = Self.conflict(image, [], force: force, users: users) { throw conflict }
            untagged += rest
            rest = []
        }
        if let conflict = Self.conflict(image, rest, force: force, users: users) { throw conflict }
        untagged += rest
        deletesImage = true
    }

    /// Why an image cannot be deleted.
    private static func conflict(_ image: Image, _ references: [Reference], force: Bool, users: [ImageUser]) -> TimberError? {
        let prefix = "conflict: unable to delete \(image.id.short)"
        if let running = users.first(where: \.isRunning) {
            return TimberError(
                .conflict, "\(prefix) (cannot be forced) - image is being used by running container \(short(running.container))")
        }
        if force { return nil }
        if !references.isEmpty {
            return TimberError(.conflict, "\(prefix) (must be forced) - image is referenced in multiple repositories")
        }
        if let user = users.first {
            return TimberError(.conflict, "\(prefix) (must be forced) - image is being used by stopped container \(short(user.container))")
        }
        return nil
    }

    /// At most one tag, and digests only of the same repository.
    private static func isSingle(_ references: [Reference]) -> Bool {
        if references.count <= 1 { return true }
        let repositories = Set(references.map(\.repository))
        return references.filter { $0.digest == nil }.count <= 1 && repositories.count == 1
    }

    private static func short(_ id: String) -> String { String(id.prefix(12)) }
}
