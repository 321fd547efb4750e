import Broadcasts
import HTTPTypes
import Store

/// `/vods`: the recordings made (contract 1.23).
struct VodRoutes: Sendable {
    let service: BroadcastService

    var routes: [APIRoute] {
        [
            APIRoute(.get, "/vods/list/{offset}/{size}", self.list),
            APIRoute(.get, "/vods/count", self.count),
            APIRoute(.get, "/vods/count/{search}", self.count),
            APIRoute(.delete, "/vods", self.deleteListed),
            APIRoute(.delete, "/vods/bulk", self.deleteBulk),
            APIRoute(.get, "/vods/{id}", self.get),
            APIRoute(.delete, "/vods/{id}", self.delete),
        ]
    }

    /// Items on a page.
    private static let longestPage = 250

    private func dto(of vod: VodRecord) -> VodDTO { VodDTO(record: vod, percent: self.service.percentDone(ofVod: vod.id)) }

    private func show(_ vod: VodRecord?) -> APIReply { APIReply(.ok, vod.map { self.dto(of: $0) } ?? VodDTO()) }

    /// An unknown one is an empty object, by contract.
    @Sendable private func get(_ call: APICall) throws(APIFault) -> APIReply {
        let id = call.segment("id")
        return try attempt(.read, id: id) { () throws(BroadcastError) in self.show(try self.service.findVod(id)) }
    }

    @Sendable private func list(_ call: APICall) throws(APIFault) -> APIReply {
        let page = try PageRequest(call, most: Self.longestPage)
        let query = VodQuery(
            streamID: call.query["streamId"].flatMap { $0.isEmpty ? nil : $0 }, search: call.query["search"],
            order: page.sortBy.flatMap { VodQuery.Order(rawValue: $0) }, descending: page.descending, offset: page.offset, limit: page.size)
        let vods = try attempt(.read, id: "") { () throws(BroadcastError) in try self.service.listVods(query) }
        return APIReply(.ok, JSONList(vods.map { self.dto(of: $0) }))
    }

    @Sendable private func count(_ call: APICall) throws(APIFault) -> APIReply {
        let search = call.segment("search")
        return try attempt(.read, id: "") { () throws(BroadcastError) in
            APIReply(.ok, SimpleStatDTO(number: try self.service.countVods(search: search)))
        }
    }

    @Sendable private func delete(_ call: APICall) async throws(APIFault) -> APIReply {
        let id = call.segment("id")
        return try await attempt(.deleteVod, id: id) { () async throws(BroadcastError) in
            try await self.service.deleteVod(id)
            return APIReply(.ok, Self.deleted)
        }
    }

    private static let deleted = ResultDTO(true, message: "vod deleted")

    @Sendable private func deleteListed(_ call: APICall) async throws(APIFault) -> APIReply {
        try await self.deleteAll(BulkRequest.ids(in: call.query["ids"]))
    }

    @Sendable private func deleteBulk(_ call: APICall) async throws(APIFault) -> APIReply {
        guard let ids = try await call.body([String].self) else { return try await self.deleteListed(call) }
        guard !ids.isEmpty else { return APIReply(.ok, ResultDTO(false)) }
        return try await self.deleteAll(ids)
    }

    /// Goes on after a failure, and says at the end which ones failed.
    private func deleteAll(_ ids: [String]) async throws(APIFault) -> APIReply {
        guard !ids.isEmpty else {
            let message = "ids parameter is blank. Please give comma-separated vod ids to the 'ids' as query parameter"
            return APIReply(.ok, ResultDTO(false, message: message))
        }
        var failed: [String] = []
        for id in ids {
            do throws(BroadcastError) {
                try await self.service.deleteVod(id)
            } catch {
                if case .store = error { throw .broadcast(error, .deleteVod, id: id) }
                failed.append(id)
            }
        }
        return APIReply(.ok, failed.isEmpty ? Self.deleted : BulkRequest.result(failed: failed))
    }
}
