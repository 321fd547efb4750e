import API
import BroadcastSupport
import Broadcasts
import Foundation
import Gateways
import HTTP
import HTTPTypes
import Logging
import Media
import NIOCore
import NIOPosix
import Outputs
import Store
import Streams
import TestSupport
import Testing

/// How a broadcast is shown while it is pulled, and under which paths that is asked for (contract 2.1, 3.1, 3.7, 3.8).
@Suite(.againstHanging) struct PulledBroadcastTests {
    private static let list =
        #"{"streamId":"show","type":"playlist","playListItemList":[{"streamUrl":"http://files.example/a.mp4","type":"VoD","name":"A"},"#
        + #"{"streamUrl":"http://files.example/b.mp4","type":"VoD","seekTimeInMs":5},{"streamUrl":"rtsp://camera.example/1"}]}"#

    private static func stage() async throws -> RESTStage {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"src","type":"streamSource","streamUrl":"rtsp://camera.example/1"}"#)
        return stage
    }

    @Test func statusAndNumbersAreThoseOfTheRunningPull() async throws {
        let stage = try await Self.stage()
        func show() async throws -> [String: any Sendable] { try await stage.get("/broadcasts/src").object() }
        #expect(try await show()["status"] as? String == "created")
        #expect(try await show()["publishType"] is String == false)
        _ = try await stage.post("/broadcasts/src/start")
        #expect(try await show()["status"] as? String == "preparing")

        let pull = try await stage.goLive("src")
        let live = try await show()
        for (member, value) in ["status": "broadcasting", "publishType": "Pull", "type": "streamSource"] {
            #expect(live[member] as? String == value, "\(member)")
        }
        for (member, value) in ["width": 1280, "height": 720, "receivedBytes": 100, "startTime": 1_700_000_000_000] {
            #expect(live[member] as? Int == value, "\(member)")
        }
        #expect(try await stage.get("/broadcasts/active-live-stream-count").body == #"{"number":1}"#)
        #expect(try await stage.get("/broadcasts/src/stream-info").objects()[0]["videoCodec"] as? String == "H264")

        // Between two tries it is over, and nothing comes; what it was like before is history.
        pull.fails(PullFailure(cause: .timedOut, text: "timed out"))
        let lost = try await show()
        #expect(lost["status"] as? String == "finished")
        #expect(lost["speed"] as? Double == 0)
        #expect(lost["bitrate"] as? Int == 0)
        #expect(try await stage.get("/broadcasts/active-live-stream-count").body == #"{"number":0}"#)

        _ = try await stage.goLive("src")
        #expect(try await show()["status"] as? String == "broadcasting")
        #expect(try await stage.post("/broadcasts/src/stop").body == result(true, "Stream stopped"))
        #expect(try await show()["status"] as? String == "finished")
    }

    @Test func aPlaylistShowsItsStateItsPlaceAndHowLongItsItemsAre() async throws {
        let stage = try await RESTStage()
        stage.pulls.answer("http://files.example/a.mp4", .success(SourceProbe(duration: MediaTime(milliseconds: 61_500))))
        #expect(try await stage.post("/broadcasts/create", Self.list).status == .ok)
        func show() async throws -> [String: any Sendable] { try await stage.get("/broadcasts/show").object() }
        func durations() async throws -> [Int] {
            let items = try #require(try await show()["playListItemList"] as? [[String: any Sendable]])
            return items.compactMap { $0["durationInMs"] as? Int }
        }
        #expect(try await show()["playListStatus"] is String == false)
        // Looked up while the request that created it is long answered.
        try await eventually("it is known") { try await durations().first == 61_500 }
        #expect(try await durations().count == 3)
        let items = try #require(try await show()["playListItemList"] as? [[String: any Sendable]])
        #expect(items[0]["name"] as? String == "A")
        #expect(items[1]["seekTimeInMs"] as? Int == 5)

        _ = try await stage.post("/broadcasts/show/start")
        #expect(try await show()["playListStatus"] as? String == "broadcasting")
        let pull = try await stage.goLive("show")
        #expect(try await show()["currentPlayIndex"] as? Int == 0)
        pull.plays(item: 2)
        #expect(try await show()["currentPlayIndex"] as? Int == 2)
        // Kept for the next start.
        try await eventually("it goes on") { try stage.database.broadcasts.find("show")?.playlist.currentIndex == 2 }
        _ = try await stage.post("/broadcasts/show/stop")
        let stopped = try await show()
        #expect(stopped["playListStatus"] as? String == "finished")
        #expect(stopped["currentPlayIndex"] as? Int == 2)
        #expect(stopped["status"] as? String == "finished")
    }

    @Test(arguments: ["/v2", "/rest/v2", "/live/rest/v2", "/LiveApp/rest/v2"]) func pullsAreServedUnderEveryPrefix(prefix: String) async throws {
        let stage = try await Self.stage()
        _ = try await stage.post("/broadcasts/create", Self.list)
        stage.pulls.answer("http://files.example/a.mp4", .success(SourceProbe(duration: MediaTime(milliseconds: 1))))
        for (method, path, answer) in [
            (.post, "/src/start", result(true, dataID: "src")), (.put, "/src/seek-time/0", result(true)),
            (.get, "/src/ip-camera-error", result(true)),
            (.post, "/src/stop", result(true, "Stream stopped")), (.post, "/show/start", result(true)),
            (.post, "/playlists/show/next?index=1", result(true, dataID: "show")), (.post, "/show/stop", result(true)),
            (.get, "/duration?url=http://files.example/a.mp4", result(true, dataID: "1")),
        ] as [(HTTPRequest.Method, String, String)] {
            #expect(try await stage.send(method, prefix + "/broadcasts" + path).body == answer, "\(path)")
        }
        let created = try await stage.send(
            .post, prefix + "/broadcasts/create?autoStart=true",
            body: #"{"streamId":"n","type":"streamSource","streamUrl":"rtsp://camera.example/2"}"#)
        #expect(created.body == result(true, dataID: "n"))
    }

    @Test(arguments: [
        ("POST", "/src/start"), ("POST", "/src/stop"), ("PUT", "/src/seek-time/1"), ("POST", "/playlists/src/next"),
        ("GET", "/src/ip-camera-error"), ("GET", "/duration?url=http://files.example/a.mp4"), ("POST", "/create?autoStart=true"),
    ])
    func pullsAreForThoseWhoMayCall(method: String, path: String) async throws {
        let stage = try await Self.stage()
        let method = try #require(HTTPRequest.Method(method))
        let reply = try await stage.send(method, "/v2/broadcasts" + path, from: "10.0.0.1")
        #expect(reply.status == .forbidden)
        #expect(stage.pulls.count("src") == 0)
    }

    @Test func aViewerStartsASourceThatWaitsForOne() async throws {
        let stage = try await RESTStage()
        let body = #"{"streamId":"cam","type":"streamSource","streamUrl":"rtsp://camera.example/1","autoStartStopEnabled":true}"#
        _ = try await stage.post("/broadcasts/create", body)
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"src","type":"streamSource","streamUrl":"rtsp://camera.example/1"}"#)
        let hls = LiveHLS(
            // As patient as a machine that does a lot else needs it.
            configuration: .init(directory: stage.directory.appendingPathComponent("live").path, firstSegmentTimeout: .seconds(60)),
            streams: stage.streams, group: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try hls.sweep()
        let hooks = DeliveryResponder.Hooks(startForViewer: { [service = stage.service] id, loop in
            service.viewerArrived(id) ? service.whenLive(id, on: loop, within: .seconds(60)) : nil
        })
        let responder = DeliveryResponder(
            configuration: .init(app: "live", mediaDirectory: stage.directory.appendingPathComponent("streams").path), hls: hls, hooks: hooks)
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        func ask(_ id: String) throws -> ReadyAnswer {
            try #require(responder.respond(to: ReadyRequest(method: .get, target: "/live/streams/\(id).m3u8"), on: loop))
        }

        guard case .now(let unknown) = try ask("nobody"), case .now(let other) = try ask("src") else {
            Issue.record("held for what no viewer starts")
            return
        }
        #expect(unknown.status == 404 && other.status == 404)
        guard case .later(let held) = try ask("cam") else {
            Issue.record("not held")
            return
        }
        try await eventually("it is pulled") { stage.pulls.count("cam") == 1 }
        guard case .later(let second) = try ask("cam") else {
            Issue.record("the second viewer was not held")
            return
        }
        let pull = try await stage.goLive("cam")
        pull.plays(untilSeconds: 8)
        #expect(try await held.get().status == 200)
        #expect(try await second.get().status == 200)
        // One that comes when it is live has nothing to wait for.
        switch try ask("cam") {
        case .now(let response): #expect(response.text.hasPrefix("#EXTM3U"))
        case .later(let third): #expect(try await third.get().text.hasPrefix("#EXTM3U"))
        }
        #expect(stage.pulls.count("cam") == 1)
        #expect(stage.pulls.count("src") == 0)
        _ = try await stage.post("/broadcasts/cam/stop")
        await hls.stop()
    }
}
