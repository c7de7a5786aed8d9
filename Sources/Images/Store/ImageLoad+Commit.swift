internal import Errors
internal import Glibc
internal import Layers
internal import LinuxKernel
internal import State

extension ImageLoad {
    /// Makes everything durable and then visible: blobs get their names, one syncfs(2), one transaction.
    func commit(_ layers: [Digest: LayerRecord], _ created: CreatedLayers) throws -> [LoadedImage] {
        var pinned: [Digest] = []
        defer { releaseBlobs(pinned) }
        var isNew = !created.ids.isEmpty
        for blob in images.flatMap(\.layers) where !pinned.contains(blob.digest) {
            do {
                if try store.content.add(blob) { isNew = true }
            } catch let error as SystemError {
                throw TimberError(.internal, "cannot store the blob \(blob.digest) (\(blob.name))", cause: error)
            }
            pinned.append(blob.digest)
        }
        if isNew { try DirectoryCalls.syncFileSystem(of: store.content.directory.raw) }
        let records = try images.map { try record($0, layers) }
        let (loaded, gone) = try store.change { snapshot in
            let names = images.flatMap { image in image.names.map { ImageNameRecord(name: $0.description, image: image.id.description) } }
            let loaded = images.map { image in
                var replaced: [String: ImageID] = [:]
                for name in image.names {
                    if let old = snapshot.names[name.description], old != image.id { replaced[name.familiar] = old }
                }
                return LoadedImage(id: image.id, references: image.names.map(\.familiar), replaced: replaced)
            }
            let new = created.ids
            let gone = try store.database.commit(
                records, layers: layers.values.filter { new.contains($0.id) }.uniqued(), names: names, releasing: holder)
            return (loaded, gone)
        }
        do {
            try store.remove(gone, blobs: [])
        } catch {
            // The images are there; what is left over goes at the next start.
            store.log.warning("cannot remove layers that were unpacked twice", metadata: ["error": "\(error)"])
        }
        return loaded
    }

    private func record(_ image: ArchivedImage, _ layers: [Digest: LayerRecord]) throws -> ImageRecord {
        var chainID: Digest?
        let rows = try zip(image.config.diffIDs, image.layers).map { diffID, blob in
            let chain = Digest.chainID(parent: chainID, diffID: diffID)
            chainID = chain
            guard let layer = layers[chain] else { throw TimberError(.internal, "layer \(chain) was not unpacked") }
            return ImageLayerRecord(layer: layer.id, blob: blob.digest.description, blobSize: blob.size)
        }
        return ImageRecord(
            id: image.id.description, config: image.rawConfig, manifest: image.manifest, loaded: Int64(time(nil)), layers: rows,
            parent: image.parent?.description)
    }

    /// Ends the protection of blobs; those that no image refers to after all go.
    private func releaseBlobs(_ blobs: [Digest]) {
        store.content.unpin(blobs)
        do {
            try store.remove([], blobs: blobs)
        } catch {
            store.log.warning("cannot remove blobs of a load; the next start does", metadata: ["error": "\(error)"])
        }
    }
}

extension Sequence<LayerRecord> {
    /// One record for each row: several chains may share a layer.
    fileprivate func uniqued() -> [LayerRecord] {
        var seen: Set<Int64> = []
        return filter { seen.insert($0.id).inserted }
    }
}
