import Broadcasts
import Foundation
import HTTPTypes
import Store
import TestSupport
import Testing

@testable import API

/// `/vods` and `/broadcasts/{name}/hls-to-mp4` as the contract has them (1.21, 1.23, 2.5).
@Suite(.againstHanging) struct VodLibraryContractTests {
    private func stageWithRoot() async throws -> (stage: RESTStage, root: String) {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-root-\(UUID().uuidString)").resolvingSymlinksInPath().path
        try FileManager.default.createDirectory(atPath: root + "/films", withIntermediateDirectories: true)
        try Data("x".utf8).write(to: URL(fileURLWithPath: root + "/films/a.mp4"))
        return (try await RESTStage { $0.library.importDirectories = [root] }, root)
    }

    @Test func directoriesComeAndGoInTheContractsWords() async throws {
        let (stage, root) = try await self.stageWithRoot()
        let path = "/vods/directory?directory=\(root)/films"
        #expect(try await stage.post(path).body == result(true, "1 files are imported"))
        #expect(try await stage.post(path).body == result(false, "There is already a file with the name films in the streams directory"))
        let none = "\(root)/none"
        #expect(try await stage.post("/vods/directory?directory=\(none)").body == result(false, "\(none) does not exist or is not a directory"))
        let file = "\(root)/films/a.mp4"
        #expect(try await stage.post("/vods/directory?directory=\(file)").body == result(false, "\(file) does not exist or is not a directory"))
        for outside in ["/etc", "/", "", "films", "\(root)/../\(root)/films"] {
            let refused = result(false, "VoD import directory is allowed under \(root)")
            #expect(try await stage.post("/vods/directory?directory=\(outside)").body == refused)
        }
        #expect(try await stage.delete(path).body == result(true, "1 of records are deleted"))
        #expect(try await stage.delete(path).body == result(false, "\(root)/films does not exist or it's not a directory"))
        #expect(try await stage.delete("/vods/directory").body == result(false, " does not exist or it's not a directory"))
        try FileManager.default.removeItem(atPath: root)
    }

    @Test func nothingIsImportedUnlessTheOperatorSaysSo() async throws {
        let stage = try await RESTStage()
        let message = "VoD import directory is allowed under none; see the setting vods.importDirectories"
        #expect(try await stage.post("/vods/directory?directory=/tmp").body == result(false, message))
        let refused = try await stage.send(.post, "/v2/vods/directory?directory=/tmp", from: "192.0.2.1")
        #expect(refused.status.code == 403)
    }

    @Test(arguments: ["", "?download=true", "?deleteHLSFiles=true&download=false"])
    func whatHasNoSegmentsIsNotConverted(query: String) async throws {
        let stage = try await RESTStage()
        for name in ["demo", "demo.m3u8", "demo_adaptive.m3u8", "a%2fb", "%00"] {
            let reply = try await stage.post("/broadcasts/\(name)/hls-to-mp4\(query)")
            #expect(reply.status == .ok)
            #expect(reply.body == result(false, "HLS to MP4 conversion has failed"), "\(name)")
        }
        #expect(try await stage.post("/broadcasts/%20/hls-to-mp4\(query)").body == result(false, "HLS file name is empty"))
        #expect(try stage.service.countVods() == 0)
    }

    @Test func aPageHasTwoHundredAndFiftyAtMost() async throws {
        let stage = try await RESTStage()
        try await stage.database.vods.insert((0..<260).map { VodRecord(id: "v\($0)", streamID: "s", kind: .stream, createdAt: 1) })
        #expect(try await stage.get("/vods/list/0/1000").objects().count == 250)
        #expect(try await stage.get("/vods/list/250/1000").objects().count == 10)
        #expect(try await stage.get("/vods/list/0/0").objects().isEmpty)
        #expect(try await stage.get("/vods/count").body == #"{"number":260}"#)
        #expect(try await stage.get("/vods/count/V25").body == #"{"number":11}"#)
    }

    @Test func theWorkOnAFileIsShownWhileThereIsAny() async throws {
        let stage = try await RESTStage()
        for state in VodProcess.allCases {
            var vod = VodRecord(id: state.rawValue, streamID: "file", kind: .uploaded, createdAt: 1)
            vod.processStatus = state.rawValue
            try await stage.database.vods.insert(vod)
            let shown = try await stage.get("/vods/\(state.rawValue)").object()
            #expect(shown["processStatus"] as? String == state.rawValue)
            #expect((shown["processPercent"] as? Int) == (state.isUnfinished ? 0 : nil))
        }
    }

    @Test func aListOfTheLibraryIsNoSourceAndIsNamed() async throws {
        let stage = try await RESTStage()
        #expect(try await stage.post("/broadcasts/create", #"{"streamId":"v","type":"VoD","streamUrl":"list12345678"}"#).status == .ok)
        var list = VodRecord(id: "list12345678", streamID: "films", kind: .imported, createdAt: 1)
        list.filePath = "streams/films/list.m3u8"
        try await stage.database.vods.insert(list)
        let refused = result(false, "A list of the library (m3u8) can be watched, but is no source: list12345678")
        #expect(try await stage.post("/broadcasts/v/start").body == refused)
        let items = #""playListItemList":[{"streamUrl":"http://files.example/a.mp4"},{"streamUrl":"list12345678"}]"#
        for body in [#"{"type":"VoD","streamUrl":"list12345678"}"#, "{\"type\":\"playlist\",\(items)}"] {
            let created = try await stage.post("/broadcasts/create", body)
            #expect(created.status == .badRequest && created.body == refused, "\(body)")
        }
        let updated = try await stage.put("/broadcasts/v", #"{"streamUrl":"list12345678"}"#)
        #expect(updated.status == .ok && updated.body == refused)
    }

    @Test func theLookAtAnImportSaysHowFarItIs() async throws {
        let (stage, root) = try await self.stageWithRoot()
        #expect(try await stage.get("/vods/directory").body == #"{"found":0,"done":0}"#)
        try FileManager.default.removeItem(atPath: root)
    }

    @Test func anImportedFileIsDeletedFromTheListOnly() async throws {
        let (stage, root) = try await self.stageWithRoot()
        #expect(try await stage.post("/vods/directory?directory=\(root)/films").body == result(true, "1 files are imported"))
        let id = try #require(try await stage.get("/vods/list/0/10").texts("vodId").first)
        #expect(try await stage.delete("/vods/\(id)").body == result(true, "vod deleted"))
        #expect(FileManager.default.fileExists(atPath: root + "/films/a.mp4"))
        #expect(try await stage.get("/vods/count").body == #"{"number":0}"#)
        try FileManager.default.removeItem(atPath: root)
    }
}
