import Broadcasts
import Foundation
import HTTPTypes
import NIOCore
import Store
import Streams
import Synchronization
import TestSupport
import Testing

/// Lists, counts, recording, endpoints, statistics and VoDs: contract 1.6, 1.7, 1.10–1.13, 1.23, 1.24.
@Suite struct LiveContractTests {
    private func stageWithFive() async throws -> RESTStage {
        let stage = try await RESTStage()
        for body in [
            #"{"streamId":"id1","name":"beta"}"#, #"{"streamId":"id2","name":"Alpha","type":"ipCamera","ipAddr":"10.0.0.1"}"#, #"{"streamId":"ID3"}"#,
            #"{"streamId":"xyz","name":"Ärger / 100%","type":"VoD"}"#, #"{"streamId":"last","name":"gamma"}"#,
        ] { #expect(try await stage.post("/broadcasts/create", body).status == .ok) }
        return stage
    }

    @Test(arguments: [
        ("/list/0/50", ["id1", "id2", "ID3", "xyz", "last"]), ("/list/1/2", ["id2", "ID3"]), ("/list/-5/1", ["id1"]), ("/list/5/50", []),
        ("/list/0/0", []),
        ("/list/0/-1", []), ("/list/0/50?type_by=liveStream", ["id1", "ID3", "last"]), ("/list/0/50?type_by=", ["id1", "id2", "ID3", "xyz", "last"]),
        ("/list/0/50?type_by=livestream", []), ("/list/0/50?sort_by=name&order_by=asc", ["ID3", "id2", "id1", "last", "xyz"]),
        ("/list/0/50?sort_by=name&order_by=DESC", ["xyz", "last", "id1", "id2", "ID3"]),
        ("/list/0/50?sort_by=name", ["id1", "id2", "ID3", "xyz", "last"]),
        ("/list/0/50?sort_by=other&order_by=asc", ["id1", "id2", "ID3", "xyz", "last"]),
        ("/list/0/50?sort_by=name&order_by=x", ["ID3", "id2", "id1", "last", "xyz"]),
        ("/list/0/50?search=ID", ["id1", "id2", "ID3"]), ("/list/0/50?search=%C3%84RGER+%2F", ["xyz"]), ("/list/0/50?search=%00", []),
        ("/list/1/50?search=id&type_by=liveStream", ["ID3"]), ("/list/0/50?search=100%25", ["xyz"]),
        ("/list/0/50/", ["id1", "id2", "ID3", "xyz", "last"]),
        ("/filter-list/0/50/liveStream", ["id1", "ID3", "last"]), ("/filter-list/0/1/liveStream?sort_by=name&order_by=desc", ["last"]),
    ]) func listsAreFilteredSortedAndPaged(path: String, ids: [String]) async throws {
        let stage = try await self.stageWithFive()
        let reply = try await stage.get("/broadcasts" + path)
        #expect(reply.status == .ok)
        #expect(try reply.texts("streamId") == ids)
    }

    @Test func aPageHoldsFiftyAtMost() async throws {
        let stage = try await RESTStage()
        try await stage.database.broadcasts.insert(all: (0..<60).map { BroadcastRecord(id: "s\($0)", createdAt: 1) })
        #expect(try await stage.get("/broadcasts/list/0/250").objects().count == 50)
        #expect(try await stage.get("/broadcasts/list/50/50").objects().count == 10)
        #expect(try await stage.get("/broadcasts/list/0/9223372036854775807").objects().count == 50)
    }

    @Test(arguments: [
        ("/count", #"{"number":5}"#), ("/count/id", #"{"number":3}"#), ("/count/%C3%A4rger", #"{"number":1}"#), ("/count/%2F", #"{"number":1}"#),
        ("/count/nothing", #"{"number":0}"#), ("/active-live-stream-count", #"{"number":0}"#),
    ]) func countsAreSimpleStats(path: String, answer: String) async throws {
        let stage = try await self.stageWithFive()
        #expect(try await stage.get("/broadcasts" + path).body == answer)
    }

    @Test func whatIsShownWhileLiveComesFromTheStream() async throws {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#)
        let publisher = try await stage.publish("a")
        stage.setViewers(3, dash: 4)
        publisher.stream.rtmpViewers.store(2, ordering: .relaxed)
        let broadcast = try await stage.get("/broadcasts/a").object()
        for (member, value) in ["status": "broadcasting", "publishType": "RTMP", "remoteIp": "10.0.0.9", "userAgent": "FMLE/3.0"] {
            #expect(broadcast[member] as? String == value, "\(member)")
        }
        for (member, value) in [
            "width": 1280, "height": 720, "hlsViewerCount": 3, "dashViewerCount": 4, "rtmpViewerCount": 2, "receivedBytes": 110,
            "startTime": 1_700_000_000_000,
        ] {
            #expect(broadcast[member] as? Int == value, "\(member)")
        }
        #expect(broadcast["anyoneWatching"] as? Bool == true)
        #expect(try await stage.get("/broadcasts/active-live-stream-count").body == #"{"number":1}"#)
        #expect(try await stage.get("/broadcasts/list/0/1").objects()[0]["status"] as? String == "broadcasting")
        #expect(
            try await stage.get("/broadcasts/a/broadcast-statistics").body
                == #"{"totalRTMPWatchersCount":2,"totalHLSWatchersCount":3,"totalWebRTCWatchersCount":0,"totalDASHWatchersCount":4}"#)
        #expect(
            try await stage.get("/broadcasts/total-broadcast-statistics").body
                == #"{"totalRTMPWatchersCount":-1,"totalHLSWatchersCount":3,"totalWebRTCWatchersCount":0,"totalDASHWatchersCount":4,"activeLiveStreamCount":1}"#
        )
        let info = try await stage.get("/broadcasts/a/stream-info").objects()
        #expect(info.count == 1)
        let contract: Set = ["videoHeight", "videoWidth", "videoBitrate", "audioBitrate", "videoCodec"]
        let health: Set = [
            "bitrate1s", "bitrate10s", "bitrate60s", "fps", "keyframeIntervalMs", "avSkewMs", "hasBFrames", "timestampRepairs", "droppedFrames",
            "ingestGaps", "ingestGapMs", "speed",
        ]
        #expect(Set(info[0].keys) == contract.union(health))
        #expect(info[0]["videoHeight"] as? Int == 720)
        #expect(info[0]["videoCodec"] as? String == "H264")

        publisher.end(.finished)
        let after = try await stage.get("/broadcasts/a").object()
        #expect(after["status"] as? String == "finished")
        #expect(after["hlsViewerCount"] as? Int == 0 && after["dashViewerCount"] as? Int == 0)
        #expect(try await stage.get("/broadcasts/a/stream-info").body == "[]")
        #expect(
            try await stage.get("/broadcasts/a/broadcast-statistics").body
                == #"{"totalRTMPWatchersCount":-1,"totalHLSWatchersCount":0,"totalWebRTCWatchersCount":0,"totalDASHWatchersCount":0}"#)
    }

    @Test(arguments: ["nobody", "%2e%2e"]) func statisticsOfAnUnknownBroadcastAreMinusOne(id: String) async throws {
        let stage = try await RESTStage()
        #expect(
            try await stage.get("/broadcasts/\(id)/broadcast-statistics").body
                == #"{"totalRTMPWatchersCount":-1,"totalHLSWatchersCount":-1,"totalWebRTCWatchersCount":-1,"totalDASHWatchersCount":-1}"#)
        #expect(try await stage.get("/broadcasts/\(id)/stream-info").body == "[]")
    }

    // MARK: Recording

    @Test func recordingOfAnIdleBroadcastIsAWish() async throws {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#)
        for (status, type, member, value) in [
            ("true", "mp4", "mp4Enabled", 1), ("false", "mp4", "mp4Enabled", -1), ("TRUE", "webm", "webMEnabled", 1),
            ("nonsense", "webm", "webMEnabled", -1),
        ] {
            #expect(try await stage.put("/broadcasts/a/recording/\(status)?recordType=\(type)").body == result(true, nil, dataID: nil))
            #expect(try await stage.get("/broadcasts/a").object()[member] as? Int == value)
        }
    }

    @Test func recordingOfALiveBroadcastAnswersWithTheVod() async throws {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#)
        let publisher = try await stage.publish("a")
        #expect(try await stage.put("/broadcasts/a/recording/false").body == result(false, "mp4 recording couldn't be stopped", dataID: nil))
        #expect(
            try await stage.put("/broadcasts/a/recording/true?resolutionHeight=480").body
                == result(false, "mp4 recording couldn't be started", dataID: nil))
        let started = try await stage.put("/broadcasts/a/recording/true?resolutionHeight=-1&fileName=x").object()
        let vodID = try #require(started["dataId"] as? String)
        #expect(vodID.count == 24)
        #expect(started["message"] as? String == "1700000000777")
        #expect(try await stage.get("/broadcasts/a").object()["mp4Enabled"] as? Int == 1)
        #expect(try await stage.put("/broadcasts/a/recording/true").body == result(false, "mp4 recording couldn't be started", dataID: nil))
        #expect(
            try await stage.put("/broadcasts/a/recording/false?recordType=webm").body
                == result(false, "webm recording couldn't be stopped", dataID: nil))
        let beside = try await stage.put("/broadcasts/a/recording/true?recordType=webm").object()
        #expect(beside["success"] as? Bool == true)
        #expect(beside["dataId"] as? String != vodID)
        #expect(try await stage.get("/broadcasts/a").object()["webMEnabled"] as? Int == 1)
        #expect(
            try await stage.put("/broadcasts/a/recording/true?recordType=webm").body
                == result(false, "webm recording couldn't be started", dataID: nil))
        #expect(try await stage.put("/broadcasts/a/recording/false?resolutionHeight=9").body == result(true, "1700000000777", dataID: vodID))
        #expect(try await stage.get("/broadcasts/a").object()["mp4Enabled"] as? Int == -1)
        #expect(try await stage.get("/broadcasts/a").object()["webMEnabled"] as? Int == 1)
        _ = publisher
    }

    @Test(arguments: [
        ("nobody/recording/true", result(false, nil, dataID: nil)), ("%2e%2e/recording/true", result(false, nil, dataID: nil)),
        (
            "nobody/recording/true?recordType=flv",
            result(false, "No stream for this id: nobody or unexpected record type. Record type is null", dataID: nil)
        ),
        ("a/recording/true?recordType=MP4", result(false, "No stream for this id: a or unexpected record type. Record type is null", dataID: nil)),
    ]) func aWrongRecordingRequestIsRefused(path: String, answer: String) async throws {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#)
        let reply = try await stage.put("/broadcasts/" + path)
        #expect(reply.status == .ok)
        #expect(reply.body == answer)
    }

    // MARK: Endpoints

    @Test(
        arguments: [
            ("/endpoint", #"{"endpointUrl":"rtmp://t/live/k"}"#), ("/endpoint", #"{"rtmpUrl":"rtmp://t/live/k"}"#),
            ("/rtmp-endpoint", #"{"rtmpUrl":"rtmp://t/live/k"}"#),
            ("/rtmp-endpoint", #"{"endpointUrl":"rtmp://t/live/k","rtmpUrl":"rtmp://other/live/k"}"#),
            ("/endpoint?rtmpUrl=rtmp%3A%2F%2Ft%2Flive%2Fk", nil),
            ("/rtmp-endpoint?rtmpUrl=rtmp://t/live/k", nil), ("/endpoint", #"{"endpointUrl":"rtmp://t/live/k","type":"x","status":"y"}"#),
        ] as [(String, String?)]) func anEndpointIsAddedAndRemovedInEverySpelling(path: String, body: String?) async throws
    {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#)
        let added = try await stage.post("/broadcasts/a" + path, body).object()
        let serviceID = try #require(added["dataId"] as? String)
        #expect(added["success"] as? Bool == true)
        #expect(added["message"] is String == false)
        #expect(serviceID.hasPrefix("custom") && serviceID.count == 12)
        let list = try #require(try await stage.get("/broadcasts/a").object()["endPointList"] as? [[String: any Sendable]])
        #expect(list.count == 1)
        #expect(list[0]["endpointUrl"] as? String == "rtmp://t/live/k")
        #expect(list[0]["status"] as? String == "created")
        #expect(list[0]["type"] as? String == "generic")
        let name = path.prefix { $0 != "?" }
        #expect(try await stage.delete("/broadcasts/a\(name)?endpointServiceId=\(serviceID)").body == result(true))
        #expect(try await stage.delete("/broadcasts/a\(name)?endpointServiceId=\(serviceID)").body == result(false))
    }

    @Test func aLiveEndpointShowsWhatItDoes() async throws {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#)
        let publisher = try await stage.publish("a")
        let reply = try await stage.post("/broadcasts/a/endpoint", #"{"endpointUrl":"rtmp://t/live/k","endpointServiceId":"mine"}"#)
        #expect(reply.body == result(true, nil, dataID: "mine"))
        let list = try #require(try await stage.get("/broadcasts/a").object()["endPointList"] as? [[String: any Sendable]])
        #expect(list[0]["status"] as? String == "broadcasting")
        #expect(list[0]["state"] as? String == "live")
        #expect(list[0]["warnings"] is [Any] && list[0]["bitrate"] as? Int == 0)
        #expect(try await stage.delete("/broadcasts/a/endpoint?endpointServiceId=mine&resolutionHeight=0").body == result(true))
        _ = publisher
    }

    @Test(arguments: ["endpoint", "rtmp-endpoint"]) func anEndpointIsDisabledAndEnabled(name: String) async throws {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#)
        _ = try await stage.post("/broadcasts/a/endpoint", #"{"endpointUrl":"rtmp://t/live/k","endpointServiceId":"mine"}"#)
        func endpoint() async throws -> [String: any Sendable] {
            try #require((try await stage.get("/broadcasts/a").object()["endPointList"] as? [[String: any Sendable]])?.first)
        }
        #expect(try await endpoint()["state"] as? String == "idle")
        #expect(try await endpoint()["silentAudio"] is NSNull)
        let publisher = try await stage.publish("a")
        try await eventually("it is pushed") { try await endpoint()["state"] as? String == "live" }
        #expect(
            try await stage.put("/broadcasts/a/\(name)?endpointServiceId=mine", #"{"enabled":false,"silentAudio":true}"#).body == result(true))
        #expect(try await endpoint()["state"] as? String == "disabled")
        let disabled = try await endpoint()
        #expect(disabled["enabled"] as? Bool == false && disabled["silentAudio"] as? Bool == true)
        #expect(disabled["endpointUrl"] as? String == "rtmp://t/live/k")
        #expect(try await stage.put("/broadcasts/a/\(name)", #"{"enabled":true,"endpointServiceId":"mine"}"#).body == result(true))
        #expect(try await endpoint()["state"] as? String == "live")
        #expect(try await stage.put("/broadcasts/a/\(name)?endpointServiceId=other", #"{"enabled":true}"#).body == result(false))
        #expect(try await stage.put("/broadcasts/b/\(name)?endpointServiceId=mine", #"{"enabled":true}"#).body == result(false))
        #expect(try await stage.put("/broadcasts/a/\(name)").body == result(false))
        _ = publisher
    }

    @Test(arguments: [
        (#"{"endpointUrl":"rtmp://other/live/k"}"#, false), (#"{"rtmpUrl":"rtmp://t/live/k2","enabled":false}"#, false),
        (#"{"resolutionHeight":480}"#, false), (#"{"endpointUrl":" rtmp://t/live/k ","resolutionHeight":0,"enabled":true}"#, true),
    ])
    func whereAnEndpointPushesToCannotBeChanged(body: String, isTaken: Bool) async throws {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#)
        _ = try await stage.post("/broadcasts/a/endpoint", #"{"endpointUrl":"rtmp://t/live/k","endpointServiceId":"mine"}"#)
        let reply = try await stage.put("/broadcasts/a/endpoint?endpointServiceId=mine", body)
        #expect(reply.body == (isTaken ? result(true) : result(false, "The URL and the height of an endpoint cannot be changed.")))
        let list = try #require(try await stage.get("/broadcasts/a").object()["endPointList"] as? [[String: any Sendable]])
        #expect(list[0]["endpointUrl"] as? String == "rtmp://t/live/k" && list[0]["enabled"] as? Bool == true)
    }

    @Test func knownPlatformsAreListed() async throws {
        let stage = try await RESTStage()
        let list = try await stage.get("/endpoint-presets").objects()
        let youtube = try #require(list.first { $0["id"] as? String == "youtube" })
        #expect((youtube["urls"] as? [String])?.first == "rtmps://a.rtmps.youtube.com:443/live2")
        #expect(youtube["secure"] as? Bool == true && youtube["soundNeeded"] as? Bool == true)
        #expect(youtube["audioCodecs"] as? [String] == ["aac", "mp3"])
    }

    @Test(
        arguments: [
            ("a", nil, "Missing Endpoint url"), ("a", "{}", "Missing Endpoint url"), ("a", #"{"endpointUrl":"  "}"#, "Missing Endpoint url"),
            ("a", #"{"endpointUrl":null,"rtmpUrl":""}"#, "Missing Endpoint url"),
            ("nobody", #"{"endpointUrl":"rtmp://t/live/k"}"#, "Stream does not exist with Id: nobody"),
            (
                "a", #"{"endpointUrl":"rtmp://taken/live/k"}"#,
                "Endpoint is not added to datastore for stream a. It is already added ->rtmp://taken/live/k"
            ),
            ("a", #"{"endpointUrl":"http://t/live/k"}"#, "Endpoint is not added to stream: a"),
            ("a", #"{"endpointUrl":"10.0.0.1"}"#, "Endpoint is not added to stream: a"),
            ("a", #"{"endpointUrl":"file:///etc/passwd"}"#, "Endpoint is not added to stream: a"),
            ("a", #"{"endpointUrl":"rtmp://t/l/\u0000"}"#, "Endpoint is not added to stream: a"),
            ("a", #"{"endpointUrl":"rtmp://t/l/\#(String(repeating: "k", count: 3000))"}"#, "Endpoint is not added to stream: a"),
        ] as [(String, String?, String)]) func aWrongEndpointIsRefused(id: String, body: String?, message: String) async throws
    {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a","endPointList":[{"endpointUrl":"rtmp://taken/live/k"}]}"#)
        let reply = try await stage.post("/broadcasts/\(id)/endpoint", body)
        #expect(reply.status == .ok)
        #expect(reply.body == result(false, message))
    }

    @Test(arguments: ["a/endpoint", "a/endpoint?endpointServiceId=", "a/endpoint?endpointServiceId=x", "nobody/endpoint?endpointServiceId=x"])
    func everyMissOfARemovalIsFalse(path: String) async throws {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#)
        #expect(try await stage.delete("/broadcasts/" + path).body == result(false))
    }

    @Test func srtEndpointsAreTakenAsOthersAre() async throws {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#)
        let publisher = try await stage.publish("a")
        #expect(try await stage.post("/broadcasts/a/endpoint", #"{"endpointUrl":"srt://t:9000"}"#).object()["success"] as? Bool == true)
        let list = try #require(try await stage.get("/broadcasts/a").object()["endPointList"] as? [[String: any Sendable]])
        #expect(list[0]["status"] as? String == "broadcasting")
        #expect(list[0]["endpointUrl"] as? String == "srt://t:9000" && list[0]["rtmpUrl"] as? String == "srt://t:9000")
        let serviceID = try #require(list[0]["endpointServiceId"] as? String)
        let again = try await stage.post("/broadcasts/a/rtmp-endpoint", #"{"rtmpUrl":"srt://t:9000"}"#).object()
        #expect(again["success"] as? Bool == false)
        #expect(try await stage.delete("/broadcasts/a/endpoint?endpointServiceId=\(serviceID)").object()["success"] as? Bool == true)
        let refused = try await stage.post("/broadcasts/a/endpoint", #"{"endpointUrl":"srt://"}"#).object()
        #expect(refused["message"] as? String == "Endpoint is not added to stream: a")
        _ = publisher
    }

    // MARK: VoDs and version

    private static let emptyVod = """
        {"streamName":null,"vodName":null,"streamId":null,"creationDate":0,"startTime":0,"duration":0,"fileSize":0,"filePath":null,"vodId":null,"type":null,\
        "previewFilePath":null,"processStatus":null,"processStartTime":0,"processEndTime":0,"description":null,"metadata":null,"latitude":null,\
        "longitude":null,"altitude":null}
        """

    @Test func vodsAreReadListedCountedAndDeleted() async throws {
        let stage = try await RESTStage()
        for (index, name) in ["b.mp4", "A.mp4", "c.mp4"].enumerated() {
            var vod = VodRecord(id: "v\(index)", streamID: index == 1 ? "s2" : "s1", kind: .stream, createdAt: Int64(10 - index))
            vod.name = name
            vod.filePath = "streams/\(name)"
            vod.fileSize = 7
            try await stage.database.vods.insert(vod)
        }
        #expect(try await stage.get("/vods/unknown").body == Self.emptyVod)
        #expect(try await stage.get("/vods/%00").body == Self.emptyVod)
        let vod = try await stage.get("/vods/v0").object()
        #expect(vod["filePath"] as? String == "streams/b.mp4")
        #expect(vod["type"] as? String == "streamVod")
        #expect(vod.count == 19)
        for (path, ids) in [
            ("/list/0/50", ["v0", "v1", "v2"]), ("/list/1/1", ["v1"]), ("/list/0/50?sort_by=name&order_by=asc", ["v1", "v0", "v2"]),
            ("/list/0/50?sort_by=date&order_by=desc", ["v0", "v1", "v2"]), ("/list/0/50?sort_by=date&order_by=asc", ["v2", "v1", "v0"]),
            ("/list/0/50?streamId=s1&search=C.MP4", ["v2"]), ("/list/-1/0", []),
        ] { #expect(try await stage.get("/vods" + path).texts("vodId") == ids, "\(path)") }
        #expect(try await stage.get("/vods/count").body == #"{"number":3}"#)
        #expect(try await stage.get("/vods/count/s1").body == #"{"number":2}"#)
        #expect(try await stage.delete("/vods/v0").body == result(true, "vod deleted"))
        #expect(try await stage.delete("/vods/v0").body == result(false))
        let blank = "ids parameter is blank. Please give comma-separated vod ids to the 'ids' as query parameter"
        #expect(try await stage.delete("/vods").body == result(false, blank))
        #expect(try await stage.delete("/vods?ids=v1,x").body == result(false, "Not deleted: x"))
        #expect(try await stage.delete("/vods/bulk", #"["v2"]"#).body == result(true, "vod deleted"))
        #expect(try await stage.get("/vods/count").body == #"{"number":0}"#)
    }

    @Test(arguments: ["/v2", "/rest/v2", "/live/rest/v2", "/LiveApp/rest/v2"]) func theVersionIsServedUnderEveryPrefix(prefix: String) async throws {
        let stage = try await RESTStage()
        let reply = try await stage.send(.get, prefix + "/version")
        #expect(reply.body == #"{"versionName":"1.2.3","versionType":"Community Edition","buildNumber":"20260101_0000"}"#)
    }

    @Test func withoutAServerNameTheHostThatWasReachedIsShown() async throws {
        let stage = try await RESTStage({ $0.serverName = "" })
        let broadcast = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#).object()
        #expect(broadcast["rtmpURL"] as? String == "rtmp://reached.example/live/a")
        #expect(broadcast["originAdress"] as? String == "reached.example")
    }
}
