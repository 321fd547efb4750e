import Broadcasts
import Gateways
import HTTPTypes

/// What the server fetches itself: starting and stopping, going elsewhere within it, and how it goes (contract 1.8, 1.9, 1.14–1.17).
struct SourceRoutes: Sendable {
    let service: BroadcastService

    var routes: [APIRoute] {
        [
            APIRoute(.post, "/broadcasts/{id}/start", self.start),
            APIRoute(.post, "/broadcasts/{id}/stop", self.stop),
            APIRoute(.put, "/broadcasts/{id}/seek-time/{seekTimeMs}", self.seek),
            APIRoute(.post, "/broadcasts/playlists/{id}/next", self.next),
            APIRoute(.get, "/broadcasts/{streamId}/ip-camera-error", self.cameraError),
            APIRoute(.get, "/broadcasts/duration", self.duration),
        ]
    }

    @Sendable private func start(_ call: APICall) async throws(APIFault) -> APIReply {
        let id = call.segment("id")
        return try await attempt(.start, id: id) { () async throws(BroadcastError) in
            let started = try await self.service.startPull(id)
            return APIReply(.ok, ResultDTO(true, dataID: started == .playlist ? "" : id))
        }
    }

    @Sendable private func stop(_ call: APICall) async throws(APIFault) -> APIReply {
        let id = call.segment("id")
        let withSubtracks = call.boolean(query: "stopSubtracks", default: true)
        return try await attempt(.stop, id: id) { () async throws(BroadcastError) in
            let stopped = try await self.service.stop(id, withSubtracks: withSubtracks)
            return APIReply(.ok, ResultDTO(true, message: stopped == .source ? "Stream stopped" : ""))
        }
    }

    @Sendable private func seek(_ call: APICall) throws(APIFault) -> APIReply {
        let id = call.segment("id")
        let time = try call.integer("seekTimeMs")
        return try attempt(.seek, id: id) { () throws(BroadcastError) in
            try self.service.seek(id, toMilliseconds: Int64(time))
            return APIReply(.ok, ResultDTO(true))
        }
    }

    @Sendable private func next(_ call: APICall) throws(APIFault) -> APIReply {
        let id = call.segment("id")
        let index = try call.integer(query: "index")
        return try attempt(.nextItem, id: id) { () throws(BroadcastError) in
            try self.service.nextItem(id, index: index)
            return APIReply(.ok, ResultDTO(true, dataID: id))
        }
    }

    @Sendable private func cameraError(_ call: APICall) throws(APIFault) -> APIReply {
        let id = call.segment("streamId")
        return try attempt(.cameraError, id: id) { () throws(BroadcastError) in
            guard let failure = try self.service.ipCameraError(id) else { return APIReply(.ok, ResultDTO(true)) }
            return APIReply(.ok, ResultDTO(false, message: failure.text))
        }
    }

    @Sendable private func duration(_ call: APICall) async throws(APIFault) -> APIReply {
        let url = call.query["url"] ?? ""
        return try await attempt(.duration, id: "") { () async throws(BroadcastError) in
            APIReply(.ok, ResultDTO(true, dataID: String(try await self.service.duration(ofURL: url))))
        }
    }
}
