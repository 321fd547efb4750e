import GRDB

extension VodTable {
    /// Notes where the poster is, below the data directory's URL; nil: there is none. Does nothing for unknown ids, nor where it is noted so already.
    public func setPreview(_ path: String?, of id: String) async throws(StoreError) {
        try await self.database.write { db in
            try db.cachedStatement(sql: "UPDATE vods SET preview_path = ? WHERE id = ? AND preview_path IS NOT ?").execute(arguments: [
                path, id, path,
            ])
        }
    }
}
