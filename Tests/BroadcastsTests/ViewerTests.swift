import BroadcastSupport
import Gateways
import NIOCore
import NIOEmbedded
import Store
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Broadcasts

@Suite(.againstHanging) struct ViewerTests {
    private func stage() async throws -> Stage {
        let stage = try await Stage()
        try await stage.createSource("a") { $0.source.startsWithViewers = true }
        try await stage.createSource("plain")
        return stage
    }

    private func pulled(_ stage: Stage, count: Int = 1) async throws -> FakePull {
        try await eventually("pulled") { stage.sources.pulls.count == count }
        return try #require(stage.sources.pull("a"))
    }

    @Test func theFirstViewerStartsItAndTheOthersDoNot() async throws {
        let stage = try await self.stage()
        #expect(!stage.service.viewerArrived("plain"))
        #expect(!stage.service.viewerArrived("nobody"))
        for _ in 0..<50 { #expect(stage.service.viewerArrived("a")) }
        _ = try await self.pulled(stage)
        #expect(stage.service.viewerArrived("a"))
        try await stage.settled()
        #expect(stage.sources.pulls.count { $0.plan.id == "a" } == 1)
        // Viewers come again after a restart: it is not wanted for longer than they are there.
        #expect(try !stage.record("a").source.isWanted)
    }

    @Test func anRTMPPlayerIsAViewer() async throws {
        let stage = try await self.stage()
        _ = try await stage.service.lifecycle.admit(PlayRequest(app: "live", id: "a", remoteAddress: "10.0.0.1")).get()
        _ = try await self.pulled(stage)
    }

    @Test func itStopsTenSecondsAfterTheLastViewer() async throws {
        let stage = try await self.stage()
        #expect(stage.service.viewerArrived("a"))
        let pull = try await self.pulled(stage)
        try await stage.broadcast(pull)
        stage.outputs.setViewers(1, of: "a")
        stage.time.advance(60_000)
        await stage.service.sources.tick()
        stage.outputs.setViewers(0, of: "a")
        // A player counts as well, as long as it stays.
        let stream = try #require(stage.streams.find(StreamKey("a")))
        stream.rtmpViewers.add(1, ordering: .relaxed)
        stage.time.advance(60_000)
        await stage.service.sources.tick()
        stream.rtmpViewers.subtract(1, ordering: .relaxed)
        stage.time.advance(10_000)
        await stage.service.sources.tick()
        #expect(!pull.isStopped)
        stage.time.advance(1)
        await stage.service.sources.tick()
        #expect(pull.isStopped)
        try await eventually("ended") { stage.events.last == .liveStreamEnded(id: "a") }
        // And the next one starts it again.
        #expect(stage.service.viewerArrived("a"))
        _ = try await self.pulled(stage, count: 2)
    }

    @Test func whoAsksForItKeepsItAlive() async throws {
        let stage = try await self.stage()
        #expect(stage.service.viewerArrived("a"))
        let pull = try await self.pulled(stage)
        for _ in 0..<5 {
            stage.time.advance(9_000)
            #expect(stage.service.viewerArrived("a"))
            await stage.service.sources.tick()
        }
        #expect(!pull.isStopped)
    }

    @Test func theFlagDecidesAlsoForWhatWasStartedByHand() async throws {
        let stage = try await self.stage()
        _ = try await stage.service.startPull("a")
        _ = try await stage.service.startPull("plain")
        stage.time.advance(10_001)
        await stage.service.sources.tick()
        #expect(stage.sources.pull("a")?.isStopped == true)
        #expect(stage.sources.pull("plain")?.isStopped == false)
        // It may be set while it runs.
        var changes = BroadcastChanges()
        changes.source.startsWithViewers = true
        // It is looked at by itself as well, maybe before the viewer has arrived.
        stage.outputs.setViewers(1, of: "plain")
        try await stage.service.update("plain", changes)
        #expect(stage.service.viewerArrived("plain"))
        stage.outputs.setViewers(0, of: "plain")
        await stage.service.sources.tick()
        #expect(stage.sources.pull("plain")?.isStopped == false)
        changes.source.startsWithViewers = false
        try await stage.service.update("a", changes)
        #expect(!stage.service.viewerArrived("a"))
    }

    @Test func aStopThatMeetsAStartForAViewerLeavesItReadyForTheNext() async throws {
        let stage = try await self.stage()
        for _ in 0..<20 {
            _ = stage.service.viewerArrived("a")
            do throws(BroadcastError) { try await stage.service.stop("a", withSubtracks: false) } catch { #expect(error == .nothingPulled) }
            try await eventually("pulled for the next one") {
                stage.service.viewerArrived("a") && stage.sources.pull("a")?.isStopped == false
            }
            try await stage.service.stop("a", withSubtracks: false)
        }
    }

    @Test func aViewerIsHeldUntilTheFirstFrame() async throws {
        let stage = try await self.stage()
        let loop = NIOAsyncTestingEventLoop()
        #expect(stage.service.viewerArrived("a"))
        let held = stage.service.whenLive("a", on: loop, within: .seconds(10))
        let other = stage.service.whenLive("plain", on: loop, within: .seconds(10))
        let pull = try await self.pulled(stage)
        try await stage.broadcast(pull)
        #expect(try await held.get())
        // Who comes later is not held at all.
        #expect(try await stage.service.whenLive("a", on: loop, within: .seconds(10)).get())
        await loop.advanceTime(by: .seconds(10))
        #expect(try await !other.get())
        await loop.shutdownGracefully()
    }

    @Test func aViewerIsNotHeldForWhatIsStoppedOrCannotStart() async throws {
        let stage = try await Stage({ $0.sources.maximum = 1 })
        try await stage.createSource("a") { $0.source.startsWithViewers = true }
        try await stage.createSource("b") { $0.source.startsWithViewers = true }
        let loop = NIOAsyncTestingEventLoop()
        #expect(stage.service.viewerArrived("a"))
        let held = stage.service.whenLive("a", on: loop, within: .seconds(10))
        _ = try await self.pulled(stage)
        let crowded = stage.service.whenLive("b", on: loop, within: .seconds(10))
        #expect(stage.service.viewerArrived("b"))
        #expect(try await !crowded.get())
        // For some seconds nobody is held for it; then it is tried again.
        #expect(!stage.service.viewerArrived("b"))
        try await stage.service.stop("a", withSubtracks: false)
        #expect(try await !held.get())
        stage.time.advance(3_000)
        #expect(stage.service.viewerArrived("b"))
        try await eventually("pulled") { stage.sources.pull("b") != nil }
        let last = stage.service.whenLive("b", on: loop, within: .seconds(10))
        await stage.service.shutdown(within: .seconds(5))
        #expect(try await !last.get())
        #expect(try await !stage.service.whenLive("b", on: loop, within: .seconds(10)).get())
        #expect(!stage.service.viewerArrived("b"))
        await loop.shutdownGracefully()
    }
}

@Suite(.againstHanging) struct LineTests {
    @Test func turnsArePassedOnInOrder() async throws {
        let turns = Turns()
        await turns.take("a")
        // Another one's is free.
        await turns.take("b")
        turns.pass("b")
        let (order, continuation) = AsyncStream.makeStream(of: Int.self)
        var tasks: [Task<Void, Never>] = []
        for number in 0..<5 {
            let (queued, isQueued) = AsyncStream.makeStream(of: Void.self)
            tasks.append(
                Task {
                    isQueued.finish()
                    await turns.take("a")
                    continuation.yield(number)
                    turns.pass("a")
                })
            for await _ in queued {}
        }
        turns.pass("a")
        for task in tasks { await task.value }
        continuation.finish()
        var seen: [Int] = []
        for await number in order { seen.append(number) }
        #expect(seen.sorted() == [0, 1, 2, 3, 4])
        await turns.take("a")
        turns.pass("a")
    }

    @Test func aProbeLineHasPlacesAndAnEnd() async throws {
        let sources = FakeSources()
        sources.hangProbes()
        let line = ProbeLine(most: 2, longest: 1, timeout: .seconds(1), probe: sources.factory.probe)
        let results = await withTaskGroup(of: Result<SourceProbe, PullFailure>.self) { group in
            for number in 0..<4 { group.addTask { await line.look(at: PullItem(url: "http://h/\(number)", isFile: true)) } }
            // The one for whom there is no room comes first.
            let first = await group.next()
            #expect(sources.probed.count <= 2)
            sources.releaseProbes()
            return await group.reduce(into: [first].compactMap { $0 }) { $0.append($1) }
        }
        #expect(results.count == 4)
        #expect(results.count { if case .failure = $0 { true } else { false } } == 1)
        #expect(sources.probed.count == 3)
        let again = await line.look(at: PullItem(url: "http://h/5", isFile: true))
        #expect(again == .success(SourceProbe(duration: nil)))
    }
}
