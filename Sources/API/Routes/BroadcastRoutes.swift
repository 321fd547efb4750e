import Broadcasts
import HTTPTypes
import Store

/// `/broadcasts`: creating, reading, changing, deleting and recording (contract 1.1–1.6, 1.10).
struct BroadcastRoutes: Sendable {
    let service: BroadcastService
    let presenter: BroadcastPresenter

    var routes: [APIRoute] {
        [
            APIRoute(.post, "/broadcasts/create", self.create),
            APIRoute(.get, "/broadcasts/list/{offset}/{size}", self.list),
            APIRoute(.get, "/broadcasts/filter-list/{offset}/{size}/{type}", self.filterList),
            APIRoute(.delete, "/broadcasts", self.deleteListed),
            APIRoute(.delete, "/broadcasts/bulk", self.deleteBulk),
            APIRoute(.get, "/broadcasts/{id}", self.get),
            APIRoute(.put, "/broadcasts/{id}", self.update),
            APIRoute(.delete, "/broadcasts/{id}", self.delete),
            APIRoute(.put, "/broadcasts/{id}/recording/{recording-status}", self.record),
        ]
    }

    @Sendable private func create(_ call: APICall) async throws(APIFault) -> APIReply {
        let changes = try await call.body(BroadcastRequest.self)?.changes
        guard call.boolean(query: "autoStart", default: false) else {
            return try await attempt(.create, id: "") { () async throws(BroadcastError) in
                APIReply(.ok, self.presenter.show(try await self.service.create(changes ?? BroadcastChanges()), to: call))
            }
        }
        return try await attempt(.createAndStart, id: "") { () async throws(BroadcastError) in
            APIReply(.ok, ResultDTO(true, dataID: try await self.service.createAndStart(changes)))
        }
    }

    @Sendable private func get(_ call: APICall) throws(APIFault) -> APIReply {
        let id = call.segment("id")
        let view = try attempt(.read, id: id) { () throws(BroadcastError) in try self.service.find(id) }
        guard let view else { return APIReply(.notFound) }
        return APIReply(.ok, self.presenter.show(view, to: call))
    }

    @Sendable private func list(_ call: APICall) throws(APIFault) -> APIReply {
        try self.page(call, type: call.query["type_by"])
    }

    @Sendable private func filterList(_ call: APICall) throws(APIFault) -> APIReply {
        try self.page(call, type: call.segment("type"))
    }

    private func page(_ call: APICall, type: String?) throws(APIFault) -> APIReply {
        let page = try PageRequest(call)
        let query = BroadcastQuery(
            type: type.flatMap { $0.isEmpty ? nil : $0 }, search: call.query["search"],
            order: page.sortBy.flatMap { BroadcastQuery.Order(rawValue: $0) }, descending: page.descending, offset: page.offset, limit: page.size)
        let views = try attempt(.read, id: "") { () throws(BroadcastError) in try self.service.list(query) }
        return APIReply(.ok, JSONList(views.map { self.presenter.show($0, to: call) }))
    }

    @Sendable private func update(_ call: APICall) async throws(APIFault) -> APIReply {
        let id = call.segment("id")
        let changes = try await call.body(BroadcastRequest.self)?.changes
        return try await attempt(.update, id: id) { () async throws(BroadcastError) in
            try await self.service.update(id, changes)
            return APIReply(.ok, ResultDTO(true))
        }
    }

    @Sendable private func delete(_ call: APICall) async throws(APIFault) -> APIReply {
        let id = call.segment("id")
        let withSubtracks = call.boolean(query: "deleteSubtracks", default: true)
        return try await attempt(.delete, id: id) { () async throws(BroadcastError) in
            APIReply(.ok, Self.deleted(wasLive: try await self.service.delete(id, withSubtracks: withSubtracks)))
        }
    }

    private static func deleted(wasLive: Bool) -> ResultDTO {
        ResultDTO(true, message: wasLive ? "broadcast is deleted and stopped successfully" : "broadcast is deleted but could not stopped ")
    }

    @Sendable private func deleteListed(_ call: APICall) async throws(APIFault) -> APIReply {
        try await self.deleteAll(BulkRequest.ids(in: call.query["ids"]))
    }

    /// The older spelling: an array of ids in the body, or the newer one's query.
    @Sendable private func deleteBulk(_ call: APICall) async throws(APIFault) -> APIReply {
        guard let ids = try await call.body([String].self) else { return try await self.deleteListed(call) }
        guard !ids.isEmpty else { return APIReply(.ok, ResultDTO(false)) }
        return try await self.deleteAll(ids)
    }

    /// Goes on after a failure, and says at the end which ones failed.
    private func deleteAll(_ ids: [String]) async throws(APIFault) -> APIReply {
        guard !ids.isEmpty else { return APIReply(.ok, ResultDTO(false, message: "ids parameter is blank")) }
        var failed: [String] = []
        var last = ResultDTO(true)
        for id in ids {
            do throws(BroadcastError) {
                last = Self.deleted(wasLive: try await self.service.delete(id, withSubtracks: false))
            } catch .unknownBroadcast {
                failed.append(id)
            } catch {
                throw .broadcast(error, .delete, id: id)
            }
        }
        return APIReply(.ok, failed.isEmpty ? last : BulkRequest.result(failed: failed))
    }

    @Sendable private func record(_ call: APICall) async throws(APIFault) -> APIReply {
        let id = call.segment("id")
        let isWanted = APICall.boolean(call.segment("recording-status"))
        let type = call.query["recordType"].flatMap { $0.isEmpty ? nil : $0 } ?? "mp4"
        let height = max(0, try call.integer(query: "resolutionHeight") ?? 0)
        let fileName = call.query["fileName"] ?? call.query["baseFileName"]
        return try await attempt(.record, id: id) { () async throws(BroadcastError) in
            let ticket = try await self.service.setRecording(id, isWanted, type: type, height: height, fileName: fileName)
            return APIReply(.ok, ResultDTO(true, message: ticket.map { String($0.startedAt) }, dataID: ticket?.vodID))
        }
    }
}

/// Runs something of the service, and keeps with its error what the contract's words for it depend on.
func attempt<Value>(_ operation: APIOperation, id: String, _ body: () throws(BroadcastError) -> Value) throws(APIFault) -> Value {
    do throws(BroadcastError) { return try body() } catch { throw .broadcast(error, operation, id: id) }
}

func attempt<Value>(
    _ operation: APIOperation, id: String, _ body: () async throws(BroadcastError) -> Value
) async throws(APIFault) -> Value {
    do throws(BroadcastError) { return try await body() } catch { throw .broadcast(error, operation, id: id) }
}
