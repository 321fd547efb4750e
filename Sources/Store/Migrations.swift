import GRDB

/// The steps from an empty file to today's schema. A released step never changes; a new one is a new file in `migrations/` and a line here.
enum Migrations {
    struct Migration: Sendable {
        let name: String
        let sql: [UInt8]
    }

    static let all: [Migration] = [
        Migration(name: "m0001_broadcasts", sql: PackageResources.m0001_broadcasts_sql),
        Migration(name: "m0002_sources", sql: PackageResources.m0002_sources_sql),
        Migration(name: "m0003_endpoints", sql: PackageResources.m0003_endpoints_sql),
        Migration(name: "m0004_srt", sql: PackageResources.m0004_srt_sql),
        Migration(name: "m0005_backup", sql: PackageResources.m0005_backup_sql),
    ]

    /// Applies what is missing, each step in a transaction of its own.
    /// - Throws: `StoreError.unusable` when the file was written by a newer version, which this one could damage.
    static func apply(_ migrations: [Migration] = Migrations.all, to writer: some DatabaseWriter) throws {
        var migrator = DatabaseMigrator()
        for migration in migrations {
            migrator.registerMigration(migration.name) { db in
                try db.execute(sql: String(decoding: migration.sql, as: UTF8.self))
            }
        }
        if try writer.read({ try migrator.hasBeenSuperseded($0) }) {
            throw StoreError.unusable("the database was written by a newer version of Martlet")
        }
        try migrator.migrate(writer)
    }
}
