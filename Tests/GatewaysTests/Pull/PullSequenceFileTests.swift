import AV
import Media
import NIOCore
import Streams
import TestSupport
import Testing

@testable import Gateways

/// Sequences of real files of the library, in real time.
@Suite(.serialized, .againstHanging) struct PullSequenceFileTests {
    private func expectNoGap(_ frames: [EncodedFrame], upTo longest: Int64) {
        let times = frames.map(\.presentationTime).sorted()
        for (before, after) in zip(times, times.dropFirst()) {
            #expect(after > before)
            #expect(after - before <= MediaTime(milliseconds: longest))
        }
    }

    @Test func filesFollowEachOtherAsOneStream() async throws {
        let theatre = try PullTheatre()
        try await theatre.files.value.clip("one.mp4", seconds: 2)
        try await theatre.files.value.clip("two.mp4", seconds: 2)
        try await theatre.files.value.clip("three.mp4", seconds: 1)
        let begin = NIODeadline.now()
        let session = theatre.list(["vod:one.mp4", "vod:two.mp4", "vod:three.mp4"])
        try await theatre.finished()
        let seconds = Double((NIODeadline.now() - begin).nanoseconds) / 1e9
        #expect(seconds > 3.8, "five seconds, one of them sent ahead")
        // How exactly they keep their time is looked at in virtual time.
        #expect(seconds < 60)
        let pictures = theatre.frames(.video)
        #expect(pictures.count == 125)
        self.expectNoGap(pictures, upTo: 80)
        self.expectNoGap(theatre.frames(.audio), upTo: 64)
        #expect(theatre.trackSets.count == 1)
        #expect(!theatre.published().contains { if case .discontinuity = $0 { true } else { false } })
        #expect(session.status.state == .finished)
    }

    @Test func oneFileLoopsWithoutAGap() async throws {
        let theatre = try PullTheatre()
        try await theatre.files.value.clip("one.mp4", seconds: 0.8)
        let session = theatre.list(["vod:one.mp4"], loops: true)
        let pictures = await theatre.frames(atLeast: 20 * 5)
        session.stop()
        self.expectNoGap(pictures, upTo: 80)
        #expect(theatre.trackSets.count == 1)
        try await theatre.finished()
    }

    @Test func anotherSizeIsAnnouncedAtTheJoint() async throws {
        let theatre = try PullTheatre()
        try await theatre.files.value.clip("one.mp4", seconds: 1)
        try await theatre.files.value.clip("two.mp4", seconds: 1, size: "320x180")
        _ = theatre.list(["vod:one.mp4", "vod:two.mp4"])
        try await theatre.finished()
        #expect(theatre.trackSets.map { $0.compactMap(\.video?.width) } == [[160], [320]])
        self.expectNoGap(theatre.frames(.video), upTo: 80)
        #expect(theatre.frames(.video).count == 50)
    }

    @Test func aFileWithoutSoundIsFilledWithSilence() async throws {
        let theatre = try PullTheatre()
        try await theatre.files.value.clip("one.mp4", seconds: 1)
        try await theatre.files.value.clip("two.mp4", seconds: 1, sound: false)
        _ = theatre.list(["vod:one.mp4", "vod:two.mp4", "vod:one.mp4"])
        try await theatre.finished()
        self.expectNoGap(theatre.frames(.audio), upTo: 64)
        #expect(theatre.trackSets.count == 1)
        #expect(theatre.frames(.video).count == 75)
    }

    @Test func containersMayDiffer() async throws {
        let theatre = try PullTheatre()
        for name in ["one.mp4", "two.ts", "three.mkv", "four.flv"] { try await theatre.files.value.clip(name, seconds: 1) }
        _ = theatre.list(["vod:one.mp4", "vod:two.ts", "vod:three.mkv", "vod:four.flv"])
        try await theatre.finished()
        #expect(theatre.frames(.video).count == 100)
        self.expectNoGap(theatre.frames(.video), upTo: 100)
        self.expectNoGap(theatre.frames(.audio), upTo: 100)
    }

    @Test func whatIsMissingOrNoMediaIsPassedOver() async throws {
        let theatre = try PullTheatre()
        try await theatre.files.value.clip("good.mp4", seconds: 1)
        try theatre.files.value.write(Array("not a film at all, but quite some text".utf8), to: "text.mp4")
        _ = theatre.list(["vod:missing.mp4", "vod:text.mp4", "vod:../outside.mp4", "vod:good.mp4"])
        var failures: [Int: PullFailure.Cause] = [:]
        try await theatre.event { event in
            if case .itemFailed(let index, let failure) = event { failures[index] = failure.cause }
            if case .finished(true, nil) = event { return () }
            return nil
        }
        #expect(failures == [0: .notFound, 1: .invalidData, 2: .addressNotAllowed])
        #expect(theatre.frames(.video).count == 25)
    }

    @Test func aFileBeginsAndIsSeekedWhereItIsTold() async throws {
        let theatre = try PullTheatre()
        try await theatre.files.value.clip("long.mp4", seconds: 60)
        let session = theatre.list(["vod:long.mp4"], start: MediaTime(milliseconds: 30_000))
        _ = await theatre.frames(atLeast: 10)
        let status = session.status
        #expect(status.duration == MediaTime(milliseconds: 60_000))
        #expect(status.isSeekable)
        #expect((status.position ?? .zero) >= MediaTime(milliseconds: 29_900))
        // It goes on in real time until it is looked at.
        #expect((status.position ?? .zero) <= MediaTime(milliseconds: 50_000))
        #expect(!session.seek(to: MediaTime(milliseconds: 60_000)))
        #expect(session.seek(to: MediaTime(milliseconds: 59_000)))
        try await theatre.finished()
        // What the seek left out in the middle of a group may have been shown before what was sent.
        self.expectNoGap(theatre.frames(.video), upTo: 200)
        // All of what is left from the middle on would be 750.
        #expect(theatre.frames(.video).count < 700)
    }

    @Test func goingToAnItemTakesNoLongerThanOpeningIt() async throws {
        let theatre = try PullTheatre()
        try await theatre.files.value.clip("one.mp4", seconds: 60)
        try await theatre.files.value.clip("two.mp4", seconds: 1, size: "320x180")
        let session = theatre.list(["vod:one.mp4", "vod:one.mp4", "vod:two.mp4"])
        _ = await theatre.frames(atLeast: 10)
        let begin = NIODeadline.now()
        #expect(session.skip(to: 2))
        #expect(!session.skip(to: 3))
        try await theatre.event { $0 == .itemStarted(index: 2) ? () : nil }
        // The first one would go on for a minute, and the next one for another.
        #expect(NIODeadline.now() - begin < .seconds(20))
        try await theatre.finished()
        // What was left out in the middle of a group may have been shown before what was sent.
        self.expectNoGap(theatre.frames(.video), upTo: 200)
    }

    @Test func normalisedItemsShareOneFormat() async throws {
        let theatre = try PullTheatre {
            $0.normalFormat.width = 320
            $0.normalFormat.height = 180
            $0.normalFormat.frameRate = 25
        }
        try await theatre.files.value.clip("one.mp4", seconds: 1)
        try await theatre.files.value.clip("two.mp4", seconds: 1, size: "200x200", sound: false)
        _ = theatre.list(["vod:one.mp4", "vod:two.mp4"], normalises: true)
        try await theatre.finished()
        #expect(theatre.trackSets.map { $0.compactMap(\.video?.width) } == [[320]])
        self.expectNoGap(theatre.frames(.video), upTo: 80)
        self.expectNoGap(theatre.frames(.audio), upTo: 64)
    }
}
