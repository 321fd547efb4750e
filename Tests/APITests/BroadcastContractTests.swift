import Broadcasts
import HTTPTypes
import Store
import Streams
import Testing

/// Contract 1.1–1.5, and what becomes of a publisher with 1.9; `SourceContractTests` has what is pulled.
@Suite struct BroadcastContractTests {
    /// 2.1 and 2.3, with the type a member has when it is not null.
    private static let members: [String: String] = [
        "streamId": "s", "status": "s", "playListStatus": "s", "type": "s", "publishType": "s", "name": "s", "description": "s", "publish": "b",
        "date": "n",
        "plannedStartDate": "n", "plannedEndDate": "n", "duration": "n", "endPointList": "a", "playListItemList": "a", "publicStream": "b",
        "is360": "b",
        "listenerHookURL": "s", "category": "s", "ipAddr": "s", "username": "s", "password": "s", "quality": "s", "speed": "n", "streamUrl": "s",
        "originAdress": "s", "mp4Enabled": "n", "webMEnabled": "n", "seekTimeInMs": "n", "subtracksLimit": "n", "expireDurationMS": "n",
        "rtmpURL": "s",
        "zombi": "b", "pendingPacketSize": "n", "hlsViewerCount": "n", "dashViewerCount": "n", "webRTCViewerCount": "n", "rtmpViewerCount": "n",
        "startTime": "n", "receivedBytes": "n", "bitrate": "n", "width": "n", "height": "n", "encoderQueueSize": "n",
        "dropPacketCountInIngestion": "n",
        "dropFrameCountInEncoding": "n", "packetLostRatio": "n", "packetsLost": "n", "jitterMs": "n", "rttMs": "n", "userAgent": "s", "remoteIp": "s",
        "latitude": "s", "longitude": "s", "altitude": "s", "mainTrackStreamId": "s", "absoluteStartTimeMs": "n", "webRTCViewerLimit": "n",
        "hlsViewerLimit": "n", "dashViewerLimit": "n", "subFolder": "s", "currentPlayIndex": "n", "metaData": "s", "playlistLoopEnabled": "b",
        "updateTime": "n", "role": "s", "hlsParameters": "o", "autoStartStopEnabled": "b", "encoderSettingsList": "a", "virtual": "b",
        "maxIdleTime": "n",
        "anyoneWatching": "b",
    ]

    @Test func createAnswersWithEveryMemberAndItsDefault() async throws {
        let stage = try await RESTStage()
        let reply = try await stage.post("/broadcasts/create", #"{"streamId":" a ","name":"n"}"#)
        #expect(reply.status == .ok)
        #expect(reply.headers[.contentType] == "application/json")
        let broadcast = try reply.object()
        #expect(Set(broadcast.keys) == Set(Self.members.keys))
        #expect(
            reply.body == """
                {"streamId":"a","status":"created","playListStatus":null,"type":"liveStream","publishType":null,"name":"n","description":null,\
                "publish":true,"date":1700000000000,"plannedStartDate":0,"plannedEndDate":0,"duration":0,"endPointList":null,"playListItemList":null,\
                "publicStream":true,"is360":false,"listenerHookURL":null,"category":null,"ipAddr":null,"username":null,"password":null,"quality":null,\
                "speed":0.0,"streamUrl":null,"originAdress":"example.org","mp4Enabled":0,"webMEnabled":0,"seekTimeInMs":0,"subtracksLimit":-1,\
                "expireDurationMS":0,"rtmpURL":"rtmp://example.org/live/a","zombi":false,"pendingPacketSize":0,"hlsViewerCount":0,"dashViewerCount":0,\
                "webRTCViewerCount":0,"rtmpViewerCount":0,"startTime":0,"receivedBytes":0,"bitrate":0,"width":0,"height":0,"encoderQueueSize":0,\
                "dropPacketCountInIngestion":0,"dropFrameCountInEncoding":0,"packetLostRatio":0.0,"packetsLost":0,"jitterMs":0,"rttMs":0,\
                "userAgent":"N/A","remoteIp":null,"latitude":null,"longitude":null,"altitude":null,"mainTrackStreamId":null,"absoluteStartTimeMs":0,\
                "webRTCViewerLimit":-1,"hlsViewerLimit":-1,"dashViewerLimit":-1,"subFolder":null,"currentPlayIndex":0,"metaData":null,\
                "playlistLoopEnabled":true,"updateTime":0,"role":null,"hlsParameters":null,"autoStartStopEnabled":false,"encoderSettingsList":null,\
                "virtual":false,"maxIdleTime":0,"anyoneWatching":false}
                """)
        #expect(try await stage.get("/broadcasts/a").body == reply.body)
    }

    @Test(arguments: [
        nil, "", "  \n", "null", "{}", #"{"streamId":null}"#, #"{"streamId":"","type":""}"#, #"{"unknown":{"a":[1]},"status":"broadcasting"}"#,
    ])
    func anEmptyCreateMakesABroadcastWithAnId(body: String?) async throws {
        let stage = try await RESTStage()
        let broadcast = try await stage.post("/broadcasts/create", body).object()
        let id = try #require(broadcast["streamId"] as? String)
        #expect(StreamID.isValid(id))
        #expect(broadcast["status"] as? String == "created")
        #expect(broadcast["type"] as? String == "liveStream")
        #expect(try await stage.get("/broadcasts/\(id)").status == .ok)
    }

    @Test func createKeepsWhatAClientMaySetAndNothingElse() async throws {
        let stage = try await RESTStage()
        let body = #"""
            {"streamId":"a","type":"playlist","name":"ä\"\\\n\u0001","description":"d","publish":false,"plannedStartDate":5,"plannedEndDate":6,
             "playListItemList":[{"streamUrl":"http://x/a.mp4","type":"VoD"},{"streamUrl":""}],"publicStream":false,"is360":true,"listenerHookURL":"http://h",
             "category":"c","ipAddr":"1.2.3.4","username":"u","password":"p","streamUrl":"rtsp://x","mp4Enabled":1,"webMEnabled":-1,"seekTimeInMs":7,
             "subtracksLimit":8,"expireDurationMS":9,"latitude":"1","longitude":"2","altitude":"3","mainTrackStreamId":"m","webRTCViewerLimit":10,
             "hlsViewerLimit":11,"dashViewerLimit":12,"subFolder":"a/%m","currentPlayIndex":1,"metaData":"{}","playlistLoopEnabled":false,"role":"r",
             "hlsParameters":{"hlsTime":"2"},"autoStartStopEnabled":true,"encoderSettingsList":[{"height":480,"videoBitrate":500000,"audioBitrate":64000}],
             "maxIdleTime":13,"endPointList":[{"rtmpUrl":"rtmp://target/live/k"}],
             "zombi":true,"updateTime":99,"startTime":99,"date":99,"duration":99,"bitrate":99,"hlsViewerCount":99,"rtmpViewerCount":99,"speed":9.5,
             "receivedBytes":99,"status":"broadcasting","publishType":"RTMP","originAdress":"x","rtmpURL":"x","remoteIp":"x","userAgent":"x","width":99}
            """#
        let broadcast = try await stage.post("/broadcasts/create", body).object()
        #expect(broadcast["name"] as? String == "ä\"\\\n\u{1}")
        for (member, value) in ["publish": false, "publicStream": false, "is360": true, "playlistLoopEnabled": false, "autoStartStopEnabled": true] {
            #expect(broadcast[member] as? Bool == value, "\(member)")
        }
        for (member, value) in [
            "plannedStartDate": 5, "plannedEndDate": 6, "mp4Enabled": 1, "webMEnabled": -1, "seekTimeInMs": 7, "subtracksLimit": 8,
            "expireDurationMS": 9,
            "webRTCViewerLimit": 10, "hlsViewerLimit": 11, "dashViewerLimit": 12, "currentPlayIndex": 1, "maxIdleTime": 13,
            "updateTime": 0, "startTime": 0, "duration": 0, "bitrate": 0, "hlsViewerCount": 0, "rtmpViewerCount": 0, "receivedBytes": 0, "width": 0,
        ] { #expect(broadcast[member] as? Int == value, "\(member)") }
        for (member, value) in [
            "description": "d", "listenerHookURL": "http://h", "category": "c", "ipAddr": "1.2.3.4", "username": "u", "password": "p",
            "streamUrl": "rtsp://x", "latitude": "1", "longitude": "2", "altitude": "3", "mainTrackStreamId": "m", "subFolder": "a/%m",
            "metaData": "{}",
            "role": "r", "status": "created", "originAdress": "example.org", "rtmpURL": "rtmp://example.org/live/a", "userAgent": "N/A",
        ] { #expect(broadcast[member] as? String == value, "\(member)") }
        #expect(broadcast["zombi"] as? Bool == false)
        #expect((broadcast["date"] as? Int) == 1_700_000_000_000)
        #expect((broadcast["playListItemList"] as? [Any])?.count == 1)
        let endpoints = try #require(broadcast["endPointList"] as? [[String: any Sendable]])
        #expect(endpoints[0]["endpointUrl"] as? String == "rtmp://target/live/k")
        #expect(endpoints[0]["rtmpUrl"] as? String == "rtmp://target/live/k")
        #expect((endpoints[0]["endpointServiceId"] as? String)?.hasPrefix("custom") == true)
        #expect(endpoints[0]["status"] as? String == "created")
        #expect(endpoints[0]["type"] as? String == "generic")
    }

    @Test(arguments: [
        (#"{"streamId":"taken"}"#, "Stream id is already being used. Please change stream id or keep it empty"),
        (#"{"streamId":"a b"}"#, "Stream id is not valid."), (#"{"streamId":"../a"}"#, "Stream id is not valid."),
        (#"{"streamId":".."}"#, "Stream id is not valid."), (#"{"streamId":"a\u0000"}"#, "Stream id is not valid."),
        (#"{"streamId":"count"}"#, "Stream id is not valid."), (#"{"streamId":"ä"}"#, "Stream id is not valid."),
        (#"{"streamId":"\#(String(repeating: "x", count: 300))"}"#, "Stream id is not valid."),
        (#"{"type":"ipCamera"}"#, "Stream url is not valid. "), (#"{"type":"ipCamera","ipAddr":"test"}"#, "Stream url is not valid. "),
        (#"{"type":"ipCamera","ipAddr":"srt:"}"#, "Stream url is not valid. "), (#"{"type":"streamSource"}"#, "Stream url is not valid. "),
        (#"{"type":"streamSource","streamUrl":"http://"}"#, "Stream url is not valid. "),
        (#"{"type":"streamSource","streamUrl":"file:///etc/passwd"}"#, "Stream url is not valid. "),
        (#"{"subFolder":"a/../b"}"#, "Subfolder is not valid. "), (#"{"subFolder":"/etc"}"#, "Subfolder is not valid. "),
        (#"{"subFolder":"a\u0000b"}"#, "Subfolder is not valid. "), (#"{"name":"a\u0000b"}"#, "The value of name is not valid."),
        (#"{"name":5}"#, "The value of name has the wrong type."),
        (#"{"plannedStartDate":"x"}"#, "The value of plannedStartDate has the wrong type."),
        (#"{"publish":"yes"}"#, "The value of publish has the wrong type."),
        (#"{"maxIdleTime":1e300}"#, "The body is not valid JSON, or a number in it is out of range."),
        (#"{"playListItemList":{}}"#, "The value of playListItemList has the wrong type."),
        (#"{"playListItemList":[{"durationInMs":true}]}"#, "The value of playListItemList.[0].durationInMs has the wrong type."),
        (#"{"endPointList":[{"endpointUrl":"http://x/y"}]}"#, "Endpoint url is not valid: http://x/y"),
        ("[]", "The body does not have the expected form."), ("\\\"x\\\"", "The body is not valid JSON, or a number in it is out of range."),
        ("{", "The body is not valid JSON, or a number in it is out of range."),
        ("{\"name\":\"\u{0}\"}", "The body is not valid JSON, or a number in it is out of range."),
    ]) func aWrongCreateIsRefusedWith400(body: String, message: String) async throws {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"taken"}"#)
        let reply = try await stage.post("/broadcasts/create", body)
        #expect(reply.status == .badRequest)
        let answer = try reply.object()
        #expect(answer["success"] as? Bool == false)
        #expect(answer["message"] as? String == message)
        #expect(try stage.database.broadcasts.count() == 1)
    }

    @Test(arguments: [
        #"{"type":"ipCamera","ipAddr":"10.0.0.1:8080"}"#, #"{"type":"ipCamera","ipAddr":"http://camera"}"#,
        #"{"type":"ipCamera","ipAddr":"camera.local"}"#,
        #"{"type":"ipCamera","ipAddr":"[fe80::1]:80"}"#, #"{"type":"streamSource","streamUrl":"rtsps://h/x"}"#,
        #"{"type":"streamSource","streamUrl":"udp://@:1"}"#,
        #"{"type":"VoD"}"#, #"{"type":"playlist"}"#, #"{"type":"somethingElse"}"#,
    ]) func everyTypeCanBeCreatedAndListed(body: String) async throws {
        let stage = try await RESTStage()
        let reply = try await stage.post("/broadcasts/create", body)
        #expect(reply.status == .ok, "\(reply.body)")
        let type = try #require(try reply.object()["type"] as? String)
        #expect(try await stage.get("/broadcasts/list/0/10?type_by=\(type)").objects().count == 1)
    }

    @Test(arguments: ["unknown", "..", "%2e%2e", "%2e%2e%2fetc%2fpasswd", "a%00", "%20", String(repeating: "x", count: 300), "%F0%9F%90%A6"])
    func anUnknownBroadcastIsAnEmpty404(id: String) async throws {
        let stage = try await RESTStage()
        let reply = try await stage.get("/broadcasts/\(id)")
        #expect(reply.status == .notFound)
        #expect(reply.body == "")
    }

    // MARK: PUT

    @Test func putAppliesWhatAClientMaySet() async throws {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a","name":"old","description":"stays","listenerHookURL":"http://h"}"#)
        let body = #"""
            {"name":"new","category":"c","publicStream":false,"is360":true,"expireDurationMS":5,"mp4Enabled":1,"webMEnabled":1,"hlsParameters":{"hlsTime":"4"},
             "publish":false,"mainTrackStreamId":"","listenerHookURL":"","description":null,"streamId":"b","type":"VoD","status":"broadcasting","startTime":9,
             "updateTime":9,"hlsViewerCount":9,"zombi":true,"anyoneWatching":true,"date":9,"receivedBytes":9,"bitrate":9,"originAdress":"evil","rtmpURL":"evil"}
            """#
        #expect(try await stage.put("/broadcasts/a", body).body == result(true))
        let broadcast = try await stage.get("/broadcasts/a").object()
        for (member, value) in [
            "name": "new", "description": "stays", "category": "c", "mainTrackStreamId": "", "listenerHookURL": "http://h", "streamId": "a",
            "type": "liveStream", "status": "created", "originAdress": "example.org",
        ] { #expect(broadcast[member] as? String == value, "\(member)") }
        for (member, value) in [
            "expireDurationMS": 5, "mp4Enabled": 1, "webMEnabled": 1, "startTime": 0, "updateTime": 0, "hlsViewerCount": 0, "receivedBytes": 0,
            "bitrate": 0,
            "date": 1_700_000_000_000,
        ] { #expect(broadcast[member] as? Int == value, "\(member)") }
        #expect(broadcast["publish"] as? Bool == false)
        #expect(broadcast["zombi"] as? Bool == false)
        #expect(try await stage.get("/broadcasts/b").status == .notFound)
    }

    @Test func whatGetShowsCanBePutBack() async throws {
        let stage = try await RESTStage()
        _ = try await stage.post(
            "/broadcasts/create",
            #"{"streamId":"a","type":"playlist","playListItemList":[{"streamUrl":"http://x"}],"endPointList":[{"endpointUrl":"rtmp://t/l/k"}]}"#)
        let before = try await stage.get("/broadcasts/a").body
        #expect(try await stage.put("/broadcasts/a", before).body == result(true))
        #expect(try await stage.get("/broadcasts/a").body == before)
    }

    @Test(
        arguments: [
            ("a", nil, result(false)), ("a", "null", result(false)),
            ("nobody", "{}", result(false, "Broadcast with streamId: nobody does not exist")),
            ("no%0Abody%00", "{}", result(false, "Broadcast with streamId: no_body_ does not exist")),
            ("%2e%2e", "{}", result(false, "Broadcast with streamId: .. does not exist")),
            ("src", #"{"streamUrl":"nonsense"}"#, result(false, "Stream URL is not valid")), ("src", #"{"streamUrl":" "}"#, result(true)),
            ("a", #"{"streamUrl":"nonsense"}"#, result(true)), ("a", #"{"subFolder":"../x"}"#, result(false, "Subfolder is not valid. ")),
            (
                "a", #"{"endPointList":[{"endpointUrl":"rtmp://t/l/k"},{"endpointUrl":"rtmp://t/l/k"}]}"#,
                result(false, "Endpoint is given twice: rtmp://t/l/k")
            ),
            ("a", "{}", result(true)),
        ] as [(String, String?, String)]) func putAnswersWithAResult(id: String, body: String?, answer: String) async throws
    {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#)
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"src","type":"streamSource","streamUrl":"rtsp://h/x"}"#)
        let reply = try await stage.put("/broadcasts/\(id)?socialNetworks=x", body)
        #expect(reply.status == .ok)
        #expect(reply.body == answer)
    }

    // MARK: DELETE

    @Test func deleteSaysWhetherAPublisherWasSentAway() async throws {
        let stage = try await RESTStage()
        for id in ["idle", "live"] { _ = try await stage.post("/broadcasts/create", #"{"streamId":"\#(id)"}"#) }
        let publisher = try await stage.publish("live")
        #expect(try await stage.delete("/broadcasts/idle").body == result(true, "broadcast is deleted but could not stopped "))
        #expect(try await stage.delete("/broadcasts/live").body == result(true, "broadcast is deleted and stopped successfully"))
        #expect(publisher.stream.generation == nil)
        for id in ["idle", "live", "nobody", "%2e%2e"] { #expect(try await stage.delete("/broadcasts/\(id)").body == result(false)) }
    }

    @Test(arguments: [("", 1), ("?deleteSubtracks=true", 1), ("?deleteSubtracks=no", 2), ("?deleteSubtracks=", 2)])
    func deletingTakesSubtracksAlongUnlessToldNotTo(query: String, left: Int) async throws {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"room"}"#)
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"sub","mainTrackStreamId":"room"}"#)
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"other"}"#)
        _ = try await stage.delete("/broadcasts/room\(query)")
        #expect(try stage.database.broadcasts.count() == left)
    }

    @Test(
        arguments: [
            ("?ids=a,b", nil, 200, result(true, "broadcast is deleted but could not stopped "), 1),
            ("/?ids=a,%20b%20,", nil, 200, result(true, "broadcast is deleted but could not stopped "), 1),
            ("/bulk", #"["a","b"]"#, 200, result(true, "broadcast is deleted but could not stopped "), 1),
            ("/bulk?ids=a", nil, 200, result(true, "broadcast is deleted but could not stopped "), 2),
            ("?ids=x,a,y", nil, 200, result(false, "Not deleted: x,y"), 2), ("/bulk", "[]", 200, result(false), 3),
            ("?ids=", nil, 200, result(false, "ids parameter is blank"), 3),
            ("", nil, 200, result(false, "ids parameter is blank"), 3), ("/", nil, 200, result(false, "ids parameter is blank"), 3),
            ("/bulk", "{}", 400, result(false, "The body does not have the expected form."), 3),
            ("/bulk", "[1]", 400, result(false, "The value of [0] has the wrong type."), 3),
        ] as [(String, String?, Int, String, Int)]) func manyAreDeletedInThreeSpellings(
            path: String, body: String?, status: Int, answer: String, left: Int
        ) async throws
    {
        let stage = try await RESTStage()
        for id in ["a", "b", "c"] { _ = try await stage.post("/broadcasts/create", #"{"streamId":"\#(id)"}"#) }
        let reply = try await stage.delete("/broadcasts" + path, body)
        #expect(reply.status.code == status)
        #expect(reply.body == answer)
        #expect(try stage.database.broadcasts.count() == left)
    }

    // MARK: stop

    @Test func stopSendsAPublisherAwayOnce() async throws {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#)
        #expect(try await stage.post("/broadcasts/a/stop").body == result(false))
        let publisher = try await stage.publish("a")
        #expect(try await stage.post("/broadcasts/a/stop").body == result(true))
        #expect(publisher.stream.generation == nil)
        #expect(try await stage.post("/broadcasts/a/stop").body == result(false))
        #expect(try await stage.post("/broadcasts/nobody/stop").body == result(false))
    }
}
