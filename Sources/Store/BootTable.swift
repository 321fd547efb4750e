import GRDB

/// What is remembered of the process that had this database open before.
public struct Boot: Sendable, Equatable {
    /// Counts the starts, from 1.
    public var number: Int
    /// The earlier process ended of its own will. True for the first start.
    public var previousEndedCleanly: Bool
}

/// Starts and ends of the process.
public struct BootTable: Sendable {
    let database: Database

    /// Notes a start. Call once, before anything else is written.
    public func begin(now: Int64) async throws(StoreError) -> Boot {
        try await self.database.write { db in
            let last = try Self.value(db, "boot").flatMap { Int($0) } ?? 0
            let state = try Self.value(db, "boot_state")
            try Self.set(db, "boot", String(last + 1))
            try Self.set(db, "boot_state", "running")
            try Self.set(db, "boot_started_at", String(now))
            return Boot(number: last + 1, previousEndedCleanly: state != "running")
        }
    }

    /// Notes that all has been put away.
    public func end() async throws(StoreError) {
        try await self.database.write { db in try Self.set(db, "boot_state", "ended") }
    }

    private static func value(_ db: GRDB.Database, _ key: String) throws -> String? {
        try String.fetchOne(db, sql: "SELECT value FROM meta WHERE key = ?", arguments: [key])
    }

    private static func set(_ db: GRDB.Database, _ key: String, _ value: String) throws {
        try db.execute(
            sql: "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", arguments: [key, value])
    }
}
