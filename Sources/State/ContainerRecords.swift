internal import GRDB

extension Database {
    static func migrateContainers(_ database: GRDB.Database) throws {
    }
}
