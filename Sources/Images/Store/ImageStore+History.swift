internal import Layers

/// One line of `docker history`.
public struct HistoryRow: Sendable, Equatable {
    /// The image's id in the newest line, `<missing>` in the others.
    public let id: String
    /// Seconds since 1970, 0 when the image does not say.
    public let created: Int64
    /// The command.
    public let createdBy: String
    /// What the builder said.
    public let comment: String
    /// Bytes of the files in the layer, 0 without one.
    public let size: Int64
    /// Names, in the newest line only.
    public let tags: [String]
}

extension ImageStore {
    /// How an image was made.
    /// - Parameter reference: which image, as for `image`.
    /// - Returns: newest first.
    /// - Throws: `TimberError.notFound`.
    public func history(_ reference: String) throws -> [HistoryRow] {
        let image = try image(reference)
        var layers = image.layers.makeIterator()
        let count = image.config.history.count
        return image.config.history.enumerated().map { index, entry in
            let size = entry.emptyLayer ? 0 : layers.next()?.size ?? 0
            let isNewest = index == count - 1
            return HistoryRow(
                id: isNewest ? image.id.description : "<missing>", created: entry.created.flatMap(RFC3339.seconds) ?? 0,
                createdBy: entry.createdBy, comment: entry.comment, size: size, tags: isNewest ? image.repoTags : [])
        }.reversed()
    }
}
