import GRDB

/// The recordings there are, as far as it takes to decide which of them go.
public struct RecordingStock: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        public var id: String
        public var streamID: String?
        /// The file's name.
        public var name: String?
        /// Milliseconds since 1970.
        public var createdAt: Int64
        public var bytes: Int64

        public init(id: String, streamID: String? = nil, name: String? = nil, createdAt: Int64, bytes: Int64) {
            self.id = id
            self.streamID = streamID
            self.name = name
            self.createdAt = createdAt
            self.bytes = bytes
        }
    }

    /// Oldest first; not all of them.
    public var oldest: [Entry]
    /// Of all of them, but for those that were to be left out.
    public var totalBytes: Int64
    /// The last one that has a file.
    public var newestID: String?

    public init(oldest: [Entry], totalBytes: Int64, newestID: String?) {
        self.oldest = oldest
        self.totalBytes = totalBytes
        self.newestID = newestID
    }
}

extension VodTable {
    /// Finished recordings of streams: neither what was uploaded or imported, nor what is being worked on. `except` names ids to be left out:
    /// of those that are among the oldest, as all are that were in such a list before.
    public func recordings(atMost limit: Int, except: Set<String> = []) throws(StoreError) -> RecordingStock {
        let kind = VodRecord.Kind.stream.rawValue
        let condition = "type = ? AND (process_status IS NULL OR process_status IN ('finished', 'failed'))"
        return try self.database.read { db in
            let list = try db.cachedStatement(
                sql: "SELECT id, stream_id, name, created_at, file_size FROM vods INDEXED BY vods_by_date WHERE \(condition) "
                    + "ORDER BY created_at, seq LIMIT ?")
            let rows = try Row.fetchCursor(list, arguments: [kind, limit + except.count])
            var oldest: [RecordingStock.Entry] = []
            var leftOut: Int64 = 0
            while let row = try rows.next() {
                let id = try row.decode(String.self, atIndex: 0)
                if except.contains(id) { leftOut += try max(0, row.decode(Int64.self, atIndex: 4)) }
                guard oldest.count < limit, !except.contains(id) else { continue }
                oldest.append(
                    .init(
                        id: id, streamID: try row.decode(String?.self, atIndex: 1), name: try row.decode(String?.self, atIndex: 2),
                        createdAt: try row.decode(Int64.self, atIndex: 3), bytes: try row.decode(Int64.self, atIndex: 4)))
            }
            let newest = try db.cachedStatement(
                sql: "SELECT id FROM vods INDEXED BY vods_by_date WHERE \(condition) AND process_status IS NOT 'failed' "
                    + "ORDER BY created_at DESC, seq DESC LIMIT 1")
            let sum = try db.cachedStatement(sql: "SELECT coalesce(sum(file_size), 0) FROM vods WHERE \(condition)")
            return RecordingStock(
                oldest: oldest, totalBytes: max(0, (try Int64.fetchOne(sum, arguments: [kind]) ?? 0) - leftOut),
                newestID: try String.fetchOne(newest, arguments: [kind]))
        }
    }
}
