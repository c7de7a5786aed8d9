internal import Errors
internal import Layers
internal import LinuxKernel
internal import State
internal import Tar

/// Unpacked layers: `layers/<id>/fs`, short because lowerdir= of 128 layers must fit into one page of mount options.
///
/// A directory depends on its layer's diff alone and is shared by every image with that diff, except when the diff leaves
/// something to the layers below (`LowerNeeds`: a directory without a member of its own, a hard link to a file of a lower
/// layer). Such a directory is completed for its chain and shared by images with that chain.
///
/// The row is written before the directory, with the state `unpacking`; the layer becomes `ready` in the transaction that adds
/// the image. Whatever is not `ready` at a start is removed.
final class LayerStore: Sendable {
    /// `layers`.
    let directory: SharedDescriptor
    private let database: Database
    private let trash: Trash
    private let limits: ExtractionLimits

    /// A directory that serves as the only layer of an image without layers: overlayfs wants at least one.
    static let emptyLayer = "empty"

    init(_ directory: SharedDescriptor, database: Database, trash: Trash, limits: ExtractionLimits) throws {
        self.directory = directory
        self.database = database
        self.trash = trash
        self.limits = limits
        try DirectoryCalls.spreadSubdirectories(of: directory.raw)
        if try DirectoryCalls.status(directory.raw, BytePath(Self.emptyLayer)) == nil {
            try DirectoryCalls.makeDirectory(directory.raw, BytePath(Self.emptyLayer), mode: 0o755)
        }
    }

    /// The name of a layer's directory, relative to `directory`.
    static func shortName(_ id: Int64) -> String { "\(id)/fs" }

    /// Opens a layer's directory.
    /// - Throws: `SystemError`.
    func open(_ id: Int64) throws -> SharedDescriptor {
        SharedDescriptor(try DirectoryCalls.openDirectory(directory.raw, BytePath(Self.shortName(id))))
    }

    /// Unpacks a layer into a directory of its own. On an error nothing is left.
    /// - Returns: the layer's id and what was unpacked.
    /// - Throws: `TimberError` that names the layer.
    func unpack(
        _ blob: Blob, diffID: Digest, budget: ExtractionBudget, progress: @escaping (Int64) throws -> Void
    ) throws -> (id: Int64, layer: UnpackedLayer) {
        let reader = try blob.reader()
        let id = try database.beginLayer(diffID: diffID.description)
        do {
            try DirectoryCalls.makeDirectory(directory.raw, BytePath("\(id)"), mode: 0o700)
            try DirectoryCalls.makeDirectory(directory.raw, BytePath(Self.shortName(id)), mode: 0o700)
            let layer = try LayerUnpacker(limits: limits, budget: budget).unpack(
                reader, into: try open(id), expecting: diffID, progress: progress)
            return (id, layer)
        } catch {
            try discard(id)
            throw Self.failure(Self.cause(error, blob, reader), blob)
        }
    }

    /// Proves that a blob is a layer that is there already.
    /// - Throws: `TimberError` that names the layer.
    func verify(
        _ blob: Blob, diffID: Digest, budget: ExtractionBudget, progress: @escaping (Int64) throws -> Void
    ) throws {
        let reader = try blob.reader()
        do {
            try LayerUnpacker(limits: limits, budget: budget).verify(
                reader, blob.isRemote ? nil : blob.digest, expecting: diffID, progress: progress)
        } catch {
            throw Self.failure(Self.cause(error, blob, reader), blob)
        }
    }

    /// Bytes of a registry that make no sense may be other bytes than the digest names: then that is what is wrong.
    private static func cause(_ error: any Error, _ blob: Blob, _ reader: any ByteReader) -> any Error {
        guard blob.isRemote, let content = error as? TimberError, [.invalidArgument, .unsupported, .corrupt].contains(content.code) else {
            return error
        }
        do {
            let rest = ReaderChunks(reader)
            var surplus: Int64 = 0
            // Not for any length: nobody wants it any more.
            while surplus < 64 << 20, let piece = try rest.next() { surplus += Int64(piece.count) }
            return error
        } catch {
            return error
        }
    }

    private static func failure(_ error: any Error, _ blob: Blob) -> any Error {
        if let error = error as? TimberError { return TimberError(error.code, "layer \(blob.digest) (\(blob.name)): \(error)") }
        return error is CancellationError ? error : TimberError(.internal, "layer \(blob.digest) (\(blob.name))", cause: error)
    }

    /// Completes a layer that needs those below it.
    /// - Parameters:
    ///   - blob: names the layer in errors.
    ///   - lower: the layers below, highest first.
    /// - Returns: bytes of the files that were copied into it.
    /// - Throws: `TimberError` that names the layer.
    func complete(
        _ id: Int64, _ blob: Blob, needs: LowerNeeds, lower: [Int64], budget: ExtractionBudget,
        progress: () throws -> Void
    ) throws -> Int64 {
        do {
            return try needs.complete(try open(id), over: lower.map { try open($0) }, budget: budget, progress: progress)
        } catch {
            throw Self.failure(error, blob)
        }
    }

    /// Removes a layer that did not come to be.
    /// - Throws: `SystemError`, or what the database throws.
    func discard(_ id: Int64) throws {
        try removeDirectory(id)
        try database.abandonLayer(id)
    }

    /// Removes the directory of a layer whose row is gone.
    /// - Throws: `SystemError`.
    func removeDirectory(_ id: Int64) throws {
        try removeDirectory(named: "\(id)")
    }

    /// Removes whatever has this name.
    /// - Throws: `SystemError`.
    func removeDirectory(named name: String) throws {
        try trash.take(directory.raw, BytePath(name))
    }

    /// The names of everything in the store but the empty layer.
    /// - Throws: `SystemError`.
    func names() throws -> [String] {
        try DirectoryCalls.names(in: directory.raw).map(\.description).filter { $0 != Self.emptyLayer }
    }
}
