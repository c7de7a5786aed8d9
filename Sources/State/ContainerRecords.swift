internal import Errors
internal import GRDB

/// One container as stored: what was asked for never changes, what became of it does.
public struct ContainerRecord: Sendable, Equatable {
    /// 64 hexadecimal characters.
    public var id: String
    /// The unique name, without a leading slash.
    public var name: String
    /// The request and everything resolved from it at creation, as JSON.
    public var definition: [UInt8]
    /// The lifecycle state, as JSON; rewritten before every effect.
    public var state: [UInt8]

    /// Makes a record.
    public init(id: String, name: String, definition: [UInt8], state: [UInt8]) {
        self.id = id
        self.name = name
        self.definition = definition
        self.state = state
    }
}

/// One volume as stored.
public struct VolumeRecord: Sendable, Equatable {
    /// The unique name; 64 hexadecimal characters when it is anonymous.
    public var name: String
    /// Made for a container and removed with it on request.
    public var anonymous: Bool
    /// Labels, driver options and creation time, as JSON.
    public var definition: [UInt8]

    /// Makes a record.
    public init(name: String, anonymous: Bool, definition: [UInt8]) {
        self.name = name
        self.anonymous = anonymous
        self.definition = definition
    }
}

extension Database {
    static func migrateContainers(_ database: GRDB.Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE container (
                    id TEXT PRIMARY KEY NOT NULL,
                    name TEXT NOT NULL UNIQUE,
                    definition BLOB NOT NULL,
                    state BLOB NOT NULL
                ) STRICT;
                CREATE TABLE volume (
                    name TEXT PRIMARY KEY NOT NULL,
                    anonymous INTEGER NOT NULL,
                    definition BLOB NOT NULL
                ) STRICT;
                """)
    }

    /// Stores a new container.
    /// - Throws: `TimberError.conflict` when the name is taken.
    public func insert(_ container: ContainerRecord) async throws {
        do {
            try await pool.write { database in
                try database.execute(
                    sql: "INSERT INTO container (id, name, definition, state) VALUES (?, ?, ?, ?)",
                    arguments: [container.id, container.name, container.definition.data, container.state.data])
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            throw TimberError(.conflict, "the container name \"\(container.name)\" is already in use")
        }
    }

    /// Rewrites a container's lifecycle state.
    public func setContainerState(_ id: String, _ state: [UInt8]) async throws {
        try await pool.write { database in
            try database.execute(sql: "UPDATE container SET state = ? WHERE id = ?", arguments: [state.data, id])
        }
    }

    /// Rewrites what a container is, after an update of its limits.
    public func setContainerDefinition(_ id: String, _ definition: [UInt8]) async throws {
        try await pool.write { database in
            try database.execute(sql: "UPDATE container SET definition = ? WHERE id = ?", arguments: [definition.data, id])
        }
    }

    /// Renames a container.
    /// - Throws: `TimberError.conflict` when the name is taken.
    public func renameContainer(_ id: String, to name: String) async throws {
        do {
            try await pool.write { database in
                try database.execute(sql: "UPDATE container SET name = ? WHERE id = ?", arguments: [name, id])
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            throw TimberError(.conflict, "the container name \"\(name)\" is already in use")
        }
    }

    /// Forgets a container.
    public func deleteContainer(_ id: String) async throws {
        try await pool.write { database in
            try database.execute(sql: "DELETE FROM container WHERE id = ?", arguments: [id])
        }
    }

    /// Every container, for recovery.
    public func containers() async throws -> [ContainerRecord] {
        try await pool.read { database in
            try Row.fetchAll(database, sql: "SELECT id, name, definition, state FROM container").map { row in
                ContainerRecord(
                    id: row["id"], name: row["name"], definition: row.bytes("definition"), state: row.bytes("state"))
            }
        }
    }

    /// Stores a volume unless one of that name exists.
    public func insertIfMissing(_ volume: VolumeRecord) async throws {
        try await pool.write { database in
            try database.execute(
                sql: "INSERT OR IGNORE INTO volume (name, anonymous, definition) VALUES (?, ?, ?)",
                arguments: [volume.name, volume.anonymous, volume.definition.data])
        }
    }

    /// Forgets a volume.
    public func deleteVolume(_ name: String) async throws {
        try await pool.write { database in
            try database.execute(sql: "DELETE FROM volume WHERE name = ?", arguments: [name])
        }
    }

    /// Every volume.
    public func volumes() async throws -> [VolumeRecord] {
        try await pool.read { database in
            try Row.fetchAll(database, sql: "SELECT name, anonymous, definition FROM volume").map { row in
                VolumeRecord(name: row["name"], anonymous: row["anonymous"], definition: row.bytes("definition"))
            }
        }
    }
}
