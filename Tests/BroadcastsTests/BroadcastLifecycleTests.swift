import Media
import NIOCore
import Store
import Streams
import TestSupport
import Testing

@testable import Broadcasts

@Suite struct BroadcastLifecycleTests {
    @Test func aRegisteredBroadcastGoesFromCreatedToFinishedAndStays() async throws {
        let stage = try await Stage()
        try await stage.create("a") { $0.about.name = "n" }
        #expect(try stage.service.find("a")?.status == .created)

        let publisher = try await stage.admit("a").get()
        #expect(try stage.service.find("a")?.status == .preparing)
        #expect(stage.service.activeCount() == 0)
        stage.feed(publisher)
        #expect(try stage.service.find("a")?.status == .broadcasting)
        #expect(stage.service.activeCount() == 1)
        try await eventually("started") { stage.events == [.liveStreamStarted(id: "a")] }
        let live = try stage.record("a")
        #expect(live.status == .broadcasting)
        #expect(live.run.startedAt == stage.time.wall)
        #expect(live.run.publishType == "RTMP")
        #expect(live.run.remoteIP == "10.1.2.3")
        #expect(live.run.userAgent == "FMLE/3.0")
        #expect(live.run.width == 1280)
        #expect(live.run.height == 720)
        #expect(stage.outputs.hls == ["live a"])

        let supervisor = try #require(stage.service.lifecycle.supervisor("a"))
        publisher.publish(Frames.picture(at: 1_000, bytes: 5_000), now: stage.time.now)
        stage.time.advance(12_345)
        await supervisor.tick()
        try await stage.end(publisher)
        #expect(try stage.service.find("a")?.status == .finished)
        try await eventually("stored") { try stage.record("a").status == .finished }
        let ended = try stage.record("a")
        #expect(ended.run.duration == 12_345)
        #expect(ended.run.updatedAt == stage.time.wall)
        #expect(ended.run.receivedBytes == 5_110)
        #expect(ended.about.name == "n")
        #expect(stage.outputs.hls == ["live a", "ended a"])
        #expect(stage.events == [.liveStreamStarted(id: "a"), .liveStreamEnded(id: "a")])
        try await eventually("nothing is left") { stage.service.lifecycle.supervisor("a") == nil }
    }

    @Test func aZombiGoesWithItsPublisher() async throws {
        let stage = try await Stage()
        let publisher = try await stage.publish("z")
        #expect(try stage.record("z").isZombi)
        #expect(try stage.service.find("z")?.status == .broadcasting)
        try await stage.end(publisher)
        try await eventually("removed") { try stage.database.broadcasts.find("z") == nil }
    }

    @Test func aZombiThatNeverSentAFrameGoesWithoutAnEvent() async throws {
        let stage = try await Stage()
        let publisher = try await stage.admit("z").get()
        #expect(try stage.record("z").isZombi)
        publisher.end(.lost)
        try await eventually("removed") { try stage.database.broadcasts.find("z") == nil }
        #expect(stage.events.isEmpty)
    }

    @Test func aPublisherThatComesBackAtOnceFindsItsZombiAgain() async throws {
        let stage = try await Stage()
        for _ in 0..<20 {
            let first = try await stage.admit("z").get()
            first.end(.finished)
            // Admitted while the end of the one before may not have been dealt with yet.
            let second = try await stage.publish("z")
            try await eventually("there") { try stage.database.broadcasts.find("z") != nil }
            try await stage.end(second)
        }
        try await eventually("removed") { try stage.database.broadcasts.find("z") == nil }
    }

    @Test func aTakeoverIsNoEnd() async throws {
        let stage = try await Stage()
        try await stage.create("a") { $0.endpoints = [.init(url: "rtmp://target/live/k")] }
        let first = try await stage.publish("a", token: "t")
        #expect(stage.outputs.destinations.count == 1)
        let second = try await stage.publish("a", token: "t")
        // The one that was replaced says goodbye late.
        first.end(.lost)
        #expect(stage.outputs.destinations.count == 1)
        #expect(!stage.outputs.destinations[0].isStopped)
        #expect(stage.events == [.liveStreamStarted(id: "a")])
        #expect(try stage.service.find("a")?.status == .broadcasting)
        try await stage.end(second)
        #expect(stage.events == [.liveStreamStarted(id: "a"), .liveStreamEnded(id: "a")])
        try await eventually("stopped") { stage.outputs.destinations[0].isStopped }
    }

    @Test func aTakeoverThatLeavesBeforeItsFirstFrameStillEndsWhatWasStarted() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let first = try await stage.publish("a", token: "t")
        let second = try await stage.admit("a", parameters: [(name: "token", value: "t")]).get()
        try await stage.end(second)
        #expect(stage.events == [.liveStreamStarted(id: "a"), .liveStreamEnded(id: "a")])
        try await eventually("stored") { try stage.record("a").status == .finished }
        // Then a new one is a start again.
        let third = try await stage.publish("a")
        #expect(stage.events.last == .liveStreamStarted(id: "a"))
        _ = (first, third)
    }

    @Test func deletingALiveBroadcastSendsThePublisherAwayAndLeavesNothing() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let stop = StopBox()
        let publisher = try await stage.publish("a", stop: stop)
        #expect(try await stage.service.delete("a", withSubtracks: true))
        #expect(stop.told == [.deleted])
        _ = publisher
        try await eventually("ended") { stage.events.last == .liveStreamEnded(id: "a") }
        try await eventually("nothing is left") { stage.service.lifecycle.supervisor("a") == nil }
        #expect(try stage.service.find("a") == nil)
        #expect(stage.service.activeCount() == 0)
    }

    @Test func stopCountsOncePerPublisher() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        await #expect(throws: BroadcastError.notLive) { try await stage.service.stop("a", withSubtracks: true) }
        let stubborn = StopBox(leaves: false)
        let publisher = try await stage.publish("a", stop: stubborn)
        try await stage.service.stop("a", withSubtracks: true)
        await #expect(throws: BroadcastError.notLive) { try await stage.service.stop("a", withSubtracks: true) }
        #expect(stubborn.told == [.stoppedByUser])
        try await stage.end(publisher, .stopped(.stoppedByUser))
        let next = try await stage.publish("a", stop: stubborn)
        try await stage.service.stop("a", withSubtracks: true)
        #expect(stubborn.told.count == 2)
        _ = next
    }

    @Test func subtracksAreStoppedAndDeletedWithTheirMainTrack() async throws {
        let stage = try await Stage()
        try await stage.create("room")
        for id in ["s1", "s2", "s3"] { try await stage.create(id) { $0.about.mainTrackID = "room" } }
        let stops = [StopBox(), StopBox(), StopBox()]
        let publishers = [
            try await stage.publish("s1", stop: stops[0]), try await stage.publish("s2", stop: stops[1]),
            try await stage.publish("room", stop: stops[2]),
        ]
        await #expect(throws: BroadcastError.unknownBroadcast) { try await stage.service.stop("nobody", withSubtracks: true) }
        try await stage.service.stop("room", withSubtracks: true)
        #expect(stops.map(\.told) == [[.stoppedByUser], [.stoppedByUser], [.stoppedByUser]])
        #expect(publishers.count == 3)
        try await eventually("over") { stage.service.activeCount() == 0 }

        let again = StopBox()
        let publisher = try await stage.publish("s3", stop: again)
        #expect(try await stage.service.delete("room", withSubtracks: true) == false)
        #expect(again.told == [.deleted])
        #expect(try stage.service.count() == 0)
        _ = publisher
    }

    @Test func aPictureThatIsTooHighIsSentAway() async throws {
        let stage = try await Stage({ $0.maxHeight = 720 })
        let fits = StopBox()
        let fitting = try await stage.publish("fits", height: 720, stop: fits)
        let tooHigh = StopBox()
        let publisher = try await stage.publish("tall", height: 1080, stop: tooHigh)
        #expect(tooHigh.told == [.tooHigh])
        #expect(fits.told == [])
        // It may grow later, too.
        var grown = Frames.video
        grown.format = .video(VideoFormat(width: 1920, height: 1080))
        fitting.announce(grown)
        try await eventually("sent away") { fits.told == [.tooHigh] }
        _ = publisher
    }

    @Test func aBitRateThatStaysTooHighIsSentAway() async throws {
        let stage = try await Stage({ $0.maxBitrate = 1_000_000 })
        let stop = StopBox(leaves: false)
        let publisher = try await stage.publish("a", stop: stop)
        let supervisor = try #require(stage.service.lifecycle.supervisor("a"))
        for second in 1...8 {
            publisher.publish(Frames.picture(at: Int64(second) * 1_000, bytes: 300_000), now: stage.time.now)
            stage.time.advance(1_000)
            await supervisor.tick()
        }
        #expect(stop.told.first == .tooFast)
        try await stage.end(publisher)
    }

    @Test func afterARestartTheRowsAgreeWithWhatRuns() async throws {
        let before = try await Stage(start: false)
        var live = BroadcastRecord(id: "live", createdAt: 1)
        live.status = .broadcasting
        try await before.database.broadcasts.insert(all: [
            live, BroadcastRecord(id: "idle", createdAt: 1), BroadcastRecord(id: "zombi", createdAt: 1, isZombi: true),
        ])
        // Even before the rows are put in order, nothing is shown live that does not run.
        #expect(try before.service.find("live")?.status == .finished)
        try await before.service.start()
        #expect(try before.record("live").status == .finished)
        #expect(try before.record("idle").status == .created)
        #expect(try before.database.broadcasts.find("zombi") == nil)
    }

    @Test func theEndWaitsForWhatIsBeingFinished() async throws {
        let stage = try await Stage({ $0.recordMP4 = true })
        let stop = StopBox()
        let publisher = try await stage.publish("a", stop: stop)
        try await eventually("recorded") { !stage.outputs.recorders.isEmpty }
        let recorder = try #require(stage.outputs.recorders.first)
        async let isEmpty = stage.service.shutdown(within: .seconds(30))
        try await eventually("asked to leave") { stop.told == [.shuttingDown] }
        try await eventually("recorder stopped") { recorder.isStopped }
        recorder.finish()
        #expect(await isEmpty)
        #expect(try stage.database.vods.count() == 1)
        _ = publisher
    }

    @Test func theEndDoesNotWaitForEver() async throws {
        let stage = try await Stage({ $0.recordMP4 = true })
        let publisher = try await stage.publish("a", stop: StopBox(leaves: false))
        try await eventually("noted") { try !stage.database.recordings.all().isEmpty }
        #expect(await stage.service.shutdown(within: .milliseconds(20)) == false)
        // What could not be waited for is found at the next start.
        #expect(try stage.database.recordings.all().count == 1)
        _ = publisher
    }

    @Test func manyPublishersAtOnceAllGetThrough() async throws {
        let stage = try await Stage()
        let publishers = try await withThrowingTaskGroup(of: Publisher.self) { group in
            for number in 0..<100 { group.addTask { try await stage.publish("s\(number)") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(stage.service.activeCount() == 100)
        #expect(try stage.service.count() == 100)
        for publisher in publishers { publisher.end(.finished) }
        try await eventually("all removed") { try stage.service.count() == 0 }
    }
}
