import Media
import NIOCore
import TestSupport
import Testing

@testable import Outputs

@Suite struct RecordingTimelineTests {
    private static let video = Track(id: .video, codec: .h264, configuration: [1, 2], format: .video(.init(width: 160, height: 90)))
    private static let audio = Track(
        id: .audio, codec: .aac, configuration: [0x11, 0x90], format: .audio(.init(sampleRate: 48_000, channelCount: 2, samplesPerPacket: 1024)))

    private func picture(_ milliseconds: Int64, key: Bool = false, offset: Int64 = 0) -> EncodedFrame {
        EncodedFrame(
            track: .video, kind: .video, isKeyframe: key, decodeTime: MediaTime(milliseconds: milliseconds),
            compositionOffset: MediaTime(milliseconds: offset), payload: ByteBuffer(bytes: [1]))
    }

    private func sound(_ milliseconds: Int64) -> EncodedFrame {
        EncodedFrame(
            track: .audio, kind: .audio, isKeyframe: true, decodeTime: MediaTime(milliseconds: milliseconds), payload: ByteBuffer(bytes: [2]))
    }

    @Test func nothingIsTakenBeforeAKeyframe() {
        var timeline = RecordingTimeline(tracks: [Self.video, Self.audio])
        #expect(timeline.add(self.picture(1000)).isEmpty)
        #expect(timeline.add(self.sound(1010)).isEmpty)
        #expect(!timeline.hasBegun)
        #expect(timeline.add(self.picture(1040, key: true)).isEmpty)  // held until its length is known
        #expect(timeline.hasBegun)
        let samples = timeline.add(self.picture(1080))
        #expect(samples.map(\.decodeTime) == [0])
        #expect(samples.map(\.duration) == [3600])
        #expect(samples.map(\.isKeyframe) == [true])
    }

    @Test(arguments: [0, 40, 80, 120] as [Int64]) func soundBeginsWithin40MillisecondsOfThePicture(offset: Int64) throws {
        var timeline = RecordingTimeline(tracks: [Self.video, Self.audio])
        var samples = timeline.add(self.picture(10_000, key: true, offset: offset))
        for index in 0..<40 as Range<Int64> { samples += timeline.add(self.sound(9_990 + index * 64 / 3)) }
        samples += timeline.finish()
        let picture = try #require(samples.first { $0.index == 0 })
        let sound = try #require(samples.first { $0.index == 1 })
        let difference = Double(picture.presentationTime) / 90_000 - Double(sound.presentationTime) / 48_000
        #expect(abs(difference) <= 0.022)
        #expect(samples.allSatisfy { $0.decodeTime >= 0 })
        // And in sync: sound that is shown at the same source time has the same time in the file.
        let source = Double(offset) / 1000
        #expect(abs(Double(picture.presentationTime) / 90_000 - source) < 0.001)
    }

    /// Field notes, row 20: what a file says of its length comes from its own beginning, however long the stream has been live.
    @Test(arguments: [0, 30 * 86_400_000, 4_294_967_000] as [Int64]) func timesCountFromTheFilesOwnBeginning(uptime: Int64) throws {
        var timeline = RecordingTimeline(tracks: [Self.video, Self.audio])
        var samples: [RecordingTimeline.Sample] = []
        // An hour of 30 pictures a second and of sound, on a clock of milliseconds, as RTMP has it.
        let pictures: Int64 = 108_000
        var sounds: Int64 = 0
        for number in 0..<pictures {
            samples += timeline.add(self.picture(uptime + number * 100 / 3, key: number % 30 == 0))
            while sounds * 64 / 3 <= number * 100 / 3 {
                samples += timeline.add(self.sound(uptime + sounds * 64 / 3))
                sounds += 1
            }
        }
        samples += timeline.finish()
        let shown = samples.filter { $0.index == 0 }
        let heard = samples.filter { $0.index == 1 }
        #expect(shown.count == Int(pictures) && heard.count == Int(sounds))
        #expect(shown.first?.decodeTime == 0)
        let lastPicture = Double(try #require(shown.last).decodeTime) / 90_000
        let lastSound = Double(try #require(heard.last).decodeTime) / 48_000
        #expect(abs(lastPicture - Double(pictures - 1) / 30) < 0.002)
        #expect(abs(lastSound - Double(sounds - 1) * 1024 / 48_000) < 0.022)
        // Nothing is counted twice or left out on the way.
        for track in [shown, heard] {
            for (one, next) in zip(track, track.dropFirst()) { try #require(one.decodeTime + one.duration == next.decodeTime) }
        }
    }

    @Test func soundThatDoesNotSayHowLongItIsLastsUntilTheNext() {
        let vorbis = Track(id: .originalAudio, codec: .vorbis, configuration: [2], format: .audio(.init(sampleRate: 48_000, channelCount: 2)))
        func sound(_ milliseconds: Int64) -> EncodedFrame {
            EncodedFrame(
                track: .originalAudio, kind: .audio, isKeyframe: true, decodeTime: MediaTime(milliseconds: milliseconds),
                payload: ByteBuffer(bytes: [2]))
        }
        var timeline = RecordingTimeline(
            tracks: [Track(id: .video, codec: .vp8, configuration: [], format: Self.video.format), vorbis], format: .webM)
        var samples = timeline.add(self.picture(1_000, key: true))
        for time in [990, 1_000, 1_021, 1_024, 1_027, 1_048] as [Int64] { samples += timeline.add(sound(time)) }
        // Lost, and what comes after it.
        samples += timeline.add(sound(2_000)) + timeline.finish()
        let sounds = samples.filter { $0.index == 1 }
        #expect(sounds.map { $0.decodeTime / 48 } == [0, 21, 24, 27, 48, 1_000])
        #expect(sounds.map { $0.duration / 48 } == [21, 3, 3, 21, 952, 21])
        // The sound ends before the pictures: what is left of it does not wait for the end of the file.
        _ = timeline.add(sound(2_050)) + timeline.add(sound(2_060))
        #expect(timeline.add(self.picture(3_050)).filter { $0.index == 1 }.isEmpty)
        #expect(timeline.add(self.picture(3_100)).filter { $0.index == 1 }.map { $0.decodeTime / 48 } == [1_060])
        var alone = RecordingTimeline(tracks: [vorbis], format: .webM)
        #expect(alone.add(sound(5)).isEmpty)
        #expect(alone.finish().map(\.duration) == [1_024])
    }

    @Test func soundSentAheadOfItsKeyframeIsKept() {
        var timeline = RecordingTimeline(tracks: [Self.video, Self.audio])
        #expect(timeline.add(self.sound(980)).isEmpty)
        #expect(timeline.add(self.sound(1001)).isEmpty)
        #expect(timeline.add(self.sound(1023)).isEmpty)
        let samples = timeline.add(self.picture(1000, key: true))
        #expect(samples.map(\.index) == [1, 1])
        #expect(samples.first?.decodeTime == 48)
    }

    @Test func soundAloneBeginsAtOnce() {
        var timeline = RecordingTimeline(tracks: [Self.audio])
        #expect(timeline.add(self.sound(5000)).map(\.decodeTime) == [0])
        #expect(timeline.add(self.sound(5021)).map(\.decodeTime) == [1024])
    }

    @Test func soundIsRecordedWhenNoPictureComes() {
        var timeline = RecordingTimeline(tracks: [Self.video, Self.audio])
        var samples: [RecordingTimeline.Sample] = []
        for index in 0..<1500 as Range<Int64> { samples += timeline.add(self.sound(index * 64 / 3)) }
        #expect(samples.count == 1500)
        // A picture later needs a keyframe.
        #expect(timeline.add(self.picture(40_000)).isEmpty)
        #expect(timeline.finish().isEmpty)
        _ = timeline.add(self.picture(40_040, key: true))
        #expect(timeline.finish().map(\.decodeTime) == [40_040 * 90])
    }

    @Test func soundIsRecordedWhenPicturesOfUnknownSizeNeverCome() {
        let unknown = Track(id: .video, codec: .vp9, configuration: [], format: .video(.init(width: 0, height: 0)))
        var timeline = RecordingTimeline(tracks: [unknown, Self.audio])
        var samples: [RecordingTimeline.Sample] = []
        for milliseconds in stride(from: 0, through: 31_000, by: 20) as StrideThrough<Int64> { samples += timeline.add(self.sound(milliseconds)) }
        #expect(samples.count > 1500)
        #expect(samples.first?.decodeTime == 0)
        #expect(samples.allSatisfy { $0.index == 0 })
        #expect(timeline.tracks.map(\.kind) == [.audio])
        #expect(timeline.timescales == [48_000])
        #expect(timeline.lacksPictures)
        // What is announced once more is the same as before.
        #expect(timeline.continues(with: [unknown, Self.audio]))
        #expect(timeline.offered == [unknown, Self.audio])
        #expect(timeline.add(self.picture(31_020, key: true)).isEmpty)
    }

    @Test func decodeTimesRiseWhateverComes() {
        var timeline = RecordingTimeline(tracks: [Self.video])
        var samples: [RecordingTimeline.Sample] = []
        for (index, time) in [0, 40, 40, 39, 80, 20, 120].enumerated() as EnumeratedSequence<[Int64]> {
            samples += timeline.add(self.picture(time, key: index == 0))
        }
        samples += timeline.finish()
        #expect(samples.count == 7)
        #expect(zip(samples, samples.dropFirst()).allSatisfy { $0.decodeTime < $1.decodeTime })
        #expect(samples.allSatisfy { $0.presentationTime >= $0.decodeTime && $0.duration > 0 })
    }

    @Test func aGapKeepsItsLength() {
        var timeline = RecordingTimeline(tracks: [Self.video, Self.audio])
        _ = timeline.add(self.picture(0, key: true))
        _ = timeline.add(self.sound(0))
        _ = timeline.add(self.picture(40))
        let samples = timeline.add(self.picture(5040, key: true)) + timeline.add(self.sound(5040))
        #expect(samples.map(\.decodeTime) == [3600, 5040 * 48])
        #expect(samples.first?.duration == Int64(450_000))
    }

    @Test func afterADiscontinuityPicturesWaitForAKeyframe() {
        var timeline = RecordingTimeline(tracks: [Self.video, Self.audio])
        _ = timeline.add(self.picture(0, key: true))
        timeline.resynchronise()
        #expect(timeline.add(self.picture(40)).isEmpty)
        #expect(timeline.add(self.sound(50)).count == 1)
        #expect(timeline.add(self.picture(80, key: true)).map(\.duration) == [80 * 90])
    }

    @Test func aFileGoesOnOnlyWithTheSameConfiguration() {
        let timeline = RecordingTimeline(tracks: [Self.video, Self.audio])
        var claimed = Self.video
        claimed.format = .video(.init(width: 160, height: 90, frameRate: 25))
        #expect(timeline.continues(with: [claimed, Self.audio]))
        var other = Self.video
        other.configuration = [3]
        #expect(!timeline.continues(with: [other, Self.audio]))
        #expect(!timeline.continues(with: [Self.video]))
        // VP8 cannot be in the file anyway.
        let extra = Track(id: .init(rawValue: 2), codec: .vp8, configuration: [], format: .video(.init(width: 1, height: 1)))
        #expect(timeline.continues(with: [Self.video, Self.audio, extra]))
    }

    @Test func tracksThatMP4CannotHoldAreLeftOut() {
        let vp8 = Track(id: .video, codec: .vp8, configuration: [], format: .video(.init(width: 160, height: 90)))
        #expect(RecordingTimeline(tracks: [vp8, Self.audio]).tracks == [Self.audio])
    }
}
