import Media
import NIOCore
import Streams
import TestSupport
import Testing

@testable import Gateways

@Suite struct SequenceTimelineTests {
    private static let frame = MediaTime(milliseconds: 40)
    private static let packet = MediaTime(ticks: 1024, timescale: 44_100)

    /// An item of pictures every 40 ms and AAC sound at 44.1 kHz, in the order of a file. `order` gives each picture's place among those shown.
    private func item(pictures: Int, sounds: Int, from start: MediaTime = .zero, delay: Int64 = 0, order: [Int64] = [0]) -> [EncodedFrame] {
        var frames: [EncodedFrame] = []
        for index in 0..<pictures {
            let decode = start + MediaTime(milliseconds: Int64(index) * 40 - delay)
            let shown = MediaTime(milliseconds: delay + order[index % order.count] * 40)
            frames.append(
                EncodedFrame(
                    track: .video, kind: .video, isKeyframe: index == 0, decodeTime: decode, compositionOffset: shown, payload: ByteBuffer()))
        }
        for index in 0..<sounds {
            let time = start + MediaTime(ticks: Int64(index) * 1024, timescale: 44_100)
            frames.append(EncodedFrame(track: .audio, kind: .audio, isKeyframe: true, decodeTime: time, payload: ByteBuffer()))
        }
        return frames.sorted { $0.decodeTime < $1.decodeTime }
    }

    private func play(_ frames: [EncodedFrame], tracks: [Track] = [Frames.video, Frames.audio], on timeline: inout SequenceTimeline) -> [EncodedFrame]
    {
        let firsts = [TrackID.video, .audio].compactMap { id in frames.first { $0.track == id }?.presentationTime }
        timeline.begin(tracks: tracks, firstPresentation: firsts.first ?? .zero)
        return frames.compactMap { timeline.place($0) }
    }

    private func pictures(_ frames: [EncodedFrame]) -> [MediaTime] { frames.filter { $0.kind == .video }.map(\.presentationTime).sorted() }
    private func sounds(_ frames: [EncodedFrame]) -> [MediaTime] { frames.filter { $0.kind == .audio }.map(\.presentationTime) }

    @Test func theNextItemFollowsWithoutAGap() {
        var timeline = SequenceTimeline()
        let one = self.play(self.item(pictures: 50, sounds: 0), tracks: [Frames.video], on: &timeline)
        let two = self.play(self.item(pictures: 50, sounds: 0, from: MediaTime(milliseconds: 777_777)), tracks: [Frames.video], on: &timeline)
        let times = self.pictures(one) + self.pictures(two)
        for (before, after) in zip(times, times.dropFirst()) { #expect(after - before == Self.frame) }
    }

    @Test func theLongerTrackDecidesWhereTheNextItemBegins() {
        var timeline = SequenceTimeline()
        // 2 s of pictures, 2.02 s of sound.
        let one = self.play(self.item(pictures: 50, sounds: 87), on: &timeline)
        let two = self.play(self.item(pictures: 50, sounds: 87), on: &timeline)
        let joint = (self.sounds(one).last ?? .zero) + Self.packet
        #expect(self.sounds(two).first == joint)
        #expect(self.pictures(two).first == joint, "sound and picture keep their distance")
        let gap = (self.pictures(two).first ?? .zero) - (self.pictures(one).last ?? .zero)
        #expect(gap < MediaTime(milliseconds: 80))
    }

    @Test func bFramesAreJoinedByWhatIsShown() {
        var timeline = SequenceTimeline()
        // Decoded as I P B B, shown as I B B P, decoding 80 ms ahead.
        let order: [Int64] = [0, 2, -1, -1]
        let source = self.item(pictures: 48, sounds: 0, delay: 80, order: order)
        let one = self.play(source, tracks: [Frames.video], on: &timeline)
        let two = self.play(source, tracks: [Frames.video], on: &timeline)
        let times = self.pictures(one) + self.pictures(two)
        for (before, after) in zip(times, times.dropFirst()) { #expect(after - before == Self.frame) }
        let decodes = (one + two).map(\.decodeTime)
        for (before, after) in zip(decodes, decodes.dropFirst()) { #expect(after > before) }
        for frame in one + two { #expect(frame.compositionOffset >= .zero) }
    }

    @Test func anItemWithBFramesAfterOneWithoutIsDecodedInOrder() {
        var timeline = SequenceTimeline()
        let one = self.play(self.item(pictures: 50, sounds: 0), tracks: [Frames.video], on: &timeline)
        let two = self.play(self.item(pictures: 48, sounds: 0, delay: 80, order: [0, 2, -1, -1]), tracks: [Frames.video], on: &timeline)
        let decodes = (one + two).map(\.decodeTime)
        for (before, after) in zip(decodes, decodes.dropFirst()) { #expect(after > before) }
        let times = self.pictures(one) + self.pictures(two)
        for (before, after) in zip(times, times.dropFirst()) { #expect(after - before == Self.frame) }
    }

    @Test func aThousandLoopsDoNotDrift() {
        var timeline = SequenceTimeline()
        let source = self.item(pictures: 25, sounds: 40)
        var begins: [MediaTime] = []
        for _ in 0..<1_000 { begins.append(self.pictures(self.play(source, on: &timeline)).first ?? .zero) }
        for (before, after) in zip(begins, begins.dropFirst()) { #expect(after - before == MediaTime(milliseconds: 1_000)) }
    }

    @Test func anItemWithoutSoundIsAsLongAsItsPictures() {
        var timeline = SequenceTimeline()
        _ = self.play(self.item(pictures: 50, sounds: 0), tracks: [Frames.video], on: &timeline)
        #expect(timeline.end == MediaTime(milliseconds: 2_000))
        _ = self.play(self.item(pictures: 25, sounds: 43), on: &timeline)
        #expect(timeline.end >= MediaTime(milliseconds: 3_000))
    }

    @Test func oneFrameIsShownForItsTime() {
        var timeline = SequenceTimeline()
        _ = self.play(self.item(pictures: 1, sounds: 0), tracks: [Frames.video], on: &timeline)
        // The track says 30 frames a second.
        #expect(timeline.end == MediaTime(microseconds: 33_333))
    }

    @Test func aHoleBeforeTheLastFrameDoesNotMakeItLonger() {
        var timeline = SequenceTimeline()
        var source = self.item(pictures: 50, sounds: 0)
        source[49].decodeTime = source[49].decodeTime + MediaTime(milliseconds: 900)
        _ = self.play(source, tracks: [Frames.video], on: &timeline)
        #expect(timeline.end == MediaTime(milliseconds: 49 * 40 + 900 + 40))
    }

    @Test func millisecondTimesOfMatroskaJoinWithinAMillisecond() {
        var timeline = SequenceTimeline()
        let source = (0..<90).map { Frames.picture(at: (Int64($0) * 100 + 1) / 3, key: $0 == 0) }
        let one = self.play(source, tracks: [Frames.video], on: &timeline)
        let two = self.play(source, tracks: [Frames.video], on: &timeline)
        let gap = (self.pictures(two).first ?? .zero) - (self.pictures(one).last ?? .zero)
        #expect(gap >= MediaTime(milliseconds: 33))
        #expect(gap <= MediaTime(milliseconds: 34))
    }

    @Test func aClockThatJumpsIsStitchedWithSoundAndPictureTogether() {
        var timeline = SequenceTimeline()
        var source = self.item(pictures: 100, sounds: 172)
        let hour = MediaTime(milliseconds: 3_600_000)
        // Sound jumps three packets after the pictures have.
        let pictureJump = MediaTime(milliseconds: 2_000)
        let soundJump = pictureJump + MediaTime(milliseconds: 70)
        for index in source.indices where source[index].decodeTime >= (source[index].kind == .video ? pictureJump : soundJump) {
            source[index].decodeTime = source[index].decodeTime + hour
        }
        let placed = self.play(source, on: &timeline)
        #expect(timeline.jumps == 1)
        let pictures = self.pictures(placed)
        for (before, after) in zip(pictures, pictures.dropFirst()) { #expect(after - before <= MediaTime(milliseconds: 90)) }
        // The distance between sound and picture is what it was before the jump.
        let lastPicture = pictures.last ?? .zero
        let lastSound = self.sounds(placed).last ?? .zero
        let before = MediaTime(ticks: 171 * 1024, timescale: 44_100) - MediaTime(milliseconds: 99 * 40)
        #expect(lastSound - lastPicture == before)
    }

    @Test func aClockThatJumpsBackGoesOnToo() {
        var timeline = SequenceTimeline()
        var source = self.item(pictures: 100, sounds: 0, from: MediaTime(milliseconds: 3_600_000))
        for index in 50..<100 { source[index].decodeTime = source[index].decodeTime - MediaTime(milliseconds: 3_600_000) }
        let times = self.pictures(self.play(source, tracks: [Frames.video], on: &timeline))
        for (before, after) in zip(times, times.dropFirst()) { #expect(after - before == Self.frame) }
    }

    @Test func oneFrameWithAnAbsurdTimeMovesNothingBehindIt() {
        var timeline = SequenceTimeline()
        var source = self.item(pictures: 100, sounds: 0)
        source[50].decodeTime = MediaTime(milliseconds: 987_654_321)
        let times = self.play(source, tracks: [Frames.video], on: &timeline).map(\.decodeTime)
        #expect(times[99] == MediaTime(milliseconds: 99 * 40))
        #expect(times[50] <= times[51])
    }

    @Test func afterASeekTimesGoOn() {
        var timeline = SequenceTimeline()
        let one = self.play(self.item(pictures: 50, sounds: 0), tracks: [Frames.video], on: &timeline)
        let two = self.play(self.item(pictures: 50, sounds: 0, from: MediaTime(milliseconds: 60_000)), tracks: [Frames.video], on: &timeline)
        #expect((self.pictures(two).first ?? .zero) - (self.pictures(one).last ?? .zero) == Self.frame)
    }

    @Test func soundFromBeforeTheFirstPictureGivesWayToTheItemBefore() {
        var timeline = SequenceTimeline()
        _ = self.play(self.item(pictures: 50, sounds: 87), on: &timeline)
        let joint = timeline.end
        // As mp4 stores AAC: its first packet is before zero.
        let priming = MediaTime.zero - Self.packet
        let source = (self.item(pictures: 50, sounds: 0) + self.item(pictures: 0, sounds: 87, from: priming)).sorted { $0.decodeTime < $1.decodeTime }
        let placed = self.play(source, on: &timeline)
        #expect(self.pictures(placed).first == joint)
        #expect(self.sounds(placed).first == joint, "the packet before it would sound twice")
        #expect(self.sounds(placed).count == 86)
    }

    @Test func soundFromBeforeTheFirstPictureFillsAHole() {
        var timeline = SequenceTimeline()
        // Sound ends 100 ms before the pictures do.
        _ = self.play(self.item(pictures: 50, sounds: 82), on: &timeline)
        let joint = timeline.end
        let source = (self.item(pictures: 50, sounds: 0) + self.item(pictures: 0, sounds: 87, from: MediaTime.zero - Self.packet))
            .sorted { $0.decodeTime < $1.decodeTime }
        let placed = self.play(source, on: &timeline)
        #expect(self.sounds(placed).count == 87)
        #expect(self.sounds(placed).first == joint - Self.packet)
    }

    /// Vorbis: packets last from 3 to 21 ms, and none says how long.
    @Test func originalsOfAnyLengthKeepTheirTimesAndDecideNothing() {
        func original(_ milliseconds: [Int64]) -> [EncodedFrame] {
            milliseconds.map { time in
                EncodedFrame(
                    track: .originalAudio, kind: .audio, isKeyframe: true, decodeTime: MediaTime(milliseconds: time), payload: ByteBuffer())
            }
        }
        let times: [Int64] = [0, 21, 42, 45, 48, 51, 54, 66, 87, 90, 93, 105] + Array(stride(from: 126, to: 1_990, by: 21))
        let plain = self.item(pictures: 50, sounds: 86)
        let frames = (plain + original(times)).sorted { $0.decodeTime < $1.decodeTime }
        var timeline = SequenceTimeline()
        let one = self.play(frames, on: &timeline)
        let end = timeline.end
        let two = self.play(frames, on: &timeline)
        func originals(_ frames: [EncodedFrame]) -> [MediaTime] { frames.filter { $0.track == .originalAudio }.map(\.decodeTime) }
        #expect(originals(one) == times.map { MediaTime(milliseconds: $0) })
        #expect(originals(two) == times.map { MediaTime(milliseconds: $0) + end })
        var without = SequenceTimeline()
        let expected = self.play(plain, on: &without) + self.play(plain, on: &without)
        #expect((one + two).filter { $0.track != .originalAudio }.map(\.decodeTime) == expected.map(\.decodeTime))
        // Sound from before the first picture of the next item gives way.
        let early = original([-50, -20, 10]) + self.item(pictures: 5, sounds: 0)
        let three = self.play(early.sorted { $0.decodeTime < $1.decodeTime }, on: &timeline)
        #expect(originals(three).count == 1)
    }

    /// The hub repairs what is wrong with times; a sequence gives it nothing to repair.
    @Test func theHubTakesASequenceAsItIs() throws {
        let streams = StreamDirectory()
        let source = PublishSource(type: .pull, remoteAddress: "", startedAtMilliseconds: 0, stop: { _ in })
        let publisher = try streams.publish(StreamKey("s"), source: source, now: .now()).get()
        publisher.announce(Frames.video)
        publisher.announce(Frames.audio)
        var timeline = SequenceTimeline()
        for _ in 0..<5 {
            for frame in self.play(self.item(pictures: 48, sounds: 83, delay: 80, order: [0, 2, -1, -1]), on: &timeline) {
                publisher.publish(frame, now: .now())
            }
            for frame in self.play(self.item(pictures: 50, sounds: 87, from: MediaTime(milliseconds: 5_000_000)), on: &timeline) {
                publisher.publish(frame, now: .now())
            }
        }
        let snapshot = try #require(publisher.stream.snapshot(now: .now()))
        #expect(snapshot.timestampRepairs == 0)
        #expect(snapshot.droppedFrames == 0)
    }
}
