import Broadcasts
import HTTP
import HTTPTypes
import Hummingbird
import Logging
import Store

/// `POST /vods/create`: files that clients send (contract 1.23).
struct VodUploadRoutes: Sendable {
    let service: BroadcastService
    let logger: Logger

    var routes: [APIRoute] { [APIRoute(.post, "/vods/create", self.create)] }

    @Sendable private func create(_ call: APICall) async throws(APIFault) -> APIReply {
        var form = FormBody(call.request.body, now: self.service.clock.now)
        do throws(APIFault) {
            let vod = try await self.receive(&form, call)
            return APIReply(.ok, ResultDTO(true, message: vod.id, dataID: vod.id))
        } catch {
            // Who sends all before it reads any gets to read the answer, as long as there is not much.
            await form.drain()
            throw error
        }
    }

    private func receive(_ form: inout FormBody, _ call: APICall) async throws(APIFault) -> VodRecord {
        let name = call.query["name"] ?? ""
        try attempt(.uploadVod, id: "") { () throws(BroadcastError) in try self.service.library.checkName(name) }
        guard let boundary = call.request.headers[.contentType].flatMap({ MultipartParser.boundary(ofContentType: $0) }) else { throw .notAForm }
        let parser: MultipartParser
        do throws(MultipartParser.Failure) {
            parser = try MultipartParser(boundary: boundary)
        } catch {
            throw .notAForm
        }
        let declared = call.request.headers[.contentLength].flatMap { Int64($0) }
        let upload = try await attempt(.uploadVod, id: "") { () async throws(BroadcastError) in
            try await self.service.library.beginUpload(name: name, declaredBytes: declared)
        }
        self.logger.info("upload begun", metadata: ["vod": "\(upload.id)", "bytes": "\(declared.map { "\($0)" } ?? "unknown")"])
        do throws(APIFault) {
            let metadata = try await form.receive(into: upload, parser)
            return try await attempt(.uploadVod, id: upload.id) { () async throws(BroadcastError) in
                try await self.service.library.finish(upload, metadata: metadata)
            }
        } catch {
            self.logger.notice("upload not taken", metadata: ["vod": "\(upload.id)", "reason": "\(error)"])
            await upload.discard()
            throw error
        }
    }
}
