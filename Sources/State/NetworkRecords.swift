internal import Errors
internal import GRDB

/// One network of a user's as stored.
public struct NetworkRecord: Sendable, Equatable {
    /// 64 hexadecimal characters.
    public var id: String
    /// The unique name.
    public var name: String
    /// What it is, as JSON; only the engine knows what is in it.
    public var definition: [UInt8]

    /// Makes a record.
    public init(id: String, name: String, definition: [UInt8]) {
        self.id = id
        self.name = name
        self.definition = definition
    }
}

extension Database {
    static func migrateNetworks(_ database: GRDB.Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE network (
                    id TEXT PRIMARY KEY NOT NULL,
                    name TEXT NOT NULL UNIQUE,
                    definition BLOB NOT NULL
                ) STRICT;
                """)
    }

    /// Stores a new network.
    /// - Throws: `TimberError.conflict` when the name is taken.
    public func insert(_ network: NetworkRecord) async throws {
        do {
            try await pool.write { database in
                try database.execute(
                    sql: "INSERT INTO network (id, name, definition) VALUES (?, ?, ?)",
                    arguments: [network.id, network.name, network.definition.data])
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            throw TimberError(.conflict, "network with name \(network.name) already exists")
        }
    }

    /// Forgets a network.
    public func deleteNetwork(_ id: String) async throws {
        try await pool.write { try $0.execute(sql: "DELETE FROM network WHERE id = ?", arguments: [id]) }
    }

    /// Every network, for recovery.
    public func networks() async throws -> [NetworkRecord] {
        try await pool.read { database in
            try Row.fetchAll(database, sql: "SELECT id, name, definition FROM network ORDER BY name").map { row in
                NetworkRecord(id: row["id"], name: row["name"], definition: row.bytes("definition"))
            }
        }
    }
}
