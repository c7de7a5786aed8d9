internal import Errors
internal import GRDB

/// One volume as stored.
public struct VolumeRecord: Sendable, Equatable {
    /// The unique name; 64 hexadecimal characters when it is anonymous.
    public var name: String
    /// Made for a container and removed with it on request.
    public var anonymous: Bool
    /// Labels and creation time, as JSON.
    public var definition: [UInt8]

    /// Makes a record.
    public init(name: String, anonymous: Bool, definition: [UInt8]) {
        self.name = name
        self.anonymous = anonymous
        self.definition = definition
    }
}

/// What became of the wish to remove a volume.
public enum VolumeRemoval: Sendable, Equatable {
    /// Its row is gone.
    case removed
    /// There is none of that name.
    case missing
    /// Containers have it: their ids.
    case used([String])
}

extension Database {
    /// Which container has which volume: a row for each, so that no count can be wrong. They go with their container.
    static func migrateVolumeUsers(_ database: GRDB.Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE container_volume (
                    container TEXT NOT NULL REFERENCES container (id) ON DELETE CASCADE,
                    volume TEXT NOT NULL REFERENCES volume (name),
                    PRIMARY KEY (container, volume)
                ) STRICT;
                CREATE INDEX container_volume_volume ON container_volume (volume);
                """)
    }

    /// Stores a new container and its volumes in one transaction; volumes that exist stay as they are.
    /// - Returns: the names of the volumes that are new.
    /// - Throws: `TimberError.conflict` when the container's name is taken.
    public func insert(_ container: ContainerRecord, volumes: [VolumeRecord]) throws -> [String] {
        do {
            return try pool.write { database in
                try Self.insert(container, database)
                return try volumes.filter { volume in
                    let isNew = try Self.insert(volume, database)
                    try database.execute(
                        sql: "INSERT OR IGNORE INTO container_volume (container, volume) VALUES (?, ?)",
                        arguments: [container.id, volume.name])
                    return isNew
                }.map(\.name)
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            throw Self.taken(container.name)
        }
    }

    /// Stores a volume unless one of that name exists.
    /// - Returns: whether it is new.
    public func insertIfMissing(_ volume: VolumeRecord) throws -> Bool {
        try pool.write { try Self.insert(volume, $0) }
    }

    private static func insert(_ volume: VolumeRecord, _ database: GRDB.Database) throws -> Bool {
        try database.execute(
            sql: "INSERT OR IGNORE INTO volume (name, anonymous, definition) VALUES (?, ?, ?)",
            arguments: [volume.name, volume.anonymous, volume.definition.data])
        return database.changesCount > 0
    }

    /// Forgets a volume that no container has.
    /// - Parameters:
    ///   - container: a container that is about to go and does not count.
    ///   - content: removes what the volume holds, before its row goes; when it throws, the row stays.
    public func removeVolume(_ name: String, besides container: String? = nil, content: () throws -> Void = {}) throws -> VolumeRemoval {
        try pool.write { database in
            let users = try Self.users(of: name, database).filter { $0 != container }
            if !users.isEmpty { return .used(users) }
            try database.execute(sql: "DELETE FROM container_volume WHERE volume = ?", arguments: [name])
            try database.execute(sql: "DELETE FROM volume WHERE name = ?", arguments: [name])
            guard database.changesCount > 0 else { return .missing }
            try content()
            return .removed
        }
    }

    /// The containers that have a volume.
    public func users(ofVolume name: String) throws -> [String] {
        try pool.read { try Self.users(of: name, $0) }
    }

    private static func users(of volume: String, _ database: GRDB.Database) throws -> [String] {
        try String.fetchAll(
            database, sql: "SELECT container FROM container_volume WHERE volume = ? ORDER BY container", arguments: [volume])
    }

    /// One volume.
    public func volume(_ name: String) async throws -> VolumeRecord? {
        try await pool.read { database in
            try Row.fetchOne(database, sql: "SELECT name, anonymous, definition FROM volume WHERE name = ?", arguments: [name])
                .map(Self.volume)
        }
    }

    /// Every volume by name, with how many containers have it.
    public func volumes() async throws -> [(volume: VolumeRecord, users: Int)] {
        try await pool.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT name, anonymous, definition, (SELECT count(*) FROM container_volume WHERE volume = name) AS users
                    FROM volume ORDER BY name
                    """
            ).map { (Self.volume($0), $0["users"]) }
        }
    }

    private static func volume(_ row: Row) -> VolumeRecord {
        VolumeRecord(name: row["name"], anonymous: row["anonymous"], definition: row.bytes("definition"))
    }
}
