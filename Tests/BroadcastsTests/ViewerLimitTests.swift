import BroadcastSupport
import NIOCore
import Store
import Streams
import TestSupport
import Testing

@testable import Broadcasts

/// The limits that live HLS asks for with every request: always those of the rows.
@Suite(.againstHanging) struct ViewerLimitTests {
    private func set(_ stage: Stage, _ id: String, hls: Int? = nil, dash: Int? = nil) async throws {
        var changes = BroadcastChanges()
        changes.schedule.hlsViewerLimit = hls
        changes.schedule.dashViewerLimit = dash
        try await stage.service.update(id, changes)
    }

    @Test func theyFollowCreationChangeAndRemoval() async throws {
        let stage = try await Stage()
        #expect(stage.limits.hls("a") == -1 && stage.limits.dash("a") == -1)
        try await stage.create("a") { $0.schedule.hlsViewerLimit = 3 }
        #expect(stage.limits.hls("a") == 3 && stage.limits.dash("a") == -1)
        try await self.set(stage, "a", dash: 0)
        #expect(stage.limits.hls("a") == 3 && stage.limits.dash("a") == 0)
        try await self.set(stage, "a", hls: -1)
        #expect(stage.limits.hls("a") == -1 && stage.limits.dash("a") == 0)
        _ = try await stage.service.delete("a", withSubtracks: false)
        #expect(stage.limits.dash("a") == -1)
    }

    @Test func theyHoldAfterARestart() async throws {
        let stage = try await Stage()
        try await stage.create("a") { $0.schedule.dashViewerLimit = 7 }
        try await stage.create("b")
        let next = try await stage.restarted()
        #expect(next.limits.hls("a") == -1 && next.limits.dash("a") == 7 && next.limits.dash("b") == -1)
    }

    @Test func thoseOfABroadcastThatGoesWithItsPublisherGoToo() async throws {
        let stage = try await Stage()
        let publisher = try await stage.publish("passing")
        try await self.set(stage, "passing", hls: 1)
        #expect(stage.limits.hls("passing") == 1)
        try await stage.end(publisher)
        try await eventually("forgotten") { stage.limits.hls("passing") == -1 }
        #expect(try stage.service.find("passing") == nil)
    }

    @Test func whoeverIsStoredLastIsTheOneThatHolds() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        for _ in 0..<20 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for limit in 0..<8 { group.addTask { try await self.set(stage, "a", hls: limit) } }
                try await group.waitForAll()
            }
            let stored = try stage.record("a").limits.hlsViewers
            #expect(stage.limits.hls("a") == stored)
        }
    }

    @Test func aViewerOverDASHKeepsASourceOn() async throws {
        let stage = try await Stage()
        try await stage.createSource("a") { $0.source.startsWithViewers = true }
        #expect(stage.service.viewerArrived("a"))
        try await eventually("pulled") { stage.sources.pull("a") != nil }
        let pull = try #require(stage.sources.pull("a"))
        try await stage.broadcast(pull)
        stage.outputs.setDashViewers(1, of: "a")
        stage.time.advance(60_000)
        await stage.service.sources.tick()
        #expect(!pull.isStopped)
        #expect(try stage.service.viewers(of: "a").dash == 1)
        #expect(stage.service.totalViewers().dash == 1)
        stage.outputs.setDashViewers(0, of: "a")
        stage.time.advance(10_001)
        await stage.service.sources.tick()
        #expect(pull.isStopped)
    }
}
