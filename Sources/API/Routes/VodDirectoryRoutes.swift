import Broadcasts
import HTTPTypes

/// `/vods/directory`: directories of the host become part of the library, and leave it again (contract 1.23).
struct VodDirectoryRoutes: Sendable {
    let service: BroadcastService

    var routes: [APIRoute] {
        [
            APIRoute(.get, "/vods/directory", self.show), APIRoute(.post, "/vods/directory", self.add),
            APIRoute(.delete, "/vods/directory", self.remove),
        ]
    }

    /// How far the look at imported files is; no part of the contract.
    @Sendable private func show(_ call: APICall) -> APIReply {
        let progress = self.service.library.importProgress
        return APIReply(.ok, ImportProgressDTO(found: progress.found, done: progress.done))
    }

    @Sendable private func add(_ call: APICall) async throws(APIFault) -> APIReply {
        let directory = call.query["directory"] ?? ""
        return try await attempt(.importDirectory, id: directory) { () async throws(BroadcastError) in
            let count = try await self.service.library.importDirectory(directory)
            return APIReply(.ok, ResultDTO(true, message: "\(count) files are imported"))
        }
    }

    @Sendable private func remove(_ call: APICall) async throws(APIFault) -> APIReply {
        let directory = call.query["directory"] ?? ""
        return try await attempt(.removeDirectory, id: directory) { () async throws(BroadcastError) in
            let count = try await self.service.library.removeDirectory(directory)
            return APIReply(.ok, ResultDTO(true, message: "\(count) of records are deleted"))
        }
    }
}
