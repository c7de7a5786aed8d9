internal import Errors
internal import GRDB

extension GRDB.Database {
    /// Executes a statement that is prepared once for each connection: those that every container needs.
    func run(_ sql: String, _ arguments: StatementArguments) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }
}

/// The daemon's SQLite database: write-ahead log, `synchronous=NORMAL`, one writer, many readers.
///
/// Only this module speaks SQL. Each domain has a file of its own (`ContainerRecords.swift`, `EventRecords.swift`, …) that extends
/// `Database` with typed operations and adds its tables in `migrate`.
public final class Database: Sendable {
    let pool: DatabasePool

    /// Opens or creates the database and brings it to the newest schema.
    /// - Parameter path: the file, inside a directory that only root can enter.
    /// - Throws: `TimberError.corrupt` when it cannot be read or comes from a newer Timber.
    public init(path: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = NORMAL")
        }
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            try Self.checkFormat(pool)
            try Self.migrator.migrate(pool)
        } catch let error as TimberError {
            throw error
        } catch {
            throw TimberError(.corrupt, "cannot open the state database \(path)", cause: error)
        }
    }

    /// What this Timber can read. A change that an older Timber can live with, as a table more, leaves it alone: it is possible to go back.
    private static let format = 1

    /// `user_version` is the format that a reader has to know.
    private static func checkFormat(_ pool: DatabasePool) throws {
        let needed = try pool.write { database in
            let needed = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
            if needed == 0 { try database.execute(sql: "PRAGMA user_version = \(format)") }
            return needed
        }
        guard needed <= format else {
            throw TimberError(
                .corrupt, "the state was written by a newer Timber (format \(needed), this one knows \(format)): install that one again")
        }
    }

    /// Asks the writer, behind what it has to do already.
    /// - Throws: `TimberError` when the database cannot be written.
    public func checkLiveness() async throws {
        do {
            _ = try await pool.write { try Int.fetchOne($0, sql: "SELECT 1") }
        } catch {
            throw TimberError(.unavailable, "the state database does not answer", cause: error)
        }
    }

    /// Every schema change since the first release, in order; never edited once released.
    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 images", migrate: migrateImages)
        migrator.registerMigration("1 containers", migrate: migrateContainers)
        migrator.registerMigration("1 users of volumes", migrate: migrateVolumeUsers)
        migrator.registerMigration("2 events", migrate: migrateEvents)
        migrator.registerMigration("2 networks", migrate: migrateNetworks)
        migrator.registerMigration("2 parents of images", migrate: migrateImageParents)
        return migrator
    }
}
