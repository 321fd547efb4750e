import Broadcasts
import HTTPTypes
import Streams

/// Counts, viewers and what a stream is made of (contract 1.7, 1.12, 1.13).
struct StatisticsRoutes: Sendable {
    let service: BroadcastService

    var routes: [APIRoute] {
        [
            APIRoute(.get, "/broadcasts/count", self.count),
            APIRoute(.get, "/broadcasts/count/{search}", self.count),
            APIRoute(.get, "/broadcasts/active-live-stream-count", self.active),
            APIRoute(.get, "/broadcasts/total-broadcast-statistics", self.total),
            APIRoute(.get, "/broadcasts/{id}/broadcast-statistics", self.viewers),
            APIRoute(.get, "/broadcasts/{id}/stream-info", self.streamInfo),
        ]
    }

    @Sendable private func count(_ call: APICall) throws(APIFault) -> APIReply {
        let search = call.segment("search")
        return try attempt(.read, id: "") { () throws(BroadcastError) in
            APIReply(.ok, SimpleStatDTO(number: try self.service.count(search: search)))
        }
    }

    @Sendable private func active(_ call: APICall) -> APIReply {
        APIReply(.ok, SimpleStatDTO(number: self.service.activeCount()))
    }

    @Sendable private func total(_ call: APICall) -> APIReply {
        APIReply(.ok, StatisticsDTO(viewers: self.service.totalViewers(), isTotal: true))
    }

    @Sendable private func viewers(_ call: APICall) throws(APIFault) -> APIReply {
        let id = call.segment("id")
        return try attempt(.read, id: id) { () throws(BroadcastError) in
            APIReply(.ok, StatisticsDTO(viewers: try self.service.viewers(of: id), isTotal: false))
        }
    }

    @Sendable private func streamInfo(_ call: APICall) throws(APIFault) -> APIReply {
        let id = call.segment("id")
        let streams = try attempt(.read, id: id) { () throws(BroadcastError) in try self.service.streams(of: id) }
        return APIReply(.ok, JSONList(streams.map { StreamInfoDTO(snapshot: $0) }))
    }
}
