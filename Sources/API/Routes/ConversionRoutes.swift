import Broadcasts
import HTTPTypes
import Store

/// `/broadcasts/{name}/hls-to-mp4` (contract 1.21).
struct ConversionRoutes: Sendable {
    let service: BroadcastService

    var routes: [APIRoute] { [APIRoute(.post, "/broadcasts/{name}/hls-to-mp4", self.convert)] }

    @Sendable private func convert(_ call: APICall) async throws(APIFault) -> APIReply {
        let name = call.segment("name")
        let wantsFile = call.boolean(query: "download", default: false)
        let removesSegments = call.boolean(query: "deleteHLSFiles", default: false)
        return try await attempt(.convertHLS, id: name) { () async throws(BroadcastError) in
            let vod = try await self.service.convertHLS(name, removesSegments: removesSegments)
            guard wantsFile else { return APIReply(.ok, ResultDTO(true, dataID: vod.id)) }
            guard let reader = self.service.library.reader(of: vod) else { throw .hlsNotConverted }
            var reply = APIReply()
            reply.file = FileAnswer(reader: reader, name: vod.name ?? "\(vod.id).mp4")
            return reply
        }
    }
}
