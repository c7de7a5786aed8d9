internal import Errors
internal import Layers
internal import State

/// All images in memory, so that list and inspect ask no disk. Replaced as a whole after every change.
struct ImageSnapshot: Sendable {
    private(set) var images: [ImageID: Image] = [:]
    /// By the reference's normalised text.
    private(set) var names: [String: ImageID] = [:]
    /// Newest first.
    private(set) var ordered: [Image] = []

    init() {}

    /// Reads the tables; what cannot be read is left out and reported.
    /// - Parameters:
    ///   - previous: configs that were decoded before are taken from there.
    ///   - unreadable: told about images that make no sense.
    init(_ tables: ImageTables, previous: ImageSnapshot, unreadable: (String, any Error) -> Void) {
        var tags: [String: [Reference]] = [:]
        for name in tables.names {
            do {
                tags[name.image, default: []].append(try Reference(parsing: name.name))
            } catch {
                unreadable(name.name, error)
            }
        }
        for record in tables.images {
            do {
                let id = try ImageID(record.id)
                let image = try Image(
                    record, id: id, layers: tables.layers, references: tags[record.id] ?? [], config: previous.images[id]?.config)
                images[id] = image
                for reference in image.references { names[reference.description] = id }
            } catch {
                unreadable(record.id, error)
            }
        }
        ordered = images.values.sorted {
            ($0.created, $0.createdNanoseconds, $0.id) > ($1.created, $1.createdNanoseconds, $1.id)
        }
    }

    /// Finds an image by name, by name and digest, by id or by the beginning of an id.
    /// - Throws: `TimberError.notFound` with Docker's words, `.invalidArgument` for what cannot be a name.
    func image(_ text: String) throws -> Image {
        if let id = Self.id(text) {
            guard let image = images[id] else { throw Self.missing(id.description) }
            return image
        }
        let reference: Reference
        do {
            reference = try Reference(parsing: text)
        } catch let error as TimberError {
            // The beginning of "sha256:…" is no name, but may be an id.
            if let image = idPrefix(text) { return image }
            throw error
        }
        if let image = named(reference) ?? idPrefix(text) { return image }
        throw Self.missing(reference.taggedLatest.familiar)
    }

    /// Finds an image by name only.
    private func named(_ reference: Reference) -> Image? {
        Self.candidates(reference).lazy.compactMap { names[$0.description] }.first.flatMap { images[$0] }
    }

    /// The names that a reference may mean: itself, then what other tools call an image that was built here.
    private static func candidates(_ reference: Reference) -> [Reference] {
        [reference, reference.onLocalhost].compactMap { $0 }.map { candidate in
            // A digest says more than a tag.
            candidate.digest.map { candidate.with(digest: $0) } ?? candidate.taggedLatest
        }
    }

    /// The name of an image by which a text found it.
    /// - Throws: `TimberError.notFound`.
    func name(for text: String, of image: Image) throws -> Reference {
        let candidates = Self.candidates(try Reference(parsing: text))
        guard let name = candidates.first(where: { names[$0.description] == image.id }) else { throw Self.missing(text) }
        return name
    }

    /// Whether a text names an image by its id or the beginning of it, and not by name.
    func isIDPrefix(_ text: String, of id: ImageID) -> Bool {
        id.description.hasPrefix(text) || id.hex.hasPrefix(text)
    }

    private func idPrefix(_ text: String) -> Image? {
        let digits = text.hasPrefix("sha256:") ? String(text.dropFirst(7)) : text
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else { return nil }
        var found: Image?
        for (id, image) in images where id.hex.hasPrefix(digits) {
            if found != nil { return nil }
            found = image
        }
        return found
    }

    private static func id(_ text: String) -> ImageID? {
        let digits = text.hasPrefix("sha256:") ? String(text.dropFirst(7)) : text
        return digits.utf8.count == 64 ? try? ImageID(hex: digits) : nil
    }

    static func missing(_ name: String) -> TimberError {
        TimberError(.notFound, "No such image: \(name)")
    }
}

extension Image {
    /// Puts an image together from its rows.
    init(
        _ record: ImageRecord, id: ImageID, layers records: [Int64: LayerRecord], references: [Reference], config: ImageConfig?
    ) throws {
        let config = try config ?? ImageConfig(json: record.config)
        var layers: [ImageLayer] = []
        var chainID: Digest?
        for (row, diffID) in zip(record.layers, config.diffIDs) {
            guard let layer = records[row.layer] else { throw TimberError(.corrupt, "layer \(row.layer) of image \(id.short) is missing") }
            let chain = Digest.chainID(parent: chainID, diffID: diffID)
            chainID = chain
            layers.append(
                ImageLayer(
                    diffID: diffID, chainID: chain, size: layer.size, directory: LayerStore.shortName(layer.id), id: layer.id,
                    blob: try Digest(row.blob), blobSize: row.blobSize,
                    root: layer.root.map { RootDirectory(mode: $0.mode, uid: $0.uid, gid: $0.gid) }, hidesLower: layer.hidesLower))
        }
        self.init(
            id: id, config: config, rawConfig: record.config, parent: try record.parent.map { try ImageID($0) }, layers: layers,
            size: layers.reduce(0) { $0 + $1.size },
            created: config.created.flatMap(RFC3339.seconds) ?? 0,
            createdNanoseconds: config.created.map(RFC3339.nanoseconds) ?? 0, loaded: record.loaded, manifest: record.manifest,
            tags: references.filter { $0.digest == nil }.sorted { $0.familiar < $1.familiar },
            digests: references.filter { $0.digest != nil }.sorted { $0.familiar < $1.familiar })
    }
}
