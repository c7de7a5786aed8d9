internal import GRDB

extension Database {
    static func migrateImages(_ database: GRDB.Database) throws {
    }
}
