import Broadcasts
import HTTPTypes
import Outputs

/// `/broadcasts/{id}/endpoint` and its older spelling (contract 1.11).
struct EndpointRoutes: Sendable {
    let service: BroadcastService

    var routes: [APIRoute] {
        [APIRoute(.get, "/endpoint-presets", self.presets)]
            + ["endpoint", "rtmp-endpoint"].flatMap { name in
                [
                    APIRoute(.post, "/broadcasts/{id}/\(name)", self.add),
                    APIRoute(.put, "/broadcasts/{id}/\(name)", self.change),
                    APIRoute(.delete, "/broadcasts/{id}/\(name)", self.remove),
                ]
            }
    }

    @Sendable private func presets(_ call: APICall) -> APIReply {
        APIReply(.ok, JSONList(PlatformPreset.all.map { PlatformPresetDTO(preset: $0) }))
    }

    /// The URL is looked for in the body, under its new and its old name, then in the query.
    @Sendable private func add(_ call: APICall) async throws(APIFault) -> APIReply {
        let id = call.segment("id")
        let body = try await call.body(EndpointRequest.self)
        let height = try call.integer(query: "resolutionHeight") ?? body?.resolutionHeight ?? 0
        let url = body?.url ?? call.query["rtmpUrl"] ?? call.query["endpointUrl"]
        let endpoint = url.map {
            BroadcastChanges.Endpoint(
                url: $0, serviceID: body?.endpointServiceId ?? call.query["endpointServiceId"], resolutionHeight: height, isEnabled: body?.enabled,
                addsSilence: body?.silentAudio)
        }
        return try await attempt(.addEndpoint, id: id) { () async throws(BroadcastError) in
            let serviceID = try await self.service.addEndpoint(id, endpoint)
            return APIReply(.ok, ResultDTO(true, message: nil, dataID: serviceID))
        }
    }

    /// What is wanted of one that is there; its URL and height cannot be changed, but may be said.
    @Sendable private func change(_ call: APICall) async throws(APIFault) -> APIReply {
        let id = call.segment("id")
        let body = try await call.body(EndpointRequest.self)
        let serviceID = call.query["endpointServiceId"] ?? body?.endpointServiceId
        return try await attempt(.changeEndpoint, id: id) { () async throws(BroadcastError) in
            try await self.service.changeEndpoint(id, serviceID: serviceID, body?.endpoint ?? .init(url: ""), height: body?.resolutionHeight)
            return APIReply(.ok, ResultDTO(true))
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
