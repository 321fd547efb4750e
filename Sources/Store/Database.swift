import GRDB

/// The SQLite file with everything that outlives the process. Owned by the composition root; safe to use from any thread.
///
/// Reads are synchronous: they come from the page cache within microseconds and, in WAL mode, wait for no writer. Writes are asynchronous, one
/// after the other, on SQLite's own queue; when they return, the change is on disk.
public final class Database: Sendable {
    public struct Configuration: Sendable {
        public enum Durability: String, Sendable {
            /// A change that was answered survives a power failure: one fsync per write.
            case power = "FULL"
            /// It survives a crash of the process; after a power failure the newest changes may be missing, the file stays whole.
            case process = "NORMAL"
        }

        /// Absolute path of the database file; its directory must exist.
        public var path: String
        public var durability: Durability
        /// Connections that read at the same time, at least 1.
        public var readers: Int

        public init(path: String, durability: Durability = .power, readers: Int = 4) {
            self.path = path
            self.durability = durability
            self.readers = max(1, readers)
        }
    }

    let pool: DatabasePool
    let broadcastCache = BroadcastCache()

    public var broadcasts: BroadcastTable { BroadcastTable(database: self) }
    public var vods: VodTable { VodTable(database: self) }
    public var recordings: RecordingTable { RecordingTable(database: self) }
    public var boots: BootTable { BootTable(database: self) }

    /// Opens the file, makes it if there is none, and brings its schema up to date.
    public init(configuration: Configuration) throws(StoreError) {
        do {
            var settings = GRDB.Configuration()
            settings.label = "martlet"
            settings.foreignKeysEnabled = true
            settings.busyMode = .timeout(5)
            settings.maximumReaderCount = configuration.readers
            settings.prepareDatabase { db in
                // Negative: kibibytes. Enough to keep the hot tables of tens of thousands of broadcasts in memory.
                try db.execute(sql: "PRAGMA cache_size = -8192")
            }
            self.pool = try DatabasePool(path: configuration.path, configuration: settings)
            // Only the writer's matters, and GRDB sets it to NORMAL when it turns WAL on.
            try self.pool.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA synchronous = \(configuration.durability.rawValue)")
            }
            try Migrations.apply(to: self.pool)
            try self.pool.writeWithoutTransaction { db in try RoomToWrite.take(in: db) }
        } catch {
            throw StoreError(error)
        }
    }

    /// Waits for what is under way and closes the file. Later calls fail.
    public func close() throws(StoreError) {
        do { try self.pool.close() } catch { throw StoreError(error) }
    }

    func read<Value>(_ body: (GRDB.Database) throws -> Value) throws(StoreError) -> Value {
        do { return try self.pool.read(body) } catch { throw StoreError(error) }
    }

    func write<Value: Sendable>(_ body: @escaping @Sendable (GRDB.Database) throws -> Value) async throws(StoreError) -> Value {
        do { return try await self.pool.write(body) } catch { throw StoreError(error) }
    }
}
