import GRDB

/// Which VoDs a page shows, and in which order.
public struct VodQuery: Sendable, Equatable {
    public enum Order: String, Sendable, CaseIterable {
        case name
        case date
    }

    public var streamID: String?
    /// Part of the id, names, stream id, description or metadata, without regard to case; nil or empty for all.
    public var search: String?
    /// Nil is the order of creation.
    public var order: Order?
    public var descending: Bool
    public var offset: Int
    public var limit: Int

    public init(streamID: String? = nil, search: String? = nil, order: Order? = nil, descending: Bool = false, offset: Int, limit: Int) {
        self.streamID = streamID
        self.search = search
        self.order = order
        self.descending = descending
        self.offset = offset
        self.limit = limit
    }

    var needle: String? {
        guard let search, !search.isEmpty else { return nil }
        return folded(search)
    }

    /// As `BroadcastQuery.sql`. Placeholders in order: stream id, needle, limit, offset.
    var sql: String {
        let index: String
        switch (self.needle, self.streamID, self.order) {
        case (.some, _, _), (nil, nil, nil): index = "vods_search"
        case (nil, .some, nil): index = "vods_by_stream"
        case (nil, nil, .name): index = "vods_by_name"
        case (nil, nil, .date): index = "vods_by_date"
        case (nil, .some, .name): index = "vods_by_stream_name"
        case (nil, .some, .date): index = "vods_by_stream_date"
        }
        let direction = self.descending ? " DESC" : ""
        let order =
            switch self.order {
            case .name: "name_folded\(direction), seq\(direction)"
            case .date: "created_at\(direction), seq\(direction)"
            case nil: "seq"
            }
        let conditions = Self.conditions(streamID: self.streamID != nil, search: self.needle != nil)
        return "SELECT seq FROM vods INDEXED BY \(index)\(conditions) ORDER BY \(order) LIMIT ? OFFSET ?"
    }

    static func conditions(streamID: Bool, search: Bool) -> String {
        var conditions: [String] = []
        if streamID { conditions.append("stream_id = ?") }
        if search { conditions.append("instr(search_text, ?) > 0") }
        return conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
    }
}

/// The finished recordings and other files.
public struct VodTable: Sendable {
    let database: Database

    public func find(_ id: String) throws(StoreError) -> VodRecord? {
        try self.database.read { db in try Self.fetch(db, "id", id.databaseValue) }
    }

    /// The VoD whose file lies at `path`, which is as in `VodRecord.filePath`.
    public func find(path: String) throws(StoreError) -> VodRecord? {
        try self.database.read { db in try Self.fetch(db, "file_path", path.databaseValue) }
    }

    /// One page. A negative offset counts as 0; a limit below 1 gives nothing.
    public func list(_ query: VodQuery) throws(StoreError) -> [VodRecord] {
        guard query.limit > 0 else { return [] }
        return try self.database.read { db in
            var arguments = [query.streamID, query.needle].compactMap { $0?.databaseValue }
            arguments += [query.limit.databaseValue, max(0, query.offset).databaseValue]
            let page = try Int64.fetchAll(db.cachedStatement(sql: query.sql), arguments: StatementArguments(arguments))
            return try page.compactMap { try Self.fetch(db, "seq", $0.databaseValue) }
        }
    }

    public func count(search: String? = nil) throws(StoreError) -> Int {
        let needle = search.flatMap { $0.isEmpty ? nil : folded($0) }
        let index = needle == nil ? "vods_by_date" : "vods_search"
        let sql = "SELECT count(*) FROM vods INDEXED BY \(index)" + VodQuery.conditions(streamID: false, search: needle != nil)
        return try self.database.read { db in
            try Int.fetchOne(db.cachedStatement(sql: sql), arguments: StatementArguments([needle].compactMap { $0 })) ?? 0
        }
    }

    /// - Throws: `.duplicate` when the id is taken.
    public func insert(_ vod: VodRecord) async throws(StoreError) {
        try await self.database.write { db in try Self.insert(db, vod) }
    }

    /// Removes a row and gives back what it was; the file is the caller's business.
    public func delete(_ id: String) async throws(StoreError) -> VodRecord? {
        try await self.database.write { db in
            guard let vod = try Self.fetch(db, "id", id.databaseValue) else { return nil }
            try db.cachedStatement(sql: "DELETE FROM vods WHERE id = ?").execute(arguments: [id])
            return vod
        }
    }

    static func insert(_ db: GRDB.Database, _ vod: VodRecord) throws {
        let statements = VodRecord.statements
        try db.cachedStatement(sql: statements.insert).execute(arguments: StatementArguments(statements.arguments(of: vod)))
    }

    static func fetch(_ db: GRDB.Database, _ key: String, _ value: DatabaseValue) throws -> VodRecord? {
        let statement = try db.cachedStatement(sql: "SELECT \(VodRecord.statements.selection) FROM vods WHERE \(key) = ?")
        return try statement.first([value]) { row in
            var vod = VodRecord(id: "", streamID: nil, kind: .stream, createdAt: 0)
            try VodRecord.statements.fill(&vod, from: row)
            return vod
        }
    }
}
