import GRDB

/// How far the work on a file of the library is, as `VodRecord.processStatus` has it (contract 2.5).
public enum VodProcess: String, Sendable, CaseIterable {
    case queued = "inqueue"
    case processing
    case finished
    case failed

    /// Somebody is at work on it, or will be.
    public var isUnfinished: Bool { self == .queued || self == .processing }
}

extension VodRecord {
    public var process: VodProcess? { self.processStatus.flatMap { VodProcess(rawValue: $0) } }
}

/// What uploads, imports and conversions do to the library.
extension VodTable {
    /// Applies a change to a row.
    /// - Returns: the row as it is then; nil when it is gone.
    @discardableResult
    public func update(_ id: String, _ change: @escaping @Sendable (inout VodRecord) -> Void) async throws(StoreError) -> VodRecord? {
        try await self.database.write { db in
            guard var vod = try Self.fetch(db, "id", id.databaseValue) else { return nil }
            change(&vod)
            let statements = VodRecord.statements
            let arguments = try statements.arguments(of: vod) + [id.databaseValue]
            try db.cachedStatement(sql: "UPDATE vods SET \(statements.assignments) WHERE id = ?").execute(arguments: StatementArguments(arguments))
            return vod
        }
    }

    /// All or none.
    /// - Throws: `.duplicate` when an id is taken.
    public func insert(_ vods: [VodRecord]) async throws(StoreError) {
        try await self.database.write { db in
            for vod in vods { try Self.insert(db, vod) }
        }
    }

    /// Those whose work was begun and not ended, oldest first.
    public func unfinished() throws(StoreError) -> [VodRecord] {
        try self.database.read { db in
            let sql = "SELECT seq FROM vods WHERE process_status IN ('inqueue', 'processing') ORDER BY seq"
            return try Int64.fetchAll(db, sql: sql).compactMap { try Self.fetch(db, "seq", $0.databaseValue) }
        }
    }

    /// Removes the rows of imported files whose paths begin with `folder`, which ends with a slash. The files are nobody's business here.
    /// - Returns: their ids.
    public func deleteImported(below folder: String) async throws(StoreError) -> [String] {
        // The first text behind all that begin so: a slash is followed by a zero.
        let end = folder.dropLast() + "0"
        let condition = "WHERE file_path IS NOT NULL AND file_path >= ? AND file_path < ? AND type = ?"
        return try await self.database.write { db in
            let arguments: StatementArguments = [folder, String(end), VodRecord.Kind.imported.rawValue]
            let ids = try String.fetchAll(db, sql: "SELECT id FROM vods \(condition) ORDER BY file_path", arguments: arguments)
            try db.cachedStatement(sql: "DELETE FROM vods \(condition)").execute(arguments: arguments)
            return ids
        }
    }
}
