import BroadcastSupport
import Gateways
import NIOCore
import Store
import TestSupport
import Testing

@testable import Broadcasts

@Suite struct SourceBootTests {
    /// Seconds since 1970 at which a stage's clock stands.
    private let now: Int64 = 1_700_000_000

    private func playlist(_ stage: Stage, _ id: String = "p", start: Int64 = 0, end: Int64 = 0) async throws {
        try await stage.create(id) {
            $0.type = "playlist"
            $0.playListItems = [.init(streamUrl: "http://h/x.mp4"), .init(streamUrl: "http://h/y.mp4")]
            $0.schedule.plannedStart = start
            $0.schedule.plannedEnd = end
        }
    }

    @Test func whatWasWantedComesBackAndNothingElse() async throws {
        let before = try await Stage()
        try await before.createSource("wanted")
        try await before.createSource("stopped")
        try await before.createSource("never")
        try await before.createSource("viewers") { $0.source.startsWithViewers = true }
        for id in ["wanted", "stopped", "viewers"] { _ = try await before.service.startPull(id) }
        try await before.service.stop("stopped", withSubtracks: false)
        let after = try await before.restarted()
        #expect(after.sources.pulls.map(\.plan.id) == ["wanted"])
        #expect(try after.service.find("wanted")?.status == .preparing)
        #expect(try after.service.find("stopped")?.status == .finished)
        #expect(try after.service.find("never")?.status == .created)
    }

    @Test func allPermanentSourcesStartWhenTheSettingSaysSo() async throws {
        let before = try await Stage()
        try await before.createSource("s")
        try await before.createSource("viewers") { $0.source.startsWithViewers = true }
        try await before.create("c") {
            $0.type = "ipCamera"; $0.source.ipAddress = "rtsp://10.0.0.9/x"
        }
        try await before.create("o") {
            $0.type = "ipCamera"; $0.source.ipAddress = "10.0.0.9"
        }
        try await before.create("v") {
            $0.type = "VoD"; $0.source.streamURL = "http://h/x.mp4"
        }
        try await self.playlist(before)
        let after = try await before.restarted { $0.sources.startsAutomatically = true }
        #expect(after.sources.pulls.map(\.plan.id) == ["s", "c"])
        // The setting is no wish: without it, they rest.
        let without = try await after.restarted()
        #expect(without.sources.pulls.isEmpty)
    }

    @Test func aPlaylistGoesOnAtItsItem() async throws {
        let before = try await Stage()
        try await self.playlist(before)
        _ = try await before.service.startPull("p")
        before.sources.pull("p")?.tell(.itemStarted(index: 1))
        try await eventually("stored") { try before.record("p").playlist.currentIndex == 1 }
        let after = try await before.restarted()
        #expect(after.sources.pull("p")?.plan.sequence?.firstIndex == 1)
        #expect(try after.record("p").playlist.status == "broadcasting")
        // After an orderly end, too.
        await after.service.shutdown(within: .seconds(5))
        let again = try await after.restarted()
        #expect(again.sources.pull("p")?.plan.sequence?.firstIndex == 1)
    }

    @Test func aPlannedStartComesOnceAndAPlannedEndStops() async throws {
        let stage = try await Stage()
        try await self.playlist(stage, start: self.now + 60, end: self.now + 120)
        await stage.service.sources.tick()
        #expect(stage.sources.pulls.isEmpty)
        stage.time.advance(59_999)
        await stage.service.sources.tick()
        #expect(stage.sources.pulls.isEmpty)
        stage.time.advance(1)
        await stage.service.sources.tick()
        let pull = try #require(stage.sources.pull("p"))
        await stage.service.sources.tick()
        #expect(stage.sources.pulls.count == 1)
        stage.time.advance(60_000)
        await stage.service.sources.tick()
        #expect(pull.isStopped)
        #expect(try stage.record("p").playlist.status == "finished")
        #expect(try !stage.record("p").source.isWanted)
        // Who starts it after that wants it.
        _ = try await stage.service.startPull("p")
        stage.time.advance(60_000)
        await stage.service.sources.tick()
        #expect(stage.sources.pull("p")?.isStopped == false)
        let after = try await stage.restarted()
        #expect(after.sources.pulls.count == 1)
    }

    @Test func aPlanMayBeMovedAndDropped() async throws {
        let stage = try await Stage()
        try await self.playlist(stage, start: self.now + 60)
        var changes = BroadcastChanges()
        changes.schedule.plannedStart = self.now + 200
        try await stage.service.update("p", changes)
        stage.time.advance(100_000)
        await stage.service.sources.tick()
        #expect(stage.sources.pulls.isEmpty)
        stage.time.advance(100_000)
        await stage.service.sources.tick()
        #expect(stage.sources.pulls.count == 1)

        try await self.playlist(stage, "q", start: self.now + 300)
        _ = try await stage.service.delete("q", withSubtracks: false)
        try await self.playlist(stage, "r", start: self.now + 300)
        changes.schedule.plannedStart = 0
        try await stage.service.update("r", changes)
        // Given when it has passed already: that is no plan.
        try await self.playlist(stage, "s", start: self.now - 1)
        stage.time.advance(500_000)
        await stage.service.sources.tick()
        #expect(stage.sources.pulls.count == 1)
        #expect(try await stage.restarted().sources.pulls.map(\.plan.id) == ["p"])
    }

    @Test func aStartThatWasMissedComesLateIfItIsNotTooLate() async throws {
        let before = try await Stage()
        try await self.playlist(before, "soon", start: self.now + 60)
        try await self.playlist(before, "later", start: self.now + 1_000)
        try await self.playlist(before, "over", start: self.now + 10, end: self.now + 100)
        let after = try await before.restarted(after: 400_000)
        #expect(after.sources.pulls.map(\.plan.id) == ["soon"])
        #expect(try after.record("soon").source.isWanted)
        // It is not started by the same plan twice.
        try await after.service.stop("soon", withSubtracks: false)
        let again = try await after.restarted()
        #expect(again.sources.pulls.isEmpty)
        let tooLate = try await again.restarted(after: 600_000 + 601_000)
        #expect(tooLate.sources.pulls.isEmpty)
        #expect(try tooLate.record("later").schedule.plannedStartDone == self.now + 1_000)
    }

    @Test func aPlannedEndThatWasMissedCountsStill() async throws {
        let before = try await Stage()
        try await self.playlist(before, end: self.now + 60)
        _ = try await before.service.startPull("p")
        let early = try await before.restarted(after: 30_000)
        #expect(early.sources.pulls.count == 1)
        let late = try await early.restarted(after: 40_000)
        #expect(late.sources.pulls.isEmpty)
        #expect(try !late.record("p").source.isWanted)
        #expect(try late.record("p").playlist.status == "finished")
    }
}

@Suite struct PlaylistScheduleTests {
    @Test func eachTimeIsDueOnceAndInOrder() {
        var schedule = PlaylistSchedule()
        schedule.set("b", start: 20, end: 40, now: 10)
        schedule.set("a", start: 30, end: 0, now: 10)
        schedule.set("past", start: 10, end: 5, now: 10)
        #expect(schedule.nextDue == 20)
        #expect(schedule.due(at: 19) == [])
        #expect(schedule.due(at: 30) == [.start("b", planned: 20), .start("a", planned: 30)])
        #expect(schedule.due(at: 30) == [])
        #expect(schedule.nextDue == 40)
        #expect(schedule.due(at: .max) == [.stop("b")])
        #expect(schedule.nextDue == nil)
    }

    @Test func whoseEndHasComeIsNotStarted() {
        var schedule = PlaylistSchedule()
        schedule.set("a", start: 20, end: 30, now: 10)
        #expect(schedule.due(at: 30) == [.stop("a")])
        schedule.set("b", start: 20, end: 30, now: 10)
        schedule.remove("b")
        #expect(schedule.due(at: 100) == [])
        // Backwards and absurd times are no plans, or plans for nobody to see.
        schedule.set("c", start: .min, end: -1, now: 10)
        #expect(schedule.nextDue == nil)
        schedule.set("d", start: .max, end: .max, now: 10)
        #expect(schedule.nextDue == .max)
    }

    @Test(
        arguments: [
            (100, 0, 0, 99, .no), (100, 0, 0, 100, .startLate), (100, 0, 0, 160, .startLate), (100, 0, 0, 161, .tooLate), (100, 0, 100, 120, .no),
            (100, 120, 0, 120, .tooLate), (100, 121, 0, 120, .startLate), (0, 0, 0, 120, .no), (-5, 0, 0, 120, .no), (100, 0, 90, 120, .startLate),
        ] as [(Int64, Int64, Int64, Int64, PlaylistSchedule.Missed)])
    func whatWasMissed(start: Int64, end: Int64, done: Int64, now: Int64, expected: PlaylistSchedule.Missed) {
        #expect(PlaylistSchedule.missed(start: start, end: end, done: done, now: now, within: 60) == expected)
    }
}
