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

    /// Removes a VoD and its file. A file that is gone already does not matter; one that cannot be removed keeps the row.
    public func deleteVod(_ id: String) async throws(BroadcastError) {
        guard !id.utf8.contains(0) else { throw .unknownVod }
        try await self.remover.remove(id, outsider: .isForgotten)
    }
}
