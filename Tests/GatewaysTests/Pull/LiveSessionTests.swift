import AV
import Media
import NIOCore
import Streams
import TestSupport
import Testing

@testable import Gateways

/// Live sources of scripts.
@Suite(.againstHanging) struct LiveSessionTests {
    private let bench = PullBench()
    private let camera = PullPlan.Content.live(PullItem(url: "cam", isFile: false))
    private let gone = PullFailure(cause: .timedOut, text: "read packet: nothing came in time")

    @Test func whatComesIsPublishedAsItComes() async {
        self.bench.opener.set("cam", InputScript(pictures: 200, hasSound: true, isLive: true))
        let begin = self.bench.clock.now()
        _ = self.bench.start(self.camera) { event, pull in
            if case .retrying = event { pull.stop() }
        }
        let events = await self.bench.eventsToTheEnd()
        #expect(self.bench.clock.now() - begin < 4_000_000_000, "nothing was paced")
        #expect(events.prefix(2) == [.preparing(index: 0), .broadcasting(index: 0)])
        expectSame(Array(self.bench.pictures().prefix(200)), pictures("cam", 0..<200))
        #expect(self.bench.trackSets().first == [Frames.video, Frames.audio])
    }

    @Test func aLostSourceEndsItsPublishAndComesBack() async throws {
        self.bench.opener.set(
            "cam", InputScript(isLive: true, diesAt: (30, self.gone)),
            InputScript(opening: .fails(PullFailure(cause: .refused, text: "Connection refused"))), InputScript(pictures: 40, isLive: true))
        let count = Counter()
        _ = self.bench.start(self.camera) { event, pull in
            if case .retrying = event, count.next() == 3 { pull.stop() }
        }
        let events = await self.bench.eventsToTheEnd()
        #expect(
            events.prefix(7) == [
                .preparing(index: 0), .broadcasting(index: 0), .retrying(self.gone, attempt: 1, afterMilliseconds: 3_000), .preparing(index: 0),
                .retrying(PullFailure(cause: .refused, text: "Connection refused"), attempt: 2, afterMilliseconds: 6_000), .preparing(index: 0),
                .broadcasting(index: 0),
            ])
        // A stop is told at once; the thread ends what it published when it hears of it.
        try await eventually("both publishes have ended") {
            self.bench.published().filter { if case .ended = $0 { true } else { false } }.count >= 2
        }
        expectSame(Array(self.bench.pictures().prefix(70)), pictures("cam", 0..<30) + pictures("cam", 0..<40))
    }

    @Test func otherParametersInsideTheStreamAreAnnounced() async {
        var other = Frames.video
        other.configuration[3] = 0x1e
        self.bench.opener.set("cam", InputScript(isLive: true), InputScript(tracks: [other], isLive: true))
        let count = Counter()
        _ = self.bench.start(self.camera) { event, pull in
            if case .retrying = event, count.next() == 2 { pull.stop() }
        }
        _ = await self.bench.eventsToTheEnd()
        #expect(self.bench.trackSets().prefix(2) == [[Frames.video], [other]])
    }

    @Test func aFileGivenAsALiveSourceIsPaced() async {
        self.bench.opener.set("cam", InputScript(pictures: 500))
        let begin = self.bench.clock.now()
        _ = self.bench.start(self.camera) { event, pull in
            if case .retrying = event { pull.stop() }
        }
        _ = await self.bench.eventsToTheEnd()
        #expect(self.bench.clock.now() - begin >= 18_900_000_000)
    }

    @Test func stoppingEndsAnOpeningThatHangs() async throws {
        let gate = Gate()
        self.bench.opener.set("cam", InputScript(opening: .hangs(gate), isLive: true))
        let pull = self.bench.start(self.camera)
        try await self.bench.wait { $0 == .preparing(index: 0) }
        pull.stop()
        #expect(pull.status.state == .finished)
        try await self.bench.wait { $0 == .finished(listEnded: false, nil) }
        // Only now does the lookup return; what it found is not published.
        gate.open()
        #expect(self.bench.frames().isEmpty)
    }

    @Test func stoppingEndsAReadThatHangs() async throws {
        self.bench.opener.set("cam", InputScript(isLive: true, blocksAt: 10))
        let pull = self.bench.start(self.camera)
        try await self.bench.wait { $0 == .broadcasting(index: 0) }
        pull.stop()
        try await self.bench.wait { $0 == .finished(listEnded: false, nil) }
        #expect(!self.bench.stream.isLive)
        pull.stop()
    }

    @Test func nothingIsPublishedAfterAStop() async throws {
        self.bench.opener.set("cam", InputScript(pictures: 10_000_000, isLive: true))
        let pull = self.bench.start(self.camera)
        try await self.bench.wait { $0 == .broadcasting(index: 0) }
        pull.stop()
        let count = self.bench.published().count
        try await self.bench.wait { $0 == .finished(listEnded: false, nil) }
        #expect(self.bench.published().count == count)
        #expect(self.bench.stream.generation == nil)
    }

    @Test func stoppingEndsTheWaitForTheNextTry() async throws {
        let pull = self.bench.start(self.camera)
        try await self.bench.wait { if case .retrying = $0 { true } else { false } }
        pull.stop()
        try await self.bench.wait { $0 == .finished(listEnded: false, nil) }
    }

    @Test func theHubCanSendItAway() async throws {
        self.bench.opener.set("cam", InputScript(isLive: true, blocksAt: 10))
        _ = self.bench.start(self.camera)
        try await self.bench.wait { $0 == .broadcasting(index: 0) }
        #expect(self.bench.streams.stop(StreamKey("s"), reason: .tooHigh))
        try await self.bench.wait { if case .finished(false, let failure) = $0 { failure?.cause == .other } else { false } }
    }

    @Test func anotherPublisherIsNotPushedAside() async throws {
        let source = PublishSource(type: .rtmp, remoteAddress: "192.0.2.1", startedAtMilliseconds: 0, stop: { _ in })
        let publisher = try self.bench.streams.publish(StreamKey("s"), source: source, now: .now()).get()
        self.bench.opener.set("cam", InputScript(isLive: true))
        let pull = self.bench.start(self.camera)
        try await self.bench.wait { if case .retrying(let failure, _, _) = $0 { failure.text.contains("another publisher") } else { false } }
        pull.stop()
        #expect(self.bench.stream.generation == publisher.generation)
    }

    @Test func aStoppedPullDoesNotPushItsSuccessorAside() async throws {
        let gate = Gate()
        self.bench.opener.set("cam", InputScript(opening: .hangs(gate), isLive: true), InputScript(isLive: true, blocksAt: 10))
        let old = self.bench.start(self.camera)
        try await self.bench.wait { $0 == .preparing(index: 0) }
        let successor = PullBench(streams: self.bench.streams)
        successor.opener.set("cam", InputScript(isLive: true, blocksAt: 10))
        old.stop()
        let new = successor.start(self.camera)
        try await successor.wait { $0 == .broadcasting(index: 0) }
        let generation = successor.stream.generation
        gate.open()
        await self.bench.threadsHaveEnded()
        #expect(successor.stream.generation == generation)
        #expect(new.status.state == .broadcasting)
        new.stop()
    }

    @Test func aLiveSourceHasNoPositionAndNothingToSkip() async throws {
        self.bench.opener.set("cam", InputScript(isLive: true, blocksAt: 10))
        let pull = self.bench.start(self.camera)
        try await self.bench.wait { $0 == .broadcasting(index: 0) }
        #expect(pull.status.position == nil)
        #expect(pull.status.duration == nil)
        #expect(!pull.seek(to: .zero))
        #expect(!pull.skip(to: nil))
        pull.stop()
    }
}
