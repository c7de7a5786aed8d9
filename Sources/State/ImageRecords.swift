internal import Foundation
internal import GRDB

/// One unpacked layer, a directory `layers/<id>/fs`.
public struct LayerRecord: Sendable, Equatable {
    /// The row's id and the directory's name; never used twice.
    public var id: Int64
    /// Digest of the uncompressed layer.
    public var diffID: String
    /// The chain that the directory's content depends on; empty when it depends on the layer alone.
    public var chainID: String
    /// Bytes of the files in it.
    public var size: Int64
    /// Mode, owner and group of its `/`, nil when the layer says nothing about it.
    public var root: (mode: UInt32, uid: UInt32, gid: UInt32)?
    /// Whether it hides everything below it.
    public var hidesLower: Bool

    /// Makes a record.
    public init(
        id: Int64, diffID: String, chainID: String, size: Int64, root: (mode: UInt32, uid: UInt32, gid: UInt32)?, hidesLower: Bool
    ) {
        self.id = id
        self.diffID = diffID
        self.chainID = chainID
        self.size = size
        self.root = root
        self.hidesLower = hidesLower
    }

    /// Field by field.
    public static func == (left: LayerRecord, right: LayerRecord) -> Bool {
        left.id == right.id && left.diffID == right.diffID && left.chainID == right.chainID && left.size == right.size
            && left.root?.mode == right.root?.mode && left.root?.uid == right.root?.uid && left.root?.gid == right.root?.gid
            && left.hidesLower == right.hidesLower
    }
}

/// One layer of an image.
public struct ImageLayerRecord: Sendable, Equatable {
    /// The unpacked layer.
    public var layer: Int64
    /// Digest of the blob in the content store.
    public var blob: String
    /// Bytes of that blob.
    public var blobSize: Int64

    /// Makes a record.
    public init(layer: Int64, blob: String, blobSize: Int64) {
        self.layer = layer
        self.blob = blob
        self.blobSize = blobSize
    }
}

/// One image.
public struct ImageRecord: Sendable, Equatable {
    /// Digest of the config.
    public var id: String
    /// The config's exact bytes.
    public var config: [UInt8]
    /// The manifest's exact bytes, if it came with one.
    public var manifest: [UInt8]?
    /// Seconds since 1970.
    public var loaded: Int64
    /// Lowest first.
    public var layers: [ImageLayerRecord]
    /// The image that it was made from on this machine.
    public var parent: String?

    /// Makes a record.
    public init(
        id: String, config: [UInt8], manifest: [UInt8]?, loaded: Int64, layers: [ImageLayerRecord], parent: String? = nil
    ) {
        self.id = id
        self.config = config
        self.manifest = manifest
        self.loaded = loaded
        self.layers = layers
        self.parent = parent
    }
}

/// A name of an image: `docker.io/library/x:1` or `docker.io/library/x@sha256:…`.
public struct ImageNameRecord: Sendable, Equatable {
    /// Normalised.
    public var name: String
    /// The image's id.
    public var image: String

    /// Makes a record.
    public init(name: String, image: String) {
        self.name = name
        self.image = image
    }
}

/// Everything about images, in one consistent reading.
public struct ImageTables: Sendable {
    /// Complete layers by id.
    public var layers: [Int64: LayerRecord] = [:]
    /// In no particular order.
    public var images: [ImageRecord] = []
    /// In no particular order.
    public var names: [ImageNameRecord] = []
}

extension Database {
    /// References are counted by counting rows, so a count cannot be wrong.
    static func migrateImages(_ database: GRDB.Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE layer (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    diff_id TEXT NOT NULL,
                    chain_id TEXT NOT NULL DEFAULT '',
                    state TEXT NOT NULL CHECK (state IN ('unpacking', 'ready')),
                    size INTEGER NOT NULL DEFAULT 0,
                    root_mode INTEGER, root_uid INTEGER, root_gid INTEGER,
                    hides_lower INTEGER NOT NULL DEFAULT 0
                ) STRICT;
                CREATE UNIQUE INDEX layer_content ON layer (diff_id, chain_id) WHERE state = 'ready';
                CREATE TABLE image (
                    id TEXT PRIMARY KEY,
                    config BLOB NOT NULL,
                    manifest BLOB,
                    loaded INTEGER NOT NULL
                ) STRICT;
                CREATE TABLE image_layer (
                    image TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
                    position INTEGER NOT NULL,
                    layer INTEGER NOT NULL REFERENCES layer (id),
                    blob TEXT NOT NULL,
                    blob_size INTEGER NOT NULL,
                    PRIMARY KEY (image, position)
                ) STRICT;
                CREATE INDEX image_layer_layer ON image_layer (layer);
                CREATE INDEX image_layer_blob ON image_layer (blob);
                CREATE TABLE image_name (
                    name TEXT PRIMARY KEY,
                    image TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE
                ) STRICT;
                CREATE INDEX image_name_image ON image_name (image);
                CREATE TABLE layer_hold (
                    holder TEXT NOT NULL,
                    position INTEGER NOT NULL,
                    layer INTEGER NOT NULL REFERENCES layer (id),
                    PRIMARY KEY (holder, position)
                ) STRICT;
                CREATE INDEX layer_hold_layer ON layer_hold (layer);
                """)
    }

    static func migrateImageParents(_ database: GRDB.Database) throws {
        try database.execute(sql: "ALTER TABLE image ADD COLUMN parent TEXT")
    }

    // MARK: Layers

    /// Announces a layer that is about to be unpacked.
    /// - Returns: the row's id, which names the directory.
    public func beginLayer(diffID: String) throws -> Int64 {
        try pool.write { database in
            try database.execute(sql: "INSERT INTO layer (diff_id, state) VALUES (?, 'unpacking')", arguments: [diffID])
            return database.lastInsertedRowID
        }
    }

    /// Forgets a layer that did not come to be.
    public func abandonLayer(_ id: Int64) throws {
        try pool.write { try $0.execute(sql: "DELETE FROM layer WHERE id = ? AND state = 'unpacking'", arguments: [id]) }
    }

    /// Finds an unpacked layer by its content and keeps it for a holder.
    public func holdLayer(diffID: String, chainID: String, by holder: String) throws -> LayerRecord? {
        try pool.write { database in
            let row = try Row.fetchOne(
                database, sql: "SELECT * FROM layer WHERE state = 'ready' AND diff_id = ? AND chain_id = ?", arguments: [diffID, chainID])
            guard let layer = row.map(Self.layer) else { return nil }
            try database.execute(
                sql: """
                    INSERT INTO layer_hold (holder, position, layer)
                    SELECT ?1, coalesce(max(position) + 1, 0), ?2 FROM layer_hold WHERE holder = ?1
                    """,
                arguments: [holder, layer.id])
            return layer
        }
    }

    /// The ids of all layers that are being unpacked or are complete.
    public func layerIDs() throws -> (unpacking: Set<Int64>, ready: Set<Int64>) {
        try pool.read { database in
            (
                try Int64.fetchSet(database, sql: "SELECT id FROM layer WHERE state = 'unpacking'"),
                try Int64.fetchSet(database, sql: "SELECT id FROM layer WHERE state = 'ready'")
            )
        }
    }

    // MARK: Images

    /// Adds images with their layers and names in one transaction, and lets go of what was held for them.
    /// - Parameters:
    ///   - images: their `layers` name layers that are unpacking or ready. An image that is there already keeps its layers.
    ///   - layers: the layers that were unpacked for them. Where somebody else was faster, theirs is used and ours forgotten.
    ///   - names: taken away from other images.
    ///   - holder: whose hold ends.
    /// - Returns: the ids of layers that nothing refers to, whose rows are gone and whose directories can go.
    public func commit(
        _ images: [ImageRecord], layers: [LayerRecord], names: [ImageNameRecord], releasing holder: String
    ) throws -> [Int64] {
        try pool.write { database in
            var replaced: [Int64: Int64] = [:]
            for layer in layers {
                if let present = try Self.commit(layer, database) { replaced[layer.id] = present }
            }
            for image in images { try Self.insert(image, replaced: replaced, database) }
            for name in names { try Self.setName(name.name, image: name.image, database) }
            try database.execute(sql: "DELETE FROM layer_hold WHERE holder = ?", arguments: [holder])
            return try replaced.keys + Self.removeUnusedLayers(database).map(\.id)
        }
    }

    /// - Returns: the layer with the same content that was there first, if there is one.
    private static func commit(_ layer: LayerRecord, _ database: GRDB.Database) throws -> Int64? {
        let present = try Int64.fetchOne(
            database, sql: "SELECT id FROM layer WHERE state = 'ready' AND diff_id = ? AND chain_id = ?",
            arguments: [layer.diffID, layer.chainID])
        if let present {
            try database.execute(sql: "DELETE FROM layer WHERE id = ?", arguments: [layer.id])
            return present
        }
        try database.execute(
            sql: """
                UPDATE layer SET state = 'ready', chain_id = ?, size = ?, root_mode = ?, root_uid = ?, root_gid = ?, hides_lower = ?
                WHERE id = ?
                """,
            arguments: [layer.chainID, layer.size, layer.root?.mode, layer.root?.uid, layer.root?.gid, layer.hidesLower, layer.id])
        return nil
    }

    private static func insert(_ image: ImageRecord, replaced: [Int64: Int64], _ database: GRDB.Database) throws {
        if try Bool.fetchOne(database, sql: "SELECT EXISTS (SELECT 1 FROM image WHERE id = ?)", arguments: [image.id]) == true {
            try database.execute(sql: "UPDATE image SET loaded = ? WHERE id = ?", arguments: [image.loaded, image.id])
            return
        }
        try database.execute(
            sql: "INSERT INTO image (id, config, manifest, loaded, parent) VALUES (?, ?, ?, ?, ?)",
            arguments: [image.id, Data(image.config), image.manifest.map { Data($0) }, image.loaded, image.parent])
        for (position, layer) in image.layers.enumerated() {
            try database.execute(
                sql: "INSERT INTO image_layer (image, position, layer, blob, blob_size) VALUES (?, ?, ?, ?, ?)",
                arguments: [image.id, position, replaced[layer.layer] ?? layer.layer, layer.blob, layer.blobSize])
        }
    }

    private static func setName(_ name: String, image: String, _ database: GRDB.Database) throws {
        try database.execute(
            sql: "INSERT INTO image_name (name, image) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET image = excluded.image",
            arguments: [name, image])
    }

    /// Gives an image a name, taking it away from another one.
    public func setImageName(_ name: String, image: String) throws {
        try pool.write { try Self.setName(name, image: image, $0) }
    }

    /// Takes names away, and images with all their names.
    /// - Returns: what nothing refers to any more: layers, whose rows are gone too, and the digests of blobs.
    public func removeImages(_ images: [String], names: [String]) throws -> (layers: [LayerRecord], blobs: [String]) {
        try pool.write { database in
            for name in names { try database.execute(sql: "DELETE FROM image_name WHERE name = ?", arguments: [name]) }
            var blobs: Set<String> = []
            for image in images {
                blobs.formUnion(try String.fetchSet(database, sql: "SELECT blob FROM image_layer WHERE image = ?", arguments: [image]))
                try database.execute(sql: "DELETE FROM image WHERE id = ?", arguments: [image])
            }
            let unused = try blobs.filter { blob in
                try Bool.fetchOne(database, sql: "SELECT NOT EXISTS (SELECT 1 FROM image_layer WHERE blob = ?)", arguments: [blob]) == true
            }
            return (try Self.removeUnusedLayers(database), Array(unused))
        }
    }

    /// Whether an image refers to a blob.
    public func isBlobUsed(_ blob: String) throws -> Bool {
        try pool.read {
            try Bool.fetchOne($0, sql: "SELECT EXISTS (SELECT 1 FROM image_layer WHERE blob = ?)", arguments: [blob]) == true
        }
    }

    /// Whether an image was loaded whose layer came as this blob: then the blob is known to be that layer.
    public func isBlob(_ blob: String, of diffID: String) throws -> Bool {
        try pool.read {
            try Bool.fetchOne(
                $0,
                sql: """
                    SELECT EXISTS (
                        SELECT 1 FROM image_layer JOIN layer ON layer.id = image_layer.layer
                        WHERE image_layer.blob = ? AND layer.diff_id = ?)
                    """, arguments: [blob, diffID]) == true
        }
    }

    /// A blob that is known to be a layer, and its size in bytes.
    public func blob(of diffID: String) throws -> (digest: String, size: Int64)? {
        try pool.read {
            try Row.fetchOne(
                $0,
                sql: """
                    SELECT image_layer.blob, image_layer.blob_size
                    FROM image_layer JOIN layer ON layer.id = image_layer.layer WHERE layer.diff_id = ? LIMIT 1
                    """, arguments: [diffID]
            ).map { ($0["blob"], $0["blob_size"]) }
        }
    }

    /// Everything about images that is complete.
    public func imageTables() throws -> ImageTables {
        try pool.read { database in
            var tables = ImageTables()
            for row in try Row.fetchAll(database, sql: "SELECT * FROM layer WHERE state = 'ready'") {
                let layer = Self.layer(row)
                tables.layers[layer.id] = layer
            }
            var layers: [String: [ImageLayerRecord]] = [:]
            for row in try Row.fetchAll(database, sql: "SELECT * FROM image_layer ORDER BY image, position") {
                layers[row["image"], default: []].append(
                    ImageLayerRecord(layer: row["layer"], blob: row["blob"], blobSize: row["blob_size"]))
            }
            tables.images = try Row.fetchAll(database, sql: "SELECT * FROM image").map { row in
                let config: Data = row["config"]
                let manifest: Data? = row["manifest"]
                let id: String = row["id"]
                return ImageRecord(
                    id: id, config: Array(config), manifest: manifest.map { Array($0) }, loaded: row["loaded"], layers: layers[id] ?? [],
                    parent: row["parent"])
            }
            tables.names = try Row.fetchAll(database, sql: "SELECT * FROM image_name").map {
                ImageNameRecord(name: $0["name"], image: $0["image"])
            }
            return tables
        }
    }

    // MARK: Holds

    /// Keeps layers for a holder, whatever becomes of the image; replaces what it held.
    public func holdLayers(_ layers: [Int64], by holder: String) throws {
        try pool.write { database in
            try database.execute(sql: "DELETE FROM layer_hold WHERE holder = ?", arguments: [holder])
            try Self.hold(layers, by: holder, database)
        }
    }

    static func hold(_ layers: [Int64], by holder: String, _ database: GRDB.Database) throws {
        for (position, layer) in layers.enumerated() {
            try database.run("INSERT INTO layer_hold (holder, position, layer) VALUES (?, ?, ?)", [holder, position, layer])
        }
    }

    /// What a holder keeps, in the order that it was given.
    public func heldLayers(by holder: String) throws -> [Int64] {
        try pool.read {
            try Int64.fetchAll($0, sql: "SELECT layer FROM layer_hold WHERE holder = ? ORDER BY position", arguments: [holder])
        }
    }

    /// Lets go of a holder's layers.
    /// - Returns: layers that nothing refers to any more; their rows are gone too.
    public func releaseLayers(by holder: String) throws -> [LayerRecord] {
        try pool.write { try Self.releaseLayers(by: holder, $0) }
    }

    static func releaseLayers(by holder: String, _ database: GRDB.Database) throws -> [LayerRecord] {
        try database.run("DELETE FROM layer_hold WHERE holder = ?", [holder])
        return try removeUnusedLayers(database)
    }

    /// Lets go of every holder whose name starts with a prefix.
    /// - Returns: layers that nothing refers to any more; their rows are gone too.
    public func releaseLayers(byHoldersWithPrefix prefix: String) throws -> [LayerRecord] {
        try pool.write { database in
            try database.execute(sql: "DELETE FROM layer_hold WHERE substr(holder, 1, length(?1)) = ?1", arguments: [prefix])
            return try Self.removeUnusedLayers(database)
        }
    }

    private static func removeUnusedLayers(_ database: GRDB.Database) throws -> [LayerRecord] {
        let unused = try Row.fetchAll(
            database.cachedStatement(
                sql: """
                    DELETE FROM layer WHERE state = 'ready'
                    AND NOT EXISTS (SELECT 1 FROM image_layer WHERE image_layer.layer = layer.id)
                    AND NOT EXISTS (SELECT 1 FROM layer_hold WHERE layer_hold.layer = layer.id)
                    RETURNING *
                    """))
        return unused.map(Self.layer)
    }

    private static func layer(_ row: Row) -> LayerRecord {
        let mode: UInt32? = row["root_mode"]
        let root = mode.map { (mode: $0, uid: row["root_uid"] as UInt32? ?? 0, gid: row["root_gid"] as UInt32? ?? 0) }
        return LayerRecord(
            id: row["id"], diffID: row["diff_id"], chainID: row["chain_id"], size: row["size"], root: root, hidesLower: row["hides_lower"])
    }
}
