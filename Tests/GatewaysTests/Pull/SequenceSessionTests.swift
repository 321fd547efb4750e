import AV
import Media
import NIOCore
import Streams
import TestSupport
import Testing

@testable import Gateways

/// Sequences of scripted items in virtual time.
@Suite(.againstHanging) struct SequenceSessionTests {
    private let bench = PullBench()

    private func list(_ urls: [String], loops: Bool = false, first: Int = 0) -> PullPlan.Content {
        .sequence(PullSequence(items: urls.map { PullItem(url: $0, isFile: true) }, firstIndex: first, loops: loops))
    }

    private func expectNoGap(_ frames: [EncodedFrame], upTo longest: Int64 = 40) {
        for (before, after) in zip(frames, frames.dropFirst()) {
            let step = after.presentationTime - before.presentationTime
            #expect(step > .zero)
            #expect(step <= MediaTime(milliseconds: longest))
        }
    }

    @Test func itemsFollowEachOtherWithoutAGapAsOnePublish() async {
        for name in ["a", "b", "c"] { self.bench.opener.set(name, InputScript(start: MediaTime(milliseconds: 90_000))) }
        let pull = self.bench.start(self.list(["a", "b", "c"]))
        let events = await self.bench.eventsToTheEnd()
        #expect(
            events == [
                .preparing(index: 0), .broadcasting(index: 0), .itemStarted(index: 0), .itemStarted(index: 1), .itemStarted(index: 2),
                .finished(listEnded: true, nil),
            ])
        expectSame(self.bench.pictures(), pictures("a", 0..<50) + pictures("b", 0..<50) + pictures("c", 0..<50))
        self.expectNoGap(self.bench.frames())
        #expect(self.bench.trackSets().count == 1, "the same tracks are not announced again")
        #expect(pull.status.state == .finished)
        #expect(!self.bench.stream.isLive)
    }

    @Test func theItemsTakeTheirTime() async {
        for name in ["a", "b"] { self.bench.opener.set(name, InputScript(pictures: 500)) }
        let begin = self.bench.clock.now()
        _ = self.bench.start(self.list(["a", "b"]))
        _ = await self.bench.eventsToTheEnd()
        let seconds = Double(self.bench.clock.now() - begin) / 1e9
        #expect(seconds > 38.9)
        #expect(seconds < 39.1, "40 seconds, the first of them sent ahead")
    }

    @Test func aListLoopsUntilItIsStopped() async {
        for name in ["a", "b"] { self.bench.opener.set(name, InputScript()) }
        let count = Counter()
        _ = self.bench.start(self.list(["a", "b"], loops: true)) { event, pull in
            if case .itemStarted = event, count.next() == 5 { pull.stop() }
        }
        let events = await self.bench.eventsToTheEnd()
        let started = events.compactMap { event in if case .itemStarted(let index) = event { index } else { nil } }
        #expect(started.prefix(5) == [0, 1, 0, 1, 0])
        #expect(events.last == .finished(listEnded: false, nil))
        self.expectNoGap(self.bench.frames())
    }

    @Test func oneItemLoopsWithoutAGap() async {
        self.bench.opener.set("a", InputScript(pictures: 30, hasSound: true))
        let count = Counter()
        _ = self.bench.start(self.list(["a"], loops: true)) { event, pull in
            if case .itemStarted = event, count.next() == 20 { pull.stop() }
        }
        _ = await self.bench.eventsToTheEnd()
        // A packet of sound outlasts the last picture by less than itself.
        self.expectNoGap(self.bench.frames(), upTo: 64)
        #expect(self.bench.trackSets().count == 1)
        let distances = zip(self.bench.frames(.audio), self.bench.frames(.audio).dropFirst()).map { $1.decodeTime - $0.decodeTime }
        #expect(distances.allSatisfy { $0 > .zero && $0 < MediaTime(milliseconds: 64) })
    }

    @Test func otherParametersAreAnnouncedOnceAtTheJoint() async throws {
        var other = Frames.video
        other.configuration[3] = 0x1e
        self.bench.opener.set("a", InputScript(hasSound: true))
        self.bench.opener.set("b", InputScript(hasSound: true, tracks: [other, Frames.audio]))
        _ = self.bench.start(self.list(["a", "b"]))
        _ = await self.bench.eventsToTheEnd()
        #expect(self.bench.trackSets() == [[Frames.video, Frames.audio], [other, Frames.audio]])
        let items = self.bench.published()
        let joint = try #require(items.lastIndex { if case .tracks = $0 { true } else { false } })
        let before = items[..<joint].compactMap { item in
            if case .frame(let frame) = item, frame.kind == .video { String(buffer: frame.payload) } else { nil }
        }
        #expect(before.last == "a:49")
        self.expectNoGap(self.bench.frames(), upTo: 64)
    }

    @Test func aTrackThatOnlyItsContainerDescribesOtherwiseIsTheSame() async {
        var same = Frames.video
        same.format = .video(VideoFormat(width: 1280, height: 720, frameRate: 29.97))
        self.bench.opener.set("a", InputScript())
        self.bench.opener.set("b", InputScript(tracks: [same]))
        _ = self.bench.start(self.list(["a", "b"]))
        _ = await self.bench.eventsToTheEnd()
        #expect(self.bench.trackSets().count == 1)
    }

    @Test func anItemWithoutSoundGetsSilenceSoThatNobodyWaits() async {
        self.bench.opener.set("a", InputScript(pictures: 100, hasSound: true))
        self.bench.opener.set("b", InputScript(pictures: 100))
        self.bench.opener.set("c", InputScript(pictures: 100, hasSound: true))
        _ = self.bench.start(self.list(["a", "b", "c"]))
        _ = await self.bench.eventsToTheEnd()
        let sounds = self.bench.frames(.audio)
        for (before, after) in zip(sounds, sounds.dropFirst()) { #expect(after.decodeTime - before.decodeTime < MediaTime(milliseconds: 65)) }
        #expect(sounds.contains { String(buffer: $0.payload) != "sound" })
        #expect(self.bench.trackSets().count == 1)
    }

    @Test func anItemWithSoundAfterOneWithoutAnnouncesIt() async {
        self.bench.opener.set("a", InputScript())
        self.bench.opener.set("b", InputScript(hasSound: true))
        _ = self.bench.start(self.list(["a", "b"]))
        _ = await self.bench.eventsToTheEnd()
        #expect(self.bench.trackSets() == [[Frames.video], [Frames.video, Frames.audio]])
    }

    /// Who records originals gets those of the items that have one, and of the others what everybody gets, silence included.
    @Test func anOriginalIsAnnouncedAsLongAsItIsPlayed() async {
        let original = Track(
            id: .originalAudio, codec: .vorbis, configuration: [2], format: .audio(AudioFormat(sampleRate: 44_100, channelCount: 2)))
        let script = InputScript(hasSound: true, hasOriginal: true, tracks: [Frames.video, Frames.audio, original])
        for view in [StreamView.universal, .originals] {
            let bench = PullBench(view: view)
            for name in ["a", "b", "d", "f"] { bench.opener.set(name, script) }
            bench.opener.set("c", InputScript(hasSound: true))
            bench.opener.set("e", InputScript())
            _ = bench.start(self.list(["a", "b", "c", "d", "e", "f"]))
            _ = await bench.eventsToTheEnd()
            let (common, own) = ([Frames.video, Frames.audio], [Frames.video, original])
            #expect(bench.trackSets() == (view == .universal ? [common] : [own, common, own, common, own]))
            let sounds = bench.frames(.audio)
            #expect(sounds.contains { $0.track == .originalAudio } == (view == .originals))
            for (before, after) in zip(sounds, sounds.dropFirst()) { #expect(after.decodeTime - before.decodeTime < MediaTime(milliseconds: 65)) }
            for name in ["a", "b", "d", "f"] {
                let count = sounds.count { String(buffer: $0.payload) == "\(name):original" }
                #expect(view == .universal ? count == 0 : count > 80)
            }
        }
    }

    @Test func badItemsArePassedOver() async {
        let missing = PullFailure(cause: .notFound, text: "no script for x")
        let refused = PullFailure(cause: .refused, text: "Connection refused")
        self.bench.opener.set("a", InputScript())
        self.bench.opener.set("y", InputScript(opening: .fails(refused)))
        self.bench.opener.set("b", InputScript())
        _ = self.bench.start(self.list(["x", "a", "x", "y", "x", "b", "y"]))
        let events = await self.bench.eventsToTheEnd()
        expectSame(self.bench.pictures(), pictures("a", 0..<50) + pictures("b", 0..<50))
        self.expectNoGap(self.bench.frames())
        let failures = events.compactMap { event -> Int? in
            if case .itemFailed(let index, let failure) = event, failure == missing || failure == refused { index } else { nil }
        }
        #expect(failures == [0, 2, 3, 4, 6])
        #expect(events.last == .finished(listEnded: true, nil))
    }

    @Test func aListOfBadItemsEndsWithItsReasonWhenItDoesNotLoop() async {
        _ = self.bench.start(self.list(["x", "y"]))
        let events = await self.bench.eventsToTheEnd()
        #expect(events.last == .finished(listEnded: true, PullFailure(cause: .notFound, text: "no script for y")))
        #expect(self.bench.opener.opened == ["x", "y"])
    }

    @Test func aLoopingListOfBadItemsIsTriedAgainWithBackoff() async {
        let missing = InputScript(opening: .fails(PullFailure(cause: .notFound, text: "404")))
        self.bench.opener.set("x", missing, missing, InputScript())
        self.bench.opener.set("y", missing)
        _ = self.bench.start(self.list(["x", "y"], loops: true)) { event, pull in
            if case .itemStarted = event { pull.stop() }
        }
        let events = await self.bench.eventsToTheEnd()
        let delays = events.compactMap { event in if case .retrying(_, _, let delay) = event { delay } else { nil } }
        #expect(delays == [3_000, 6_000])
        #expect(events.contains(.broadcasting(index: 0)))
    }

    @Test func whatIsBrokenInAFileIsLeftOut() async {
        self.bench.opener.set("a", InputScript(broken: [10, 11, 12, 40]))
        self.bench.opener.set("b", InputScript())
        _ = self.bench.start(self.list(["a", "b"]))
        let events = await self.bench.eventsToTheEnd()
        expectSame(self.bench.pictures(), pictures("a", 0..<10) + pictures("a", 13..<40) + pictures("a", 41..<50) + pictures("b", 0..<50))
        #expect(!events.contains { if case .itemFailed = $0 { true } else { false } })
    }

    @Test func anItemThatBreaksOffIsFollowedByTheNext() async {
        let reset = PullFailure(cause: .ended, text: "Connection reset by peer")
        self.bench.opener.set("a", InputScript(pictures: 100, diesAt: (60, reset)))
        self.bench.opener.set("b", InputScript())
        _ = self.bench.start(self.list(["a", "b"]))
        let events = await self.bench.eventsToTheEnd()
        expectSame(self.bench.pictures(), pictures("a", 0..<60) + pictures("b", 0..<50))
        self.expectNoGap(self.bench.frames())
        #expect(events.contains(.itemFailed(index: 0, reset)))
    }

    @Test func anItemThatGivesAMomentOnlyIsNotLoopedForEver() async {
        let reset = PullFailure(cause: .ended, text: "Connection reset by peer")
        self.bench.opener.set("a", InputScript(diesAt: (3, reset)))
        let count = Counter()
        _ = self.bench.start(self.list(["a"], loops: true)) { event, pull in
            if case .retrying = event, count.next() == 3 { pull.stop() }
        }
        let events = await self.bench.eventsToTheEnd()
        let delays = events.compactMap { event in if case .retrying(_, _, let delay) = event { delay } else { nil } }
        #expect(delays.prefix(3) == [3_000, 6_000, 12_000])
    }

    @Test func aLiveItemIsNotPacedAndEndsWithItsFirstReadError() async {
        self.bench.opener.set("live", InputScript(pictures: 5_000, isLive: true, broken: [2_000]))
        self.bench.opener.set("b", InputScript())
        let begin = self.bench.clock.now()
        let items = [PullItem(url: "live", isFile: false), PullItem(url: "b", isFile: true)]
        let bench = self.bench
        bench.opener.set(
            "live",
            InputScript(pictures: 5_000, isLive: true, broken: [2_000], onPicture: { _ in bench.clock.advance(40_000_000) }))
        _ = self.bench.start(.sequence(PullSequence(items: items, loops: false)))
        let events = await self.bench.eventsToTheEnd()
        expectSame(self.bench.pictures(), pictures("live", 0..<2_000) + pictures("b", 0..<50))
        self.expectNoGap(self.bench.frames())
        #expect(events.contains(.itemFailed(index: 0, PullFailure(cause: .invalidData, text: "broken"))))
        #expect(self.bench.clock.now() - begin < 82_000_000_000)
    }

    @Test func skippingGoesToTheItemAndOnFromThere() async {
        for name in ["a", "b", "c", "d"] { self.bench.opener.set(name, InputScript(pictures: 100_000)) }
        self.bench.opener.set("d", InputScript())
        _ = self.bench.start(self.list(["a", "b", "c", "d"])) { event, pull in
            if event == .itemStarted(index: 0) { #expect(pull.skip(to: 2)) }
            if event == .itemStarted(index: 2) { #expect(pull.skip(to: nil)) }
        }
        let events = await self.bench.eventsToTheEnd()
        let started = events.compactMap { event in if case .itemStarted(let index) = event { index } else { nil } }
        #expect(started == [0, 2, 3])
        self.expectNoGap(self.bench.frames())
        expectSame(Array(self.bench.pictures().suffix(50)), pictures("d", 0..<50))
    }

    @Test func aSkipIsNotHeldUpByAReadThatHangs() async {
        self.bench.opener.set("a", InputScript(pictures: 1_000, blocksAt: 10))
        self.bench.opener.set("b", InputScript())
        _ = self.bench.start(self.list(["a", "b"])) { event, pull in
            if event == .itemStarted(index: 0) { #expect(pull.skip(to: 1)) }
        }
        let events = await self.bench.eventsToTheEnd()
        #expect(events.contains(.itemStarted(index: 1)))
        #expect(!events.contains { if case .itemFailed = $0 { true } else { false } })
        expectSame(Array(self.bench.pictures().suffix(50)), pictures("b", 0..<50))
    }

    @Test func aSkipToSomethingBrokenLeavesWhatIsPlayed() async {
        self.bench.opener.set("a", InputScript(pictures: 2_000))
        _ = self.bench.start(self.list(["a", "x"])) { event, pull in
            if event == .itemStarted(index: 0) { #expect(pull.skip(to: 1)) }
        }
        _ = await self.bench.eventsToTheEnd()
        expectSame(self.bench.pictures(), pictures("a", 0..<2_000))
    }

    @Test func anEditedListFollowsTheItemBeingPlayed() async {
        for name in ["a", "b", "c"] { self.bench.opener.set(name, InputScript(pictures: 1_000)) }
        let edited = PullSequence(items: [PullItem(url: "a", isFile: true), PullItem(url: "c", isFile: true)], loops: false)
        _ = self.bench.start(self.list(["a", "b"])) { event, pull in
            if event == .itemStarted(index: 0) { pull.replace(edited) }
        }
        _ = await self.bench.eventsToTheEnd()
        let all = self.bench.pictures()
        expectSame(Array(all.prefix(1_000)), pictures("a", 0..<1_000))
        expectSame(Array(all.suffix(1_000)), pictures("c", 0..<1_000))
        self.expectNoGap(self.bench.frames())
    }

    @Test func aSeekGoesOnAtTheKeyframeWithoutAGap() async {
        self.bench.opener.set("a", InputScript(pictures: 10_000, hasSound: true))
        _ = self.bench.start(self.list(["a"])) { event, pull in
            if event == .itemStarted(index: 0) {
                #expect(!pull.seek(to: MediaTime(milliseconds: 400_000)), "behind the end")
                #expect(!pull.seek(to: MediaTime(milliseconds: -1)))
                #expect(pull.seek(to: MediaTime(milliseconds: 399_500)))
            }
        }
        _ = await self.bench.eventsToTheEnd()
        let all = self.bench.pictures()
        #expect(all.count < 10_000)
        expectSame(Array(all.suffix(25)), pictures("a", 9_975..<10_000))
        self.expectNoGap(self.bench.frames(), upTo: 64)
    }

    @Test func anItemBeginsWhereItIsToldTo() async {
        self.bench.opener.set("a", InputScript(pictures: 500))
        let item = PullItem(url: "a", start: MediaTime(milliseconds: 10_100), isFile: true)
        _ = self.bench.start(.sequence(PullSequence(items: [item], loops: false)))
        _ = await self.bench.eventsToTheEnd()
        expectSame(self.bench.pictures(), pictures("a", 250..<500))
    }

    @Test func statusTellsItemPositionAndLength() async throws {
        let bench = self.bench
        let seen = Seen()
        bench.opener.set(
            "a",
            InputScript(
                pictures: 500, start: MediaTime(milliseconds: 7_000),
                onPicture: { if $0 == 300 { seen.take() } }))
        bench.opener.set("x", InputScript())
        let pull = bench.start(self.list(["x", "a"], first: 1))
        seen.look(pull)
        _ = await bench.eventsToTheEnd()
        let status = try #require(seen.status)
        #expect(status.state == .broadcasting)
        #expect(status.itemIndex == 1)
        #expect(status.position == MediaTime(milliseconds: 299 * 40))
        #expect(status.duration == MediaTime(milliseconds: 20_000))
        #expect(status.isSeekable)
        #expect(pull.status.position == nil)
    }

    @Test func askingForAnItemEndsTheWaitOfAListThatFailed() async {
        let missing = InputScript(opening: .fails(PullFailure(cause: .notFound, text: "404")))
        self.bench.opener.set("a", missing)
        self.bench.opener.set("b", missing, InputScript())
        let begin = self.bench.clock.now()
        _ = self.bench.start(self.list(["a", "b"], loops: true), retryDelay: .seconds(100_000)) { event, pull in
            if case .retrying = event { #expect(pull.skip(to: 1)) }
            if case .itemStarted = event { pull.stop() }
        }
        let events = await self.bench.eventsToTheEnd()
        #expect(events.contains(.itemStarted(index: 1)))
        #expect(self.bench.clock.now() - begin < 30_000_000_000)
    }

    @Test func anotherListEndsTheWaitOfOneThatFailed() async {
        self.bench.opener.set("b", InputScript())
        let other = PullSequence(items: [PullItem(url: "b", isFile: true)], loops: false)
        _ = self.bench.start(self.list(["a"], loops: true), retryDelay: .seconds(100_000)) { event, pull in
            if case .retrying = event { pull.replace(other) }
        }
        let events = await self.bench.eventsToTheEnd()
        #expect(events.last == .finished(listEnded: true, nil))
        expectSame(self.bench.pictures(), pictures("b", 0..<50))
    }

    @Test func anItemFromATransportStreamContinuesOneFromAnMP4() async {
        var plain = Frames.audio
        plain.configuration = [0x12, 0x10, 0x56, 0xe5, 0x00]
        self.bench.opener.set("a", InputScript(hasSound: true, tracks: [Frames.video, plain]))
        self.bench.opener.set("b", InputScript(hasSound: true))
        _ = self.bench.start(self.list(["a", "b"]))
        _ = await self.bench.eventsToTheEnd()
        #expect(self.bench.trackSets() == [[Frames.video, plain]])
    }
}
