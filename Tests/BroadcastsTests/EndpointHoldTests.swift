import BroadcastSupport
import NIOCore
import Outputs
import Store
import Streams
import TestSupport
import Testing

@testable import Broadcasts

/// Destinations between two publishers of one broadcast.
@Suite(.againstHanging) struct EndpointHoldTests {
    /// One broadcast with a destination, live, and a window that no test waits out.
    private func held(window: TimeAmount = .hours(1), end: PublishEnd = .lost) async throws -> (Stage, FakeDestination) {
        let stage = try await Stage({ $0.graceWindow = window })
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        _ = try await stage.service.addEndpoint("a", .init(url: "rtmp://one/live/k", serviceID: "mine"))
        let destination = stage.outputs.destinations[0]
        destination.show(.live, "broadcasting")
        try await stage.end(publisher, end)
        return (stage, destination)
    }

    @Test(arguments: [PublishEnd.lost, .finished]) func theyStayForAPublisherThatComesBack(end: PublishEnd) async throws {
        let (stage, destination) = try await self.held(end: end)
        #expect(destination.configuration.timing.grace == .hours(1))
        try await eventually("finished") { try stage.record("a").status == .finished }
        #expect(!destination.isStopped)
        #expect(try stage.service.find("a")?.endpointStatuses["mine"]?.destination.state == .live, "what runs is what is shown")
        let publisher = try await stage.publish("a")
        try await stage.end(publisher)
        #expect(stage.outputs.destinations.count == 1)
        #expect(!destination.isStopped)
    }

    @Test func theyAreClosedWhenTheWindowIsOver() async throws {
        let (stage, destination) = try await self.held(window: .milliseconds(20))
        try await eventually("closed") { destination.isStopped }
        try await eventually("stored") { try stage.record("a").endpoints.map(\.status) == ["finished"] }
        try await eventually("nothing is left") { stage.service.lifecycle.supervisor("a") == nil }
    }

    @Test func aSlateMayBeShownForLongerButNotAfterAGoodbyeUnlessThatIsSet() async throws {
        for (end, isSet, isTold) in [(PublishEnd.lost, false, false), (.finished, false, true), (.finished, true, false)] {
            let stage = try await Stage({
                $0.graceWindow = .milliseconds(20)
                $0.slateAfter = .seconds(3)
                $0.slateLimit = .hours(1)
                $0.slateAfterGoodbye = isSet
            })
            try await stage.create("a") { $0.source.backupID = "b" }
            let publisher = try await stage.publish("a")
            _ = try await stage.service.addEndpoint("a", .init(url: "rtmp://one/live/k", serviceID: "mine"))
            let destination = stage.outputs.destinations[0]
            #expect(destination.configuration.fill.after == .seconds(3) && destination.configuration.fill.limit == .hours(1))
            destination.show(.live, "broadcasting")
            try await stage.end(publisher, end)
            try await eventually("it is told") { destination.goodbyes == [isTold] }
            if isTold {
                try await eventually("closed") { destination.isStopped }
            } else {
                try await eventually("finished") { try stage.record("a").status == .finished }
                #expect(!destination.isStopped)
            }
        }
    }

    @Test func theBackupIsWhatItIsSetToAtThatMoment() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        let other = try await stage.publish("b")
        _ = try await stage.service.addEndpoint("a", .init(url: "rtmp://one/live/k", serviceID: "mine"))
        let backup = stage.outputs.destinations[0].configuration.fill.backup
        #expect(backup() == nil)
        var changes = BroadcastChanges()
        changes.source.backupID = "b"
        try await stage.service.update("a", changes)
        #expect(backup()?.key == StreamKey("b"))
        #expect(try stage.record("a").source.backupID == "b")
        changes.source.backupID = "c"
        try await stage.service.update("a", changes)
        #expect(backup() == nil, "it need not exist")
        changes.source.backupID = ""
        try await stage.service.update("a", changes)
        #expect(try stage.record("a").source.backupID == nil)
        for wrong in ["a/b", "..", String(repeating: "x", count: 300), "a"] {
            changes.source.backupID = wrong
            await #expect(throws: BroadcastError.textInvalid(member: "backupStreamId")) { try await stage.service.update("a", changes) }
        }
        _ = (publisher, other)
    }

    @Test func whatIsSentInsteadIsToldOnce() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        _ = try await stage.service.addEndpoint("a", .init(url: "rtmp://one/live/k", serviceID: "mine"))
        let destination = stage.outputs.destinations[0]
        func told() -> [BroadcastEvent] { stage.events.filter { ["endpointFeedChanged", "slateUnavailable"].contains($0.action) } }
        destination.show(.live, "broadcasting")
        destination.feed(.source)
        destination.feed(.held)
        destination.feed(.source)
        #expect(told() == [])
        destination.feed(.held)
        destination.feed(.slate)
        destination.feed(.slate)
        destination.feed(nil)
        destination.feed(.slate)
        destination.feed(.backup)
        destination.feed(.source)
        #expect(
            told() == ["slate", "backup", "source"].map { .endpointFeedChanged(streamID: "a", serviceID: "mine", feeding: $0) })
        destination.feed(.source, problem: "hevc")
        destination.feed(.held, problem: "hevc")
        #expect(told().dropFirst(3) == [.slateUnavailable(streamID: "a", serviceID: "mine", reason: "hevc")])
        #expect(try stage.service.find("a")?.endpointStatuses["mine"]?.destination.feeding == .held)
        destination.feed(.slate, problem: "hevc")
        destination.feed(nil, problem: "hevc")
        #expect(told().count == 5, "the connection may be made anew")
        destination.show(.idle, "finished")
        destination.show(.stopped, "finished")
        #expect(told().dropFirst(5) == [.endpointFeedChanged(streamID: "a", serviceID: "mine", feeding: "held")], "it is over, and told once")
        _ = publisher
    }

    @Test func aBackupThatIsPulledForViewersIsPulledForDestinations() async throws {
        let stage = try await Stage()
        try await stage.createSource("b") { $0.source.startsWithViewers = true }
        try await stage.create("a") { $0.source.backupID = "b" }
        let publisher = try await stage.publish("a")
        _ = try await stage.service.addEndpoint("a", .init(url: "rtmp://one/live/k", serviceID: "mine"))
        #expect(stage.sources.pull("b") == nil)
        stage.outputs.destinations[0].configuration.fill.wanted()
        try await eventually("pulled") { stage.sources.pull("b") != nil }
        _ = publisher
    }

    @Test func aBroadcastIsNotItsOwnBackup() async throws {
        let stage = try await Stage()
        await #expect(throws: BroadcastError.textInvalid(member: "backupStreamId")) {
            try await stage.create("a") { $0.source.backupID = "a" }
        }
    }

    /// Whatever is stored while the stream becomes live, the newest counts.
    @Test func aBackupThatIsSetWhileTheStreamStartsIsNotLost() async throws {
        let stage = try await Stage()
        for number in 0..<20 {
            let id = "show-\(number)"
            try await stage.create(id)
            async let publisher = stage.publish(id)
            var changes = BroadcastChanges()
            changes.source.backupID = "b-\(number)"
            try await stage.service.update(id, changes)
            _ = try await publisher
            let supervisor = try #require(stage.service.lifecycle.supervisor(id))
            try await eventually("set") { supervisor.backup.id == "b-\(number)" }
        }
    }

    @Test func destinationsThatAreChangedWhileTheStreamStartsAreThoseThatRun() async throws {
        let stage = try await Stage({ $0.recordMP4 = true })
        for number in 0..<40 {
            let id = "show-\(number)"
            try await stage.create(id)
            _ = try await stage.service.addEndpoint(id, .init(url: "rtmp://one/live/\(number)", serviceID: "old"))
            async let publisher = stage.publish(id)
            for _ in 0..<number % 8 { await Task.yield() }
            _ = try await stage.service.addEndpoint(id, .init(url: "rtmp://two/live/\(number)", serviceID: "new"))
            try await stage.service.removeEndpoint(id, serviceID: "old", height: 0)
            _ = try await publisher
            let supervisor = try #require(stage.service.lifecycle.supervisor(id))
            // Everything that was under way has been acted on.
            await supervisor.environment.mailbox.settle()
            #expect(supervisor.board.serviceIDs == ["new"], "\(id)")
        }
    }

    @Test func whoLeavesBeforeBeingLiveDoesNotChangeTheWait() async throws {
        let stage = try await Stage({
            $0.graceWindow = .milliseconds(20)
            $0.slateLimit = .hours(1)
        })
        try await stage.create("a") { $0.source.backupID = "b" }
        let publisher = try await stage.publish("a")
        _ = try await stage.service.addEndpoint("a", .init(url: "rtmp://one/live/k", serviceID: "mine"))
        let destination = stage.outputs.destinations[0]
        destination.show(.live, "broadcasting")
        try await stage.end(publisher, .lost)
        let supervisor = try #require(stage.service.lifecycle.supervisor("a"))
        try await eventually("held") { await supervisor.currentHold != nil }
        let before = await supervisor.currentHold?.until
        for _ in 0..<2 {
            let probe = try await stage.admit("a").get()
            try await eventually("there") { await supervisor.phase != .idle }
            probe.end(.finished)
            try await eventually("gone") { await supervisor.phase == .idle }
        }
        #expect(await supervisor.currentHold?.until == before)
        #expect(destination.goodbyes == [false], "what was said does not count")
        #expect(!destination.isStopped)
        let other = try await stage.admit("a").get()
        try await eventually("there") { await supervisor.phase != .idle }
        other.end(.stopped(.stoppedByUser))
        try await eventually("closed") { destination.isStopped }
    }

    @Test func aBackupThatIsSetMeanwhileMakesTheWaitLonger() async throws {
        let stage = try await Stage({
            $0.graceWindow = .minutes(10)
            $0.slateLimit = .hours(1)
        })
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        _ = try await stage.service.addEndpoint("a", .init(url: "rtmp://one/live/k", serviceID: "mine"))
        stage.outputs.destinations[0].show(.live, "broadcasting")
        try await stage.end(publisher, .lost)
        let supervisor = try #require(stage.service.lifecycle.supervisor("a"))
        try await eventually("held") { await supervisor.currentHold != nil }
        let first = try #require(await supervisor.currentHold)
        #expect(first.until == first.since + .seconds(600))
        var changes = BroadcastChanges()
        changes.source.backupID = "b"
        try await stage.service.update("a", changes)
        #expect(await supervisor.currentHold?.until == first.since + .seconds(3_600))
        changes.source.backupID = ""
        try await stage.service.update("a", changes)
        let last = try #require(await supervisor.currentHold?.until)
        #expect(last >= first.until && last < first.since + .seconds(3_600), "a window from then on")
        _ = await stage.service.shutdown(within: .seconds(20))
    }

    @Test func anEndThatSomebodyWantedIsTheEnd() async throws {
        let (stage, destination) = try await self.held(end: .stopped(.stoppedByUser))
        try await eventually("closed") { destination.isStopped }
        try await eventually("nothing is left") { stage.service.lifecycle.supervisor("a") == nil }
    }

    @Test func stoppingOrDeletingTheBroadcastEndsTheWait() async throws {
        let (stopped, first) = try await self.held()
        await #expect(throws: BroadcastError.notLive) { try await stopped.service.stop("a", withSubtracks: false) }
        try await eventually("closed") { first.isStopped }
        let (deleted, second) = try await self.held()
        _ = try await deleted.service.delete("a", withSubtracks: false)
        try await eventually("closed") { second.isStopped }
        try await eventually("nothing is left") { deleted.service.lifecycle.supervisor("a") == nil }
    }

    @Test func removingOrDisablingOneMeanwhileClosesIt() async throws {
        let (removed, first) = try await self.held()
        try await removed.service.removeEndpoint("a", serviceID: "mine", height: 0)
        try await eventually("closed") { first.isStopped }
        let (disabled, second) = try await self.held()
        try await disabled.service.changeEndpoint("a", serviceID: "mine", .init(url: "", isEnabled: false))
        try await eventually("closed") { second.isStopped }
        let publisher = try await disabled.publish("a")
        #expect(disabled.outputs.destinations.count == 1)
        _ = publisher
    }

    @Test func theServersEndWaitsForNobody() async throws {
        let (stage, destination) = try await self.held()
        #expect(await stage.service.shutdown(within: .seconds(20)))
        #expect(destination.isStopped)
    }

    @Test func aBroadcastThatNobodyRegisteredHoldsNothing() async throws {
        let stage = try await Stage({ $0.graceWindow = .hours(1) })
        let publisher = try await stage.publish("zombi")
        _ = try await stage.service.addEndpoint("zombi", .init(url: "rtmp://one/live/k"))
        try await stage.end(publisher, .lost)
        try await eventually("closed") { stage.outputs.destinations[0].isStopped }
        try await eventually("nothing is left") { stage.service.lifecycle.supervisor("zombi") == nil }
    }
}
