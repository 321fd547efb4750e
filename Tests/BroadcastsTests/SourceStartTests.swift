import BroadcastSupport
import Gateways
import Media
import NIOCore
import Store
import TestSupport
import Testing

@testable import Broadcasts

@Suite struct SourceStartTests {
    @Test func aStartedSourceIsPulledAndWantedUntilItIsStopped() async throws {
        let stage = try await Stage()
        try await stage.createSource("a", "rtsp://camera/1")
        #expect(try await stage.service.startPull("a") == .source)
        let pull = try #require(stage.sources.pull("a"))
        #expect(pull.plan == PullPlan(id: "a", content: .live(PullItem(url: "rtsp://camera/1", isFile: false))))
        #expect(try stage.record("a").source.isWanted)
        #expect(try stage.service.find("a")?.status == .preparing)

        try await stage.broadcast(pull)
        #expect(try stage.service.find("a")?.status == .broadcasting)
        #expect(try stage.service.find("a")?.pull?.state == .broadcasting)
        #expect(stage.service.activeCount() == 1)

        #expect(try await stage.service.stop("a", withSubtracks: true) == .source)
        #expect(pull.isStopped)
        #expect(try !stage.record("a").source.isWanted)
        #expect(try stage.service.find("a")?.pull == nil)
        try await eventually("told once each") { stage.events == [.liveStreamStarted(id: "a"), .liveStreamEnded(id: "a")] }
        #expect(try stage.service.find("a")?.status == .finished)
        await #expect(throws: BroadcastError.nothingPulled) { try await stage.service.stop("a", withSubtracks: true) }
    }

    @Test func aCallerWhoLeavesHasStoppedItAllTheSame() async throws {
        let stage = try await Stage()
        try await stage.createSource("a")
        _ = try await stage.service.startPull("a")
        let caller = Task { try await stage.service.stop("a", withSubtracks: false) }
        caller.cancel()
        #expect(try await caller.value == .source)
        #expect(try !stage.record("a").source.isWanted)
    }

    @Test func betweenTwoTriesItIsShownAsOverAndCannotBeStartedAgain() async throws {
        let stage = try await Stage()
        try await stage.createSource("a")
        _ = try await stage.service.startPull("a")
        let pull = try #require(stage.sources.pull("a"))
        pull.lose()
        #expect(try stage.service.find("a")?.status == .finished)
        await #expect(throws: BroadcastError.alreadyActive) { try await stage.service.startPull("a") }
        // It can be stopped then, too, and started anew.
        try await stage.service.stop("a", withSubtracks: false)
        #expect(pull.isStopped)
        _ = try await stage.service.startPull("a")
        #expect(stage.sources.pulls.count == 2)
        // What the first one says late is nobody's business.
        pull.tell(.finished(listEnded: false, nil))
        stage.sources.pulls[1].show(.broadcasting)
        try await stage.settled()
        #expect(try stage.service.find("a")?.pull?.state == .broadcasting)
        #expect(try stage.record("a").source.isWanted)
    }

    @Test func aSourceThatNeverCameIsFinishedWhenItIsStopped() async throws {
        let stage = try await Stage()
        try await stage.createSource("a")
        _ = try await stage.service.startPull("a")
        try await stage.service.stop("a", withSubtracks: true)
        #expect(try stage.service.find("a")?.status == .finished)
        #expect(stage.events.isEmpty)
    }

    @Test func aPullThatEndsByItselfIsNotWantedAnyMore() async throws {
        let stage = try await Stage()
        try await stage.createSource("a")
        _ = try await stage.service.startPull("a")
        stage.sources.pull("a")?.tell(.finished(listEnded: false, PullFailure(cause: .other, text: "sent away")))
        try await eventually("forgotten") { try !stage.record("a").source.isWanted }
        #expect(try stage.service.find("a")?.pull == nil)
        _ = try await stage.service.startPull("a")
    }

    @Test func everyReasonNotToStartHasItsName() async throws {
        let stage = try await Stage({ $0.sources.maximum = 1 })
        try await stage.create("live") { $0.source.streamURL = "rtsp://h/x" }
        try await stage.create("plain")
        try await stage.create("empty") { $0.type = "playlist" }
        try await stage.create("vod") { $0.type = "VoD" }
        try await stage.create("camera") {
            $0.type = "ipCamera"; $0.source.ipAddress = "10.0.0.1:80"
        }
        try await stage.createSource("a", "rtsp://h/a")
        try await stage.createSource("b", "rtsp://h/b")
        let expected: [(String, BroadcastError)] = [
            ("nobody", .unknownBroadcast), ("no id", .unknownBroadcast), ("live", .typeNotStartable), ("plain", .noSource), ("empty", .playlistEmpty),
            ("vod", .noSource), ("camera", .cameraUnreachable(address: "10.0.0.1:80", code: -1)),
        ]
        for (id, error) in expected { await #expect(throws: error) { try await stage.service.startPull(id) } }
        _ = try await stage.service.startPull("a")
        await #expect(throws: BroadcastError.alreadyActive) { try await stage.service.startPull("a") }
        await #expect(throws: BroadcastError.resourcesExhausted) { try await stage.service.startPull("b") }
        // The address may have become forbidden since it was stored.
        stage.sources.forbid("rtsp://h/b")
        await #expect(throws: BroadcastError.sourceURLInvalid) { try await stage.service.startPull("b") }
        #expect(stage.sources.pulls.count == 1)
        #expect(try !stage.record("b").source.isWanted)
    }

    @Test func twoWhoStartAtOnceStartOnce() async throws {
        let stage = try await Stage()
        try await stage.createSource("a")
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    do throws(BroadcastError) { return try await stage.service.startPull("a") == .source } catch {
                        #expect(error == .alreadyActive)
                        return false
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 } == 1)
        #expect(stage.sources.pulls.count == 1)
    }

    @Test func startsAndStopsAtOnceEndAsTheRowSays() async throws {
        let stage = try await Stage()
        try await stage.createSource("a")
        for _ in 0..<20 {
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        do throws(BroadcastError) {
                            if number.isMultiple(of: 2) {
                                _ = try await stage.service.startPull("a")
                            } else {
                                try await stage.service.stop("a", withSubtracks: false)
                            }
                        } catch {
                            #expect(error == .alreadyActive || error == .nothingPulled)
                        }
                    }
                }
            }
            #expect(try stage.record("a").source.isWanted == (stage.service.find("a")?.pull != nil))
        }
        #expect(stage.sources.pulls.dropLast().allSatisfy { $0.isStopped })
    }

    @Test func deletingEndsThePullAndLeavesNothing() async throws {
        let stage = try await Stage()
        try await stage.createSource("a")
        _ = try await stage.service.startPull("a")
        let pull = try #require(stage.sources.pull("a"))
        try await stage.broadcast(pull)
        #expect(try await stage.service.delete("a", withSubtracks: true))
        #expect(pull.isStopped)
        try await eventually("nothing is left") { stage.service.lifecycle.supervisor("a") == nil }
        #expect(try stage.database.broadcasts.find("a") == nil)
        #expect(await stage.service.sources.running.isEmpty)
    }

    @Test func aPullWhoseBroadcastIsGoneMakesNoNewOne() async throws {
        let stage = try await Stage()
        try await stage.createSource("a")
        _ = try await stage.service.startPull("a")
        let pull = try #require(stage.sources.pull("a"))
        #expect(try await stage.service.delete("a", withSubtracks: true))
        // Its first frame was on its way.
        try await stage.broadcast(pull)
        #expect(try stage.database.broadcasts.find("a") == nil)
        pull.stop()
    }

    @Test func subtracksThatArePulledStopWithTheirMainTrack() async throws {
        let stage = try await Stage()
        try await stage.createSource("room", "rtsp://h/r")
        try await stage.createSource("s", "rtsp://h/s") { $0.about.mainTrackID = "room" }
        _ = try await stage.service.startPull("room")
        _ = try await stage.service.startPull("s")
        #expect(try await stage.service.stop("room", withSubtracks: true) == .source)
        #expect(stage.sources.pulls.allSatisfy { $0.isStopped })
        #expect(try !stage.record("s").source.isWanted)
    }

    @Test func theEndStopsAllPullsAndKeepsWhatIsWanted() async throws {
        let stage = try await Stage()
        try await stage.createSource("a")
        _ = try await stage.service.startPull("a")
        try await stage.broadcast(#require(stage.sources.pull("a")))
        let limit = TimeAmount.seconds(30)
        #expect(await stage.service.shutdown(within: limit))
        #expect(stage.sources.pulls.allSatisfy { $0.isStopped })
        #expect(try stage.record("a").source.isWanted)
        await #expect(throws: BroadcastError.resourcesExhausted) { try await stage.service.startPull("a") }
    }
}

@Suite struct CreateAndStartTests {
    private func changes(_ type: String?, url: String? = nil, address: String? = nil) -> BroadcastChanges {
        var changes = BroadcastChanges()
        changes.type = type
        changes.source.streamURL = url
        changes.source.ipAddress = address
        return changes
    }

    @Test(arguments: [
        ("rtsp://h/a", "streamSource"), ("http://h/a.mp4", "VoD"), ("HTTPS://h/a.WEBM", "VoD"), ("http://h/a.flv", "VoD"),
        ("http://h/a.m3u8", "streamSource"), ("rtmp://h/live/mp4", "streamSource"),
    ]) func aStreamSourceIsStoredAndStarted(url: String, type: String) async throws {
        let stage = try await Stage()
        let id = try await stage.service.createAndStart(self.changes("streamSource", url: url))
        let record = try stage.record(id)
        #expect(record.type.rawValue == type)
        #expect(record.source.isWanted)
        #expect(stage.sources.pull(id)?.item?.url == url)
        if type == "VoD" { #expect(stage.sources.pull(id)?.plan.sequence?.loops == true) }
    }

    @Test func aCameraWithAURLIsPulledWithItsCredentials() async throws {
        let stage = try await Stage()
        var camera = self.changes("ipCamera", address: "rtsp://10.0.0.9:554/live")
        camera.streamID = "cam"
        camera.source.username = "admin"
        camera.source.password = "p@ss w"
        #expect(try await stage.service.createAndStart(camera) == "cam")
        #expect(stage.sources.pull("cam")?.item == PullItem(url: "rtsp://10.0.0.9:554/live", username: "admin", password: "p@ss w", isFile: false))
    }

    @Test func whatCannotBeStartedIsNotStored() async throws {
        let stage = try await Stage({ $0.sources.maximum = 1 })
        try await stage.create("taken")
        stage.sources.forbid("rtsp://127.0.0.1/a")
        var taken = self.changes("streamSource", url: "rtsp://h/a")
        taken.streamID = "taken"
        var invalid = taken
        invalid.streamID = "a b"
        var folder = self.changes("streamSource", url: "rtsp://h/a")
        folder.output.subFolder = "../x"
        let cases: [(BroadcastChanges?, BroadcastError)] = [
            (nil, .nothingGiven), (taken, .idTaken), (invalid, .idInvalid), (self.changes(nil), .autoStartTypeInvalid),
            (self.changes("playlist"), .autoStartTypeInvalid), (self.changes("VoD", url: "http://h/a.mp4"), .autoStartTypeInvalid),
            (self.changes("streamSource", url: "file:///etc/passwd"), .sourceURLInvalid), (self.changes("streamSource"), .sourceURLInvalid),
            (self.changes("streamSource", url: "rtsp://127.0.0.1/a"), .sourceURLInvalid), (folder, .subFolderInvalid),
            (self.changes("ipCamera", address: "test"), .cameraAddressInvalid("test")), (self.changes("ipCamera"), .cameraAddressInvalid("")),
            (self.changes("ipCamera", address: "10.0.0.9"), .cameraUnreachable(address: "10.0.0.9", code: -1)),
            (self.changes("ipCamera", address: "http://10.0.0.9:8080"), .cameraUnreachable(address: "http://10.0.0.9:8080", code: -1)),
        ]
        for (changes, error) in cases { await #expect(throws: error) { try await stage.service.createAndStart(changes) } }
        #expect(try stage.service.count() == 1)
        #expect(stage.sources.pulls.isEmpty)
        _ = try await stage.service.createAndStart(self.changes("streamSource", url: "rtsp://h/a"))
        await #expect(throws: BroadcastError.resourcesExhausted) {
            try await stage.service.createAndStart(self.changes("streamSource", url: "rtsp://h/b"))
        }
        #expect(try stage.service.count() == 2)
    }
}
