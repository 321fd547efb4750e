import GRDB

/// What is to be pulled. The writes are single small updates: they happen at every start, stop and change of item.
extension BroadcastTable {
    // MARK: At a start of the process

    /// The ids of what was started and not stopped, oldest first.
    public func wantedSources() throws(StoreError) -> [String] {
        try self.ids("INDEXED BY broadcasts_wanted WHERE source_wanted = 1")
    }

    /// The ids of all cameras and stream sources but those that wait for viewers, oldest first.
    public func permanentSources() throws(StoreError) -> [String] {
        try self.ids("INDEXED BY broadcasts_by_type WHERE type IN ('ipCamera', 'streamSource') AND auto_start_stop = 0")
    }

    /// The ids of what the first viewer starts.
    public func sourcesForViewers() throws(StoreError) -> [String] {
        try self.ids("INDEXED BY broadcasts_for_viewers WHERE auto_start_stop = 1")
    }

    /// The ids of the playlists with a planned start or end, in the past or to come.
    public func plannedPlaylists() throws(StoreError) -> [String] {
        try self.ids("INDEXED BY broadcasts_planned WHERE (planned_start > 0 OR planned_end > 0) AND type = 'playlist'")
    }

    /// What the broadcasts may have whose viewers are limited, over HLS or DASH.
    public func viewerLimits() throws(StoreError) -> [(id: String, limits: BroadcastRecord.Limits)] {
        try self.database.read { db in
            let sql = "SELECT id, hls_viewer_limit, dash_viewer_limit FROM broadcasts WHERE hls_viewer_limit >= 0 OR dash_viewer_limit >= 0"
            return try Row.fetchAll(db.cachedStatement(sql: sql)).map { row in
                var limits = BroadcastRecord.Limits()
                limits.hlsViewers = row[1]
                limits.dashViewers = row[2]
                return (id: row[0], limits: limits)
            }
        }
    }

    private func ids(_ clause: String) throws(StoreError) -> [String] {
        try self.database.read { db in try String.fetchAll(db.cachedStatement(sql: "SELECT id FROM broadcasts \(clause) ORDER BY seq")) }
    }

    // MARK: While it runs

    /// Notes a start; false when there is no such broadcast.
    /// - Parameters:
    ///   - isWanted: also after a restart of the process.
    ///   - now: the run's start until it is live.
    public func sourceStarted(_ id: String, isWanted: Bool, now: Int64) async throws(StoreError) -> Bool {
        try await self.change(
            id,
            """
            UPDATE broadcasts SET source_wanted = ?, started_at = ?, \
            play_list_status = CASE type WHEN 'playlist' THEN 'broadcasting' ELSE play_list_status END WHERE id = ?
            """, [isWanted, now, id])
    }

    /// Notes that it is not wanted any more, and finished.
    /// - Parameter index: where a playlist begins next time; nil for where it is.
    @discardableResult
    public func sourceStopped(_ id: String, index: Int? = nil) async throws(StoreError) -> Bool {
        try await self.change(
            id,
            """
            UPDATE broadcasts SET source_wanted = 0, status = 'finished', current_play_index = coalesce(?, current_play_index), \
            play_list_status = CASE type WHEN 'playlist' THEN 'finished' ELSE play_list_status END WHERE id = ?
            """, [index, id])
    }

    /// Notes which item of a playlist is played.
    @discardableResult
    public func setPlayIndex(_ index: Int, of id: String) async throws(StoreError) -> Bool {
        try await self.change(id, "UPDATE broadcasts SET current_play_index = ? WHERE id = ?", [index, id])
    }

    /// Notes that a planned start has been seen to.
    @discardableResult
    public func plannedStartDone(_ plannedStart: Int64, of id: String) async throws(StoreError) -> Bool {
        try await self.change(id, "UPDATE broadcasts SET planned_start_done = ? WHERE id = ?", [plannedStart, id])
    }

    private func change(_ id: String, _ sql: String, _ arguments: StatementArguments) async throws(StoreError) -> Bool {
        try await self.write(of: id) { db in
            try db.cachedStatement(sql: sql).execute(arguments: arguments)
            return db.changesCount > 0
        }
    }
}
