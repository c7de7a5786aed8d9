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

    /// Stores a new container and keeps layers for it, in one transaction.
    /// - Throws: `TimberError.conflict` when the name is taken.
    public func insert(_ container: ContainerRecord, holding layers: [Int64]) throws {
        do {
            try pool.write { database in
                try Self.insert(container, database)
                try Self.hold(layers, by: container.id, database)
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            throw Self.taken(container.name)
        }
    }

    static func insert(_ container: ContainerRecord, _ database: GRDB.Database) throws {
        try database.run(
            "INSERT INTO container (id, name, definition, state) VALUES (?, ?, ?, ?)",
            [container.id, container.name, container.definition.data, container.state.data])
    }

    /// The error for a name that another container has.
    static func taken(_ name: String) -> TimberError { TimberError(.conflict, "the container name \"\(name)\" is already in use") }

    /// Rewrites a container's lifecycle state.
    public func setContainerState(_ id: String, _ state: [UInt8]) async throws {
        try await pool.write { database in
            try database.run("UPDATE container SET state = ? WHERE id = ?", [state.data, id])
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
            throw Self.taken(name)
        }
    }

    /// Forgets a container, which volumes it had, and lets go of its layers, in one transaction.
    /// - Returns: layers that nothing refers to any more; their rows are gone too.
    public func deleteContainer(_ id: String) throws -> [LayerRecord] {
        try pool.write { database in
            try database.run("DELETE FROM container WHERE id = ?", [id])
            return try Self.releaseLayers(by: id, database)
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
}
