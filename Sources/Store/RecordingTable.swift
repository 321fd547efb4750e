import GRDB

/// A recording that is being written, with all that its VoD will need: the broadcast may be gone when it ends.
public struct UnfinishedRecording: Sendable, Equatable {
    /// The id that the VoD will have.
    public var vodID: String
    public var streamID: String
    /// Absolute.
    public var temporaryPath: String
    /// Absolute.
    public var directory: String
    /// Without extension.
    public var baseName: String
    public var format: String
    /// Milliseconds since 1970.
    public var startedAt: Int64
    public var streamName: String?
    public var description: String?
    public var metadata: String?
    public var latitude: String?
    public var longitude: String?
    public var altitude: String?

    public init(
        vodID: String, streamID: String, temporaryPath: String, directory: String, baseName: String, format: String, startedAt: Int64
    ) {
        self.vodID = vodID
        self.streamID = streamID
        self.temporaryPath = temporaryPath
        self.directory = directory
        self.baseName = baseName
        self.format = format
        self.startedAt = startedAt
    }

    static let statements = TableStatements<UnfinishedRecording>(
        table: "recordings",
        columns: [
            StoredColumn("vod_id", \.vodID),
            StoredColumn("stream_id", \.streamID),
            StoredColumn("temporary_path", \.temporaryPath),
            StoredColumn("directory", \.directory),
            StoredColumn("base_name", \.baseName),
            StoredColumn("format", \.format),
            StoredColumn("started_at", \.startedAt),
            StoredColumn("stream_name", \.streamName),
            StoredColumn("description", \.description),
            StoredColumn("metadata", \.metadata),
            StoredColumn("latitude", \.latitude),
            StoredColumn("longitude", \.longitude),
            StoredColumn("altitude", \.altitude),
        ])
}

/// The recordings that are under way, so that a process that dies leaves a note of them.
public struct RecordingTable: Sendable {
    let database: Database

    public func all() throws(StoreError) -> [UnfinishedRecording] {
        try self.database.read { db in
            let sql = "SELECT \(UnfinishedRecording.statements.selection) FROM recordings ORDER BY started_at, vod_id"
            let rows = try Row.fetchCursor(db.cachedStatement(sql: sql))
            var recordings: [UnfinishedRecording] = []
            while let row = try rows.next() {
                var recording = UnfinishedRecording(
                    vodID: "", streamID: "", temporaryPath: "", directory: "", baseName: "", format: "", startedAt: 0)
                try UnfinishedRecording.statements.fill(&recording, from: row)
                recordings.append(recording)
            }
            return recordings
        }
    }

    /// - Throws: `.duplicate` when the id is taken.
    public func begin(_ recording: UnfinishedRecording) async throws(StoreError) {
        try await self.database.write { db in
            let statements = UnfinishedRecording.statements
            try db.cachedStatement(sql: statements.insert).execute(arguments: StatementArguments(statements.arguments(of: recording)))
        }
    }

    /// Only what is a recording's before it has a file.
    private static let unlisting = "DELETE FROM vods WHERE id = ? AND process_status IS NOT NULL AND file_path IS NULL"

    /// Shows a recording as the VoD that it will be; one that is shown already, also by an earlier process, becomes this.
    public func list(_ vod: VodRecord) async throws(StoreError) {
        try await self.database.write { db in
            try db.cachedStatement(sql: Self.unlisting).execute(arguments: [vod.id])
            try VodTable.insert(db, vod)
        }
    }

    /// Shows it no longer; its note stays.
    public func unlist(_ vodID: String) async throws(StoreError) {
        try await self.database.write { db in try db.cachedStatement(sql: Self.unlisting).execute(arguments: [vodID]) }
    }

    /// Turns a recording into a VoD, or, without one, forgets it, in one transaction.
    /// - Parameter isListed: it is shown already. If it is not any more, somebody has deleted it: then there is no VoD, and the note stays.
    /// - Returns: whether there is a VoD now.
    @discardableResult
    public func finish(_ vodID: String, as vod: VodRecord?, isListed: Bool = false) async throws(StoreError) -> Bool {
        try await self.database.write { db in
            try db.cachedStatement(sql: Self.unlisting).execute(arguments: [vodID])
            if vod != nil, isListed, db.changesCount == 0 { return false }
            try db.cachedStatement(sql: "DELETE FROM recordings WHERE vod_id = ?").execute(arguments: [vodID])
            guard let vod else { return false }
            try VodTable.insert(db, vod)
            return true
        }
    }
}
