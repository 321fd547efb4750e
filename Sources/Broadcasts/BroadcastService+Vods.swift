public import Store

extension BroadcastService {
    public func findVod(_ id: String) throws(BroadcastError) -> VodRecord? {
        guard !id.utf8.contains(0) else { return nil }
        return try stored { () throws(StoreError) in try self.database.vods.find(id) }
    }

    public func listVods(_ query: VodQuery) throws(BroadcastError) -> [VodRecord] {
        guard !(query.search ?? "").utf8.contains(0), !(query.streamID ?? "").utf8.contains(0) else { return [] }
        return try stored { () throws(StoreError) in try self.database.vods.list(query) }
    }

    public func countVods(search: String? = nil) throws(BroadcastError) -> Int {
        guard !(search ?? "").utf8.contains(0) else { return 0 }
        return try stored { () throws(StoreError) in try self.database.vods.count(search: search) }
    }

    /// How much of the work on a VoD is done, 0…100; nil: nobody works on it.
    public func percentDone(ofVod id: String) -> Int? { self.library.percent(of: id) ?? self.ledger.board.percent(of: id) }

    /// Removes a VoD and its file. A file that is gone already does not matter; one that cannot be removed keeps the row. What was imported is the
    /// user's own and stays; work on it ends.
    public func deleteVod(_ id: String) async throws(BroadcastError) {
        guard !id.utf8.contains(0) else { throw .unknownVod }
        self.library.jobs.cancel(id)
        try await self.remover.remove(id, outsider: .isForgotten)
    }

    /// Makes a VoD of what live HLS has of a broadcast; see `VodLibrary.convertHLS`.
    public func convertHLS(_ name: String, removesSegments: Bool) async throws(BroadcastError) -> VodRecord {
        try await self.library.convertHLS(
            name, streamName: { id throws(BroadcastError) in try self.record(id)?.about.name }, removesSegments: removesSegments)
    }
}
