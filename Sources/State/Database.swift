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
            try Self.migrator.migrate(pool)
        } catch {
            throw TimberError(.corrupt, "cannot open the state database \(path)", cause: error)
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
