internal import Errors
internal import Layers
internal import LinuxKernel

extension ImageStore {
    /// Who holds layers for loads that are under way; containers have other names.
    static let loadHolderPrefix = "load:"

    /// Brings the directories in line with the database; once, before anything else. The cases:
    /// - a layer is `unpacking`: its load was interrupted; directory and row go,
    /// - a directory or a blob has no row: it was on its way in or out; it goes,
    /// - a layer is `ready` and its directory is missing: somebody else removed it; its images stay listed and say so when used.
    /// - Throws: `TimberError` when the database or the directories cannot be read.
    public func recover() async throws {
        try await BlockingPool.shared.run { [self] in
            do {
                try recoverLayers()
                try recoverContent()
            } catch let error as SystemError {
                throw TimberError(.internal, "cannot recover the image store", cause: error)
            }
            try change { _ in }
        }
    }

    private func recoverLayers() throws {
        for layer in try database.releaseLayers(byHoldersWithPrefix: Self.loadHolderPrefix) { try layers.removeDirectory(layer.id) }
        let (unpacking, ready) = try database.layerIDs()
        for id in unpacking {
            log.info("removing a half unpacked layer", metadata: ["layer": "\(id)"])
            try layers.discard(id)
        }
        let names = try layers.names()
        for name in names where !(Int64(name).map { ready.contains($0) } ?? false) { try layers.removeDirectory(named: name) }
        for id in ready.subtracting(names.compactMap { Int64($0) }) {
            log.error("the directory of a layer is missing: load its image again", metadata: ["layer": "\(id)"])
        }
    }

    private func recoverContent() throws {
        let known = Set(try database.imageTables().images.flatMap { $0.layers.map(\.blob) })
        try downloads.removeAbandoned()
        for name in try content.names() where !known.contains("sha256:" + name) { try content.removeStray(name) }
    }
}
