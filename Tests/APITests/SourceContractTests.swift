import BroadcastSupport
import Broadcasts
import Gateways
import HTTPTypes
import Media
import Store
import TestSupport
import Testing

/// What the server fetches itself: contract 1.1 (autoStart), 1.3, 1.8, 1.9, 1.14–1.17.
@Suite(.againstHanging) struct SourceContractTests {
    private static let created = [
        #"{"streamId":"src","type":"streamSource","streamUrl":"rtsp://camera.example/1"}"#,
        #"{"streamId":"cam","type":"ipCamera","ipAddr":"10.0.0.1","streamUrl":"rtsp://10.0.0.1/1","username":"u","password":"p w"}"#,
        #"{"streamId":"rtsp","type":"ipCamera","ipAddr":"rtsp://10.0.0.2/live"}"#,
        #"{"streamId":"onvif","type":"ipCamera","ipAddr":"10.0.0.3:8080"}"#,
        #"{"streamId":"vod","type":"VoD","streamUrl":"http://files.example/a.mp4"}"#,
        #"{"streamId":"novod","type":"VoD"}"#,
        #"{"streamId":"live"}"#, #"{"streamId":"odd","streamUrl":"rtsp://camera.example/1"}"#,
        #"{"streamId":"show","type":"playlist","playListItemList":[{"streamUrl":"http://files.example/a.mp4","type":"VoD"},"#
            + #"{"streamUrl":"http://files.example/b.mp4","type":"VoD"},{"streamUrl":"http://files.example/c.mp4","type":"VoD"}]}"#,
        #"{"streamId":"nolist","type":"playlist"}"#, #"{"streamId":"empty","type":"playlist","playListItemList":[]}"#,
        #"{"streamId":"bad","type":"playlist","playListItemList":[{"streamUrl":"http://127.0.0.1/a.mp4"},{"streamUrl":"http://127.0.0.1/b.mp4"}]}"#,
        #"{"streamId":"near","type":"streamSource","streamUrl":"rtsp://127.0.0.1/1"}"#,
    ]

    private static func stage(_ change: (inout BroadcastService.Configuration) -> Void = { _ in }) async throws -> RESTStage {
        let stage = try await RESTStage(change)
        for body in Self.created { #expect(try await stage.post("/broadcasts/create", body).status == .ok, "\(body)") }
        for url in ["http://127.0.0.1/a.mp4", "http://127.0.0.1/b.mp4", "rtsp://127.0.0.1/1", "file:///etc/passwd"] { stage.pulls.forbid(url) }
        return stage
    }

    private static func notRunning(_ id: String) -> String { result(false, "No matching stream source in this server:\(id)", dataID: id) }

    // MARK: start and stop

    @Test(arguments: Way.allCases) func startAndStopAnswerAsTheContractSays(way: Way) async throws {
        let stage = try await Self.stage()
        try await stage.called(way) { (caller: Caller) async throws in
            for id in ["src", "cam", "rtsp", "vod"] {
                #expect(try await caller.post("/broadcasts/\(id)/stop").body == Self.notRunning(id))
                #expect(try await caller.post("/broadcasts/\(id)/start").body == result(true, dataID: id))
                let active = result(false, "Stream is already active. It's already streaming or trying to connect")
                #expect(try await caller.post("/broadcasts/\(id)/start").body == active)
                // Also while it waits for its next try.
                stage.pulls.pull(id)?.fails(PullFailure(cause: .refused, text: "Connection refused"))
                #expect(try await caller.post("/broadcasts/\(id)/start").body == active)
                #expect(stage.pulls.count(id) == 1)
                #expect(try await caller.post("/broadcasts/\(id)/stop").body == result(true, "Stream stopped"))
                #expect(stage.pulls.pull(id)?.isStopped == true)
                #expect(try await caller.post("/broadcasts/\(id)/stop").body == Self.notRunning(id))
            }
            #expect(try await caller.post("/broadcasts/show/stop").body == Self.notRunning("show"))
            #expect(try await caller.post("/broadcasts/show/start").body == result(true))
            #expect(try await caller.post("/broadcasts/show/start").body == result(false, "Playlist is already running for stream:show"))
            #expect(try await caller.get("/broadcasts/show").object()["playListStatus"] as? String == "broadcasting")
            #expect(try await caller.post("/broadcasts/show/stop").body == result(true))
            #expect(try await caller.post("/broadcasts/show/stop").body == Self.notRunning("show"))
            #expect(try await caller.get("/broadcasts/show").object()["playListStatus"] as? String == "finished")
            for id in ["live", "nobody", "%2e%2e"] { #expect(try await caller.post("/broadcasts/\(id)/stop").body == result(false)) }
        }
    }

    @Test(arguments: Way.allCases) func startSaysWhyItDoesNot(way: Way) async throws {
        let stage = try await Self.stage()
        try await stage.called(way) { (caller: Caller) async throws in
            for (id, answer) in [
                ("nobody", result(false, "No Stream Exists with id:nobody")), ("%2e%2e", result(false, "No Stream Exists with id:..")),
                ("live", result(false, "Stream url is null and it's not an IP camera to get stream url for id:live")),
                ("novod", result(false, "Stream url is null and it's not an IP camera to get stream url for id:novod")),
                ("odd", result(false, "Broadcast type is not supported. It can be StreamSource, IP Camera, VOD, Playlist")),
                ("onvif", result(false, "Could not connect to 10.0.0.3:8080 result:-1", errorID: -1)),
                ("nolist", result(false, "There is no playlist  for stream id:nolist")),
                ("empty", result(false, "There is no playlist  for stream id:empty")),
                ("bad", result(false)), ("near", result(false, "Stream URL is not valid")),
            ] {
                let reply = try await caller.post("/broadcasts/\(id)/start")
                #expect(reply.status == .ok)
                #expect(reply.body == answer)
                #expect(stage.pulls.count(id) == 0)
            }
            #expect(try await caller.get("/broadcasts/bad").object()["status"] as? String == "finished")
        }
    }

    @Test(arguments: Way.allCases) func noMoreIsPulledThanMayBe(way: Way) async throws {
        let stage = try await Self.stage { $0.sources.maximum = 1 }
        try await stage.called(way) { (caller: Caller) async throws in
            #expect(try await caller.post("/broadcasts/src/start").body == result(true, dataID: "src"))
            let exhausted = result(false, "Not enough resource on server to start streaming.")
            for id in ["cam", "vod", "show"] { #expect(try await caller.post("/broadcasts/\(id)/start").body == exhausted) }
            #expect(
                try await caller.post("/broadcasts/create?autoStart=true", #"{"type":"streamSource","streamUrl":"rtsp://camera.example/2"}"#).body
                    == result(false, "Resource usage is high", errorID: -3))
            #expect(try await caller.post("/broadcasts/src/stop").body == result(true, "Stream stopped"))
            #expect(try await caller.post("/broadcasts/cam/start").body == result(true, dataID: "cam"))
        }
    }

    @Test func deletingStopsWhatIsPulled() async throws {
        let stage = try await Self.stage()
        _ = try await stage.post("/broadcasts/src/start")
        #expect(try await stage.delete("/broadcasts/src").body == result(true, "broadcast is deleted and stopped successfully"))
        #expect(stage.pulls.pull("src")?.isStopped == true)
        #expect(try await stage.delete("/broadcasts/cam").body == result(true, "broadcast is deleted but could not stopped "))
    }

    // MARK: create with autoStart

    @Test(arguments: Way.allCases) func createWithAutoStartAnswersWithAResult(way: Way) async throws {
        let stage = try await Self.stage()
        let before = try stage.database.broadcasts.count()
        try await stage.called(way) { (caller: Caller) async throws in
            for (body, status, answer) in [
                (nil, 200, result(false, "unexpected parameters received")), ("null", 200, result(false, "unexpected parameters received")),
                ("{}", 200, result(false, "Auto start query needs an IP camera or stream source.")),
                (
                    #"{"type":"VoD","streamUrl":"http://files.example/a.mp4"}"#, 200,
                    result(false, "Auto start query needs an IP camera or stream source.")
                ),
                (#"{"type":"playlist"}"#, 200, result(false, "Auto start query needs an IP camera or stream source.")),
                (#"{"type":"ipCamera"}"#, 200, result(false, "IP camera addr is not valid: ")),
                (#"{"type":"ipCamera","ipAddr":"test"}"#, 200, result(false, "IP camera addr is not valid: test")),
                (#"{"type":"ipCamera","ipAddr":"10.0.0.9"}"#, 200, result(false, "Could not connect to 10.0.0.9 result:-1", errorID: -1)),
                (#"{"type":"streamSource"}"#, 200, result(false)), (#"{"type":"streamSource","streamUrl":"x"}"#, 200, result(false)),
                (#"{"type":"streamSource","streamUrl":"http://"}"#, 200, result(false)),
                (#"{"type":"streamSource","streamUrl":"file:///etc/passwd"}"#, 200, result(false)),
                (
                    #"{"type":"streamSource","streamUrl":"rtsp://camera.example/2","subFolder":"../x"}"#, 200,
                    result(false, "Subfolder is not valid. ")
                ),
                (
                    #"{"type":"streamSource","streamUrl":"rtsp://camera.example/2","name":"a\u0000"}"#, 200,
                    result(false, "The value of name is not valid.")
                ),
                (#"{"streamId":"a/b","type":"streamSource","streamUrl":"rtsp://camera.example/2"}"#, 400, result(false, "Stream id is not valid.")),
                (
                    #"{"streamId":"src","type":"streamSource","streamUrl":"rtsp://camera.example/2"}"#, 400,
                    result(false, "Stream id is already being used. Please change stream id or keep it empty")
                ),
            ] as [(String?, Int, String)] {
                let reply = try await caller.post("/broadcasts/create?autoStart=TRUE", body)
                #expect(reply.status.code == status, "\(body ?? "")")
                #expect(reply.body == answer, "\(body ?? "")")
            }
            #expect(try stage.database.broadcasts.count() == before)
        }
    }

    @Test(
        arguments: Way.allCases,
        [
            (#"{"streamId":"new","type":"streamSource","streamUrl":"rtsp://camera.example/2"}"#, "streamSource"),
            (#"{"streamId":" new ","type":"streamSource","streamUrl":"http://files.example/a.mp4"}"#, "VoD"),
            (#"{"streamId":"new","type":"streamSource","streamUrl":"https://files.example/a.webm"}"#, "VoD"),
            (#"{"streamId":"new","type":"streamSource","streamUrl":"http://files.example/a.flv"}"#, "VoD"),
            (#"{"streamId":"new","type":"streamSource","streamUrl":"http://files.example/a.m3u8"}"#, "streamSource"),
            (#"{"streamId":"new","type":"ipCamera","ipAddr":"rtsp://10.0.0.9/1","username":"u","password":"p w"}"#, "ipCamera"),
        ]) func createWithAutoStartStartsAtOnce(way: Way, sample: (body: String, type: String)) async throws
    {
        let stage = try await RESTStage()
        try await stage.called(way) { (caller: Caller) async throws in
            #expect(try await caller.post("/broadcasts/create?autoStart=true", sample.body).body == result(true, dataID: "new"))
            #expect(stage.pulls.count("new") == 1)
            let broadcast = try await caller.get("/broadcasts/new").object()
            #expect(broadcast["type"] as? String == sample.type)
            #expect(broadcast["status"] as? String == "preparing")
            #expect(try await caller.post("/broadcasts/new/stop").body == result(true, "Stream stopped"))
        }
    }

    @Test func anIdIsMadeWhereNoneIsGiven() async throws {
        let stage = try await RESTStage()
        let answer = try await stage.post("/broadcasts/create?autoStart=true", #"{"type":"streamSource","streamUrl":"rtsp://camera.example/2"}"#)
            .object()
        let id = try #require(answer["dataId"] as? String)
        #expect(answer["success"] as? Bool == true)
        #expect(stage.pulls.count(id) == 1)
    }

    @Test(arguments: [
        #"{"type":"streamSource","streamUrl":"rtsp://127.0.0.1/1"}"#, #"{"type":"ipCamera","ipAddr":"rtsp://127.0.0.1/1"}"#,
        #"{"type":"ipCamera","ipAddr":"10.0.0.1","streamUrl":"rtsp://127.0.0.1/1"}"#, #"{"type":"VoD","streamUrl":"file:///etc/passwd"}"#,
        #"{"type":"VoD","streamUrl":"http://127.0.0.1/a.mp4"}"#,
        #"{"type":"playlist","playListItemList":[{"streamUrl":"http://files.example/a.mp4"},{"streamUrl":"http://127.0.0.1/a.mp4"}]}"#,
        #"{"type":"playlist","playListItemList":[{"streamUrl":"concat:a|b"}]}"#,
    ]) func whatMayNotBeFetchedIsNotStored(body: String) async throws {
        let stage = try await RESTStage()
        for url in ["http://127.0.0.1/a.mp4", "rtsp://127.0.0.1/1"] { stage.pulls.forbid(url) }
        let reply = try await stage.post("/broadcasts/create", body)
        #expect(reply.status == .badRequest)
        #expect(reply.body == result(false, "Stream url is not valid. "))
        #expect(try stage.database.broadcasts.count() == 0)
        // With autoStart too, in its own words.
        let started = try await stage.post("/broadcasts/create?autoStart=true", body)
        #expect(started.status == .ok)
        #expect(try started.object()["success"] as? Bool == false)
        #expect(try stage.database.broadcasts.count() == 0)
    }

    // MARK: PUT

    @Test(arguments: Way.allCases) func putChecksTheNewSourceBeforeItStopsTheOldOne(way: Way) async throws {
        let stage = try await Self.stage()
        stage.pulls.answer("rtsp://camera.example/new", .success(SourceProbe(duration: nil)))
        try await stage.called(way) { (caller: Caller) async throws in
            _ = try await caller.post("/broadcasts/src/start")
            let pull = try await stage.goLive("src")
            for (body, answer) in [
                (#"{"streamUrl":"nonsense"}"#, result(false, "Stream URL is not valid")),
                (#"{"streamUrl":"file:///etc/passwd"}"#, result(false, "Stream URL is not valid")),
                (#"{"streamUrl":"rtsp://127.0.0.1/1"}"#, result(false, "Stream URL is not valid")),
                (#"{"streamUrl":"rtsp://camera.example/none"}"#, result(false, "Could not connect to the new source: 404 Not Found")),
                (#"{"name":"n","streamUrl":"rtsp://camera.example/1"}"#, result(true)), (#"{"name":"n"}"#, result(true)),
            ] {
                #expect(try await caller.put("/broadcasts/src", body).body == answer, "\(body)")
                #expect(!pull.isStopped, "\(body)")
                #expect(try await caller.get("/broadcasts/src").object()["streamUrl"] as? String == "rtsp://camera.example/1")
            }
            #expect(stage.pulls.count("src") == 1)
            #expect(try await caller.put("/broadcasts/src", #"{"streamUrl":"rtsp://camera.example/new"}"#).body == result(true))
            #expect(pull.isStopped)
            #expect(stage.pulls.count("src") == 2)
            #expect(
                stage.pulls.pull("src")?.plan.content == .live(PullItem(url: "rtsp://camera.example/new", isFile: false)))
        }
    }

    @Test(arguments: Way.allCases) func putOfARunningCameraSaysWhatTheNewOneAnswered(way: Way) async throws {
        let stage = try await Self.stage()
        try await stage.called(way) { (caller: Caller) async throws in
            _ = try await caller.post("/broadcasts/cam/start")
            let pull = try await stage.goLive("cam")
            #expect(
                try await caller.put("/broadcasts/cam", #"{"streamUrl":"rtsp://10.0.0.1/none"}"#).body
                    == result(false, "Could not connect to 10.0.0.1 result:-1", errorID: -1))
            stage.pulls.answer("rtsp://10.0.0.1/1", .failure(PullFailure(cause: .unauthorized, text: "401 Unauthorized")))
            #expect(
                try await caller.put("/broadcasts/cam", #"{"password":"wrong"}"#).body
                    == result(false, "Could not connect to 10.0.0.1 result:-2", errorID: -2))
            #expect(try await caller.get("/broadcasts/cam").object()["password"] as? String == "p w")
            #expect(!pull.isStopped)
            stage.pulls.answer("rtsp://10.0.0.1/1", .success(SourceProbe(duration: nil)))
            #expect(try await caller.put("/broadcasts/cam", #"{"password":"right"}"#).body == result(true))
            #expect(
                stage.pulls.pull("cam")?.plan.content
                    == .live(PullItem(url: "rtsp://10.0.0.1/1", username: "u", password: "right", isFile: false)))
            #expect(try await caller.put("/broadcasts/cam", #"{"ipAddr":"test"}"#).body == result(false, "IP camera addr is not valid: test"))
        }
    }

    @Test(arguments: Way.allCases) func putOfAnIdleSourceContactsNobody(way: Way) async throws {
        let stage = try await Self.stage()
        try await stage.called(way) { (caller: Caller) async throws in
            #expect(try await caller.put("/broadcasts/src", #"{"streamUrl":"rtsp://camera.example/none"}"#).body == result(true))
            #expect(try await caller.put("/broadcasts/src", #"{"streamUrl":"rtsp://127.0.0.1/1"}"#).body == result(false, "Stream URL is not valid"))
            #expect(try await caller.put("/broadcasts/cam", #"{"ipAddr":"10.0.0.7","password":"new"}"#).body == result(true))
            #expect(try await caller.get("/broadcasts/src").object()["streamUrl"] as? String == "rtsp://camera.example/none")
            #expect(stage.pulls.count("src") == 0)
        }
    }

    // MARK: Asking a running pull

    @Test(arguments: Way.allCases) func seekTimeGoesToTheRunningPull(way: Way) async throws {
        let stage = try await Self.stage()
        try await stage.called(way) { (caller: Caller) async throws in
            func none(_ id: String) -> String {
                result(false, "Not active stream source found with this id: \(id) make sure you give the id of a running stream source")
            }
            for id in ["vod", "show", "live", "nobody"] { #expect(try await caller.put("/broadcasts/\(id)/seek-time/5000").body == none(id)) }
            #expect(try await caller.put("/broadcasts/%20/seek-time/5000").body == result(false, "Id field is blank."))
            for id in ["vod", "show"] {
                _ = try await caller.post("/broadcasts/\(id)/start")
                #expect(try await caller.put("/broadcasts/\(id)/seek-time/5000").body == result(true))
                #expect(stage.pulls.pull(id)?.seeks == [MediaTime(milliseconds: 5_000)])
            }
            for path in ["vod/seek-time/x", "vod/seek-time/1.5", "vod/seek-time/99999999999999999999"] {
                #expect(try await caller.put("/broadcasts/" + path).status == .notFound)
            }
            for time in ["-1", "9223372036854775807", "-9223372036854775808"] {
                #expect(try await caller.put("/broadcasts/vod/seek-time/\(time)").status == .ok)
            }
            #expect(try await caller.get("/broadcasts/vod/seek-time/5").status == .methodNotAllowed)
        }
    }

    @Test(arguments: Way.allCases) func nextGoesToAnotherItem(way: Way) async throws {
        let stage = try await Self.stage()
        try await stage.called(way) { (caller: Caller) async throws in
            let unknown = result(false, "There is no playlist found. Please check Stream id again")
            let other = result(false, "This broadcast type is not playlist. This method is only available for playlists")
            let outside = result(false, "Index is out of the list. Please specify the correct index")
            let idle = result(false, "No active playlist for id:show. Start the playlist first")
            for (path, answer) in [
                ("nobody/next", unknown), ("%2e%2e/next?index=9", unknown), ("live/next", other), ("vod/next?index=9", other),
                ("show/next?index=3", outside), ("show/next?index=2", idle), ("show/next", idle), ("show/next?index=-1", idle),
                ("nolist/next?index=0", outside),
            ] { #expect(try await caller.post("/broadcasts/playlists/\(path)").body == answer, "\(path)") }
            _ = try await caller.post("/broadcasts/show/start")
            for (query, skips) in [("", [nil]), ("?index=-1", [nil, nil]), ("?index=2", [nil, nil, 2]), ("?index=", [nil, nil, 2, nil])]
                as [(String, [Int?])]
            {
                #expect(try await caller.post("/broadcasts/playlists/show/next\(query)").body == result(true, dataID: "show"))
                #expect(stage.pulls.pull("show")?.skips == skips)
            }
            #expect(try await caller.post("/broadcasts/playlists/show/next?index=3").body == outside)
            #expect(try await caller.post("/broadcasts/playlists/show/next?index=two").status == .notFound)
            #expect(try await caller.get("/broadcasts/playlists/show/next").status == .methodNotAllowed)
        }
    }

    @Test(arguments: Way.allCases) func ipCameraErrorTellsHowTheLastTryWent(way: Way) async throws {
        let stage = try await Self.stage()
        try await stage.called(way) { (caller: Caller) async throws in
            for id in ["cam", "live", "nobody"] {
                #expect(try await caller.get("/broadcasts/\(id)/ip-camera-error").body == result(false, "Camera is not found with streamId: \(id)"))
            }
            #expect(
                try await caller.get("/broadcasts/onvif/ip-camera-error").body
                    == result(false, "Could not connect to 10.0.0.3:8080 result:-1", errorID: -1))
            for id in ["cam", "src"] {
                _ = try await caller.post("/broadcasts/\(id)/start")
                let pull = try #require(stage.pulls.pull(id))
                pull.fails(PullFailure(cause: .unauthorized, text: "401 \"Unauthorized\""))
                #expect(try await caller.get("/broadcasts/\(id)/ip-camera-error").object()["message"] as? String == "401 \"Unauthorized\"")
                #expect(try await caller.get("/broadcasts/\(id)/ip-camera-error").object()["success"] as? Bool == false)
                _ = try await stage.goLive(id)
                #expect(try await caller.get("/broadcasts/\(id)/ip-camera-error").body == result(true))
                _ = try await caller.post("/broadcasts/\(id)/stop")
                #expect(try await caller.get("/broadcasts/\(id)/ip-camera-error").body == result(false, "Camera is not found with streamId: \(id)"))
            }
        }
    }

    @Test(arguments: Way.allCases) func durationIsFoundOutOrWhyNot(way: Way) async throws {
        let stage = try await Self.stage()
        stage.pulls.answer("http://files.example/a b.mp4?x=1&y=2", .success(SourceProbe(duration: MediaTime(milliseconds: 12_345))))
        stage.pulls.answer("rtsp://camera.example/1", .success(SourceProbe(duration: nil)))
        stage.pulls.answer("http://files.example/text.mp4", .failure(PullFailure(cause: .nothingToPlay, text: "nothing to play")))
        try await stage.called(way) { (caller: Caller) async throws in
            for (query, answer) in [
                ("?url=http%3A%2F%2Ffiles.example%2Fa%20b.mp4%3Fx%3D1%26y%3D2", result(true, dataID: "12345")),
                ("?url=rtsp://camera.example/1", result(false, errorID: -1)), ("?url=http://files.example/none.mp4", result(false, errorID: -2)),
                ("?url=file:///etc/passwd", result(false, errorID: -2)), ("?url=/etc/passwd", result(false, errorID: -2)),
                ("?url=concat:a%7Cb", result(false, errorID: -2)), ("?url=http://127.0.0.1/a.mp4", result(false, errorID: -2)),
                ("?url=http://files.example/text.mp4", result(false, errorID: -3)),
                ("", result(false)), ("?url=", result(false)), ("?url=%20", result(false)), ("?url", result(false)),
            ] { #expect(try await caller.get("/broadcasts/duration" + query).body == answer, "\(query)") }
            #expect(try await caller.post("/broadcasts/duration").status == .methodNotAllowed)
        }
    }
}
