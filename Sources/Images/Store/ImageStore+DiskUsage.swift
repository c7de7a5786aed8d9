internal import Errors
public import Layers
internal import State

/// What images take on disk: their unpacked layers, and the blobs that are kept for saving them again.
public struct ImageDiskUsage: Sendable, Equatable {
    /// Bytes of one image.
    public struct Part: Sendable, Equatable {
        /// All of it.
        public var size: Int64 = 0
        /// That of it which other images have, too.
        public var shared: Int64 = 0
    }

    /// Everything, what is shared counted once; also layers that only containers need any more.
    public var total: Int64 = 0
    /// By the image's id, `sha256:…`.
    public var images: [String: Part] = [:]
}

extension ImageStore {
    /// What the images take on disk. Adds up what is known of layers and blobs, reads none.
    /// - Throws: `TimberError` when the database cannot be read.
    public func diskUsage() throws -> ImageDiskUsage {
        let tables = try database.imageTables()
        // Each image's parts by what they are: an image may have the same layer or blob several times.
        let parts = tables.images.map { image -> (id: String, bytes: [Stored: Int64]) in
            var bytes: [Stored: Int64] = [:]
            for row in image.layers {
                bytes[.layer(row.layer)] = tables.layers[row.layer]?.size ?? 0
                bytes[.blob(row.blob)] = row.blobSize
            }
            return (image.id, bytes)
        }
        var users: [Stored: Int] = [:]
        for part in parts { for stored in part.bytes.keys { users[stored, default: 0] += 1 } }
        var usage = ImageDiskUsage()
        var all: [Stored: Int64] = [:]
        for (id, layer) in tables.layers { all[.layer(id)] = layer.size }
        for (id, bytes) in parts {
            all.merge(bytes) { $1 }
            let shared = bytes.filter { users[$0.key, default: 0] > 1 }
            usage.images[id] = .init(size: bytes.values.reduce(0, +), shared: shared.values.reduce(0, +))
        }
        usage.total = all.values.reduce(0, +)
        return usage
    }

    /// Bytes of the files in those layers of each image that other images have, too.
    public func sharedSizes() -> [ImageID: Int64] {
        let images = list()
        var users: [Int64: Set<ImageID>] = [:]
        for image in images { for layer in image.layers { users[layer.id, default: []].insert(image.id) } }
        return Dictionary(
            images.map { image in
                (image.id, image.layers.filter { users[$0.id, default: []].count > 1 }.reduce(0) { $0 + $1.size })
            }, uniquingKeysWith: { $1 })
    }

    private enum Stored: Hashable {
        case layer(Int64)
        case blob(String)
    }
}
