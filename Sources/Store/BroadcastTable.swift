import GRDB

/// The broadcasts and their endpoints.
public struct BroadcastTable: Sendable {
    let database: Database

    // MARK: Reading

    public func find(_ id: String) throws(StoreError) -> BroadcastRecord? {
        let cache = self.database.broadcastCache
        if let record = cache.find(id) { return record }
        let ticket = cache.ticket()
        let record = try self.database.read { db in try Self.fetch(db, id: id)?.record }
        if let record { cache.keep(record, ticket) }
        return record
    }

    public func contains(_ id: String) throws(StoreError) -> Bool {
        try self.database.read { db in try Self.seq(db, id: id) != nil }
    }

    /// One page. A negative offset counts as 0; a limit below 1 gives nothing.
    public func list(_ query: BroadcastQuery) throws(StoreError) -> [BroadcastRecord] {
        guard query.limit > 0 else { return [] }
        return try self.database.read { db in
            try Self.page(db, query).compactMap { try Self.fetch(db, seq: $0) }
        }
    }

    public func count(type: String? = nil, search: String? = nil) throws(StoreError) -> Int {
        let needle = search.flatMap { $0.isEmpty ? nil : folded($0) }
        let index = needle != nil ? "broadcasts_search" : "broadcasts_by_type"
        let sql = "SELECT count(*) FROM broadcasts INDEXED BY \(index)" + BroadcastQuery.conditions(type: type != nil, search: needle != nil)
        return try self.database.read { db in
            let arguments = [type, needle, needle].compactMap { $0 }
            return try Int.fetchOne(db.cachedStatement(sql: sql), arguments: StatementArguments(arguments)) ?? 0
        }
    }

    /// The ids of the broadcasts whose main track is `id`.
    public func subtracks(of id: String) throws(StoreError) -> [String] {
        try self.database.read { db in
            let sql = "SELECT id FROM broadcasts WHERE main_track_id = ? ORDER BY seq"
            return try String.fetchAll(db.cachedStatement(sql: sql), arguments: [id])
        }
    }

    // MARK: Writing

    /// Every change goes through here. `id` is whose row or endpoints may change; nil: several broadcasts'.
    func write<Value: Sendable>(
        of id: String?, _ body: @escaping @Sendable (GRDB.Database) throws -> Value
    ) async throws(StoreError) -> Value {
        defer { self.database.broadcastCache.forget(id) }
        return try await self.database.write(body)
    }

    /// - Throws: `.duplicate` when the id is taken.
    public func insert(_ record: BroadcastRecord) async throws(StoreError) {
        try await self.write(of: record.id) { db in try Self.insert(db, record) }
    }

    /// Inserts many in one transaction: all or none.
    public func insert(all records: [BroadcastRecord]) async throws(StoreError) {
        try await self.write(of: nil) { db in for record in records { try Self.insert(db, record) } }
    }

    /// Reads, changes and writes a broadcast in one transaction. The id, the time of creation and nothing else is protected from the change;
    /// endpoints are rewritten only if they differ. Nil when there is no such broadcast.
    @discardableResult
    public func update(_ id: String, _ change: @escaping @Sendable (inout BroadcastRecord) -> Void) async throws(StoreError) -> BroadcastRecord? {
        try await self.write(of: id) { db in
            guard let (seq, old) = try Self.fetch(db, id: id) else { return nil }
            var new = old
            change(&new)
            new.id = old.id
            new.createdAt = old.createdAt
            guard new != old else { return new }
            let statements = BroadcastRecord.statements
            let statement = try db.cachedStatement(sql: "UPDATE broadcasts SET \(statements.assignments) WHERE seq = ?")
            try statement.execute(arguments: StatementArguments(statements.arguments(of: new) + [seq.databaseValue]))
            if new.endpoints != old.endpoints {
                try db.cachedStatement(sql: "DELETE FROM endpoints WHERE broadcast_seq = ?").execute(arguments: [seq])
                try Self.insert(db, endpoints: new.endpoints, seq: seq)
            }
            return new
        }
    }

    /// Removes a broadcast and, if wanted, those whose main track it is. What was removed, itself first; empty when there was none.
    public func delete(_ id: String, withSubtracks: Bool) async throws(StoreError) -> [String] {
        try await self.write(of: nil) { db in
            try db.cachedStatement(sql: "DELETE FROM broadcasts WHERE id = ?").execute(arguments: [id])
            guard db.changesCount > 0 else { return [] }
            guard withSubtracks else { return [id] }
            let subtracks = try String.fetchAll(
                db.cachedStatement(sql: "SELECT id FROM broadcasts WHERE main_track_id = ? ORDER BY seq"), arguments: [id])
            try db.cachedStatement(sql: "DELETE FROM broadcasts WHERE main_track_id = ?").execute(arguments: [id])
            return [id] + subtracks
        }
    }

    /// Removes a broadcast that an unknown publisher made; others stay.
    @discardableResult
    public func deleteZombi(_ id: String) async throws(StoreError) -> Bool {
        try await self.write(of: id) { db in
            try db.cachedStatement(sql: "DELETE FROM broadcasts WHERE id = ? AND zombi = 1").execute(arguments: [id])
            return db.changesCount > 0
        }
    }

    public enum EndpointInsertion: Sendable, Equatable {
        case added
        case noBroadcast
        /// The same URL or the same service id is there already.
        case taken
    }

    public func addEndpoint(_ endpoint: EndpointRecord, to id: String) async throws(StoreError) -> EndpointInsertion {
        try await self.write(of: id) { db in
            guard let seq = try Self.seq(db, id: id) else { return .noBroadcast }
            let present = try Self.endpoints(db, seq: seq)
            guard !present.contains(where: { $0.url == endpoint.url || $0.serviceID == endpoint.serviceID }) else { return .taken }
            let last = try Int.fetchOne(
                db.cachedStatement(sql: "SELECT max(position) FROM endpoints WHERE broadcast_seq = ?"), arguments: [seq])
            try Self.insert(db, endpoints: [endpoint], seq: seq, from: (last ?? -1) + 1)
            return .added
        }
    }

    /// False when there is no such broadcast or endpoint.
    public func removeEndpoint(_ serviceID: String, from id: String) async throws(StoreError) -> Bool {
        try await self.write(of: id) { db in
            guard let seq = try Self.seq(db, id: id) else { return false }
            try db.cachedStatement(sql: "DELETE FROM endpoints WHERE broadcast_seq = ? AND service_id = ?").execute(arguments: [seq, serviceID])
            return db.changesCount > 0
        }
    }

    /// Writes the statuses of endpoints by service id; those that are gone by now are left out.
    public func setEndpointStatuses(_ statuses: [String: String], of id: String) async throws(StoreError) {
        try await self.write(of: id) { db in
            guard let seq = try Self.seq(db, id: id) else { return }
            let statement = try db.cachedStatement(sql: "UPDATE endpoints SET status = ? WHERE broadcast_seq = ? AND service_id = ?")
            for (serviceID, status) in statuses { try statement.execute(arguments: [status, seq, serviceID]) }
        }
    }

    public struct Reconciliation: Sendable, Equatable {
        public var zombis: Int
        public var finished: Int

        public init(zombis: Int, finished: Int) {
            self.zombis = zombis
            self.finished = finished
        }
    }

    /// Makes the rows agree with a process that has just started and where nothing runs yet: zombis go, what was live is finished, and
    /// everything else stays as it is.
    public func reconcile() async throws(StoreError) -> Reconciliation {
        try await self.write(of: nil) { db in
            try db.execute(sql: "DELETE FROM broadcasts WHERE zombi = 1")
            let zombis = db.changesCount
            try db.execute(
                sql: "UPDATE broadcasts SET status = 'finished' WHERE status IN ('broadcasting', 'preparing', 'terminated_unexpectedly')")
            let finished = db.changesCount
            // A playlist that only viewers had started is over; one that is wanted goes on.
            try db.execute(
                sql: """
                    UPDATE broadcasts SET play_list_status = 'finished' \
                    WHERE type = 'playlist' AND play_list_status = 'broadcasting' AND source_wanted = 0
                    """)
            try db.execute(sql: "UPDATE endpoints SET status = 'finished' WHERE status IN ('broadcasting', 'preparing')")
            return Reconciliation(zombis: zombis, finished: finished)
        }
    }
}

// MARK: Statements

extension BroadcastTable {
    private static func seq(_ db: GRDB.Database, id: String) throws -> Int64? {
        try Int64.fetchOne(db.cachedStatement(sql: "SELECT seq FROM broadcasts WHERE id = ?"), arguments: [id])
    }

    static func page(_ db: GRDB.Database, _ query: BroadcastQuery) throws -> [Int64] {
        var arguments: [DatabaseValue] = []
        if let type = query.type { arguments.append(type.databaseValue) }
        if let needle = query.needle { arguments += [needle.databaseValue, needle.databaseValue] }
        arguments += [query.limit.databaseValue, max(0, query.offset).databaseValue]
        return try Int64.fetchAll(db.cachedStatement(sql: query.sql), arguments: StatementArguments(arguments))
    }

    static let findSQL = "SELECT \(BroadcastRecord.statements.selection), seq FROM broadcasts WHERE id = ?"
    private static let pageSQL = "SELECT \(BroadcastRecord.statements.selection), seq FROM broadcasts WHERE seq = ?"

    private static func fetch(_ db: GRDB.Database, id: String) throws -> (seq: Int64, record: BroadcastRecord)? {
        try Self.fetch(db, db.cachedStatement(sql: Self.findSQL), [id])
    }

    private static func fetch(_ db: GRDB.Database, seq: Int64) throws -> BroadcastRecord? {
        try Self.fetch(db, db.cachedStatement(sql: Self.pageSQL), [seq])?.record
    }

    private static func fetch(
        _ db: GRDB.Database, _ statement: Statement, _ arguments: StatementArguments
    ) throws -> (seq: Int64, record: BroadcastRecord)? {
        let found = try statement.first(arguments) { row in
            var record = BroadcastRecord(id: "", createdAt: 0)
            try BroadcastRecord.statements.fill(&record, from: row)
            return (seq: try row.decode(Int64.self, forColumn: "seq"), record: record)
        }
        guard var found else { return nil }
        found.record.endpoints = try Self.endpoints(db, seq: found.seq)
        return found
    }

    private static func endpoints(_ db: GRDB.Database, seq: Int64) throws -> [EndpointRecord] {
        let sql = """
            SELECT service_id, url, type, status, resolution_height, enabled, adds_silence FROM endpoints \
            WHERE broadcast_seq = ? ORDER BY position
            """
        let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: [seq])
        var endpoints: [EndpointRecord] = []
        while let row = try rows.next() {
            endpoints.append(
                EndpointRecord(
                    serviceID: row[0], url: row[1], type: row[2], status: row[3], resolutionHeight: row[4], isEnabled: row[5], addsSilence: row[6]))
        }
        return endpoints
    }

    private static func insert(_ db: GRDB.Database, _ record: BroadcastRecord) throws {
        let statements = BroadcastRecord.statements
        try db.cachedStatement(sql: statements.insert).execute(arguments: StatementArguments(statements.arguments(of: record)))
        try Self.insert(db, endpoints: record.endpoints, seq: db.lastInsertedRowID)
    }

    private static func insert(_ db: GRDB.Database, endpoints: [EndpointRecord], seq: Int64, from first: Int = 0) throws {
        guard !endpoints.isEmpty else { return }
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO endpoints (broadcast_seq, position, service_id, url, type, status, resolution_height, enabled, adds_silence) \
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        for (position, endpoint) in endpoints.enumerated() {
            try statement.execute(
                arguments: [
                    seq, first + position, endpoint.serviceID, endpoint.url, endpoint.type, endpoint.status, endpoint.resolutionHeight,
                    endpoint.isEnabled, endpoint.addsSilence,
                ])
        }
    }
}
