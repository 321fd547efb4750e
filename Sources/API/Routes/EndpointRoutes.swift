import Broadcasts
import HTTPTypes

/// `/broadcasts/{id}/endpoint` and its older spelling (contract 1.11).
struct EndpointRoutes: Sendable {
    let service: BroadcastService

    var routes: [APIRoute] {
        ["endpoint", "rtmp-endpoint"].flatMap { name in
            [
                APIRoute(.post, "/broadcasts/{id}/\(name)", self.add),
                APIRoute(.delete, "/broadcasts/{id}/\(name)", self.remove),
            ]
        }
    }

    /// The URL is looked for in the body, under its new and its old name, then in the query.
    @Sendable private func add(_ call: APICall) async throws(APIFault) -> APIReply {
        let id = call.segment("id")
        let body = try await call.body(EndpointRequest.self)
        let height = try call.integer(query: "resolutionHeight") ?? body?.resolutionHeight ?? 0
        let url = body?.url ?? call.query["rtmpUrl"] ?? call.query["endpointUrl"]
        let endpoint = url.map {
            BroadcastChanges.Endpoint(
                url: $0, serviceID: body?.endpointServiceId ?? call.query["endpointServiceId"], resolutionHeight: height)
        }
        return try await attempt(.addEndpoint, id: id) { () async throws(BroadcastError) in
            let serviceID = try await self.service.addEndpoint(id, endpoint)
            return APIReply(.ok, ResultDTO(true, message: nil, dataID: serviceID))
        }
    }

    @Sendable private func remove(_ call: APICall) async throws(APIFault) -> APIReply {
        let id = call.segment("id")
        let serviceID = call.query["endpointServiceId"]
        let height = try call.integer(query: "resolutionHeight") ?? 0
        return try await attempt(.removeEndpoint, id: id) { () async throws(BroadcastError) in
            try await self.service.removeEndpoint(id, serviceID: serviceID, height: height)
            return APIReply(.ok, ResultDTO(true))
        }
    }
}
