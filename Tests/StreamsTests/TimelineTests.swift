import Media
import TestSupport
import Testing

@testable import Streams

@Suite struct TimelineTests {
    func run(_ timeline: inout Timeline, _ frames: [EncodedFrame]) -> [Int64] {
        var output: [EncodedFrame] = []
        for frame in frames { timeline.sanitise(frame, into: &output) }
        return output.map(\.decodeTime.milliseconds)
    }

    @Test func theFirstFrameIsZeroWhateverTheSourceSays() {
        var timeline = Timeline(wrapPeriod: PublishSource.rtmpWrapPeriod)
        #expect(
            self.run(&timeline, [Frames.picture(at: 123_456, key: true), Frames.sound(at: 123_470), Frames.picture(at: 123_489)]) == [0, 14, 33])
    }

    @Test func aThirtyTwoBitClockThatWrapsGoesOn() {
        var timeline = Timeline(wrapPeriod: PublishSource.rtmpWrapPeriod)
        let end = Int64(1) << 32
        let frames =
            stride(from: end - 100, to: end, by: 20).map { Frames.picture(at: $0) }
            + stride(from: 0, to: 100, by: 20).map { Frames.picture(at: Int64($0)) }
        #expect(self.run(&timeline, frames) == [0, 20, 40, 60, 80, 100, 120, 140, 160, 180])
        #expect(timeline.repairs == 0)
    }

    @Test func aSmallStepBackIsClampedToJustAfterTheTracksLastFrame() {
        var timeline = Timeline(wrapPeriod: nil)
        #expect(
            self.run(&timeline, [Frames.picture(at: 0), Frames.picture(at: 40), Frames.picture(at: 30), Frames.picture(at: 80)]) == [0, 40, 41, 80])
        #expect(timeline.repairs == 1)
    }

    @Test func presentationIsKeptWhenDecodeTimeIsClamped() {
        var timeline = Timeline(wrapPeriod: nil)
        var output: [EncodedFrame] = []
        for frame in [Frames.picture(at: 0), Frames.picture(at: 40), Frames.picture(at: 30, offset: 50)] { timeline.sanitise(frame, into: &output) }
        #expect(output[2].presentationTime.milliseconds == 80)
    }

    @Test func oneFrameHoursOffIsDroppedAndNothingElseChanges() {
        var timeline = Timeline(wrapPeriod: nil)
        let times = self.run(&timeline, [Frames.picture(at: 0), Frames.picture(at: 33), Frames.picture(at: 7_200_000), Frames.picture(at: 66)])
        #expect(times == [0, 33, 66])
        #expect(timeline.dropped == 1)
    }

    @Test func threeFramesThatAgreeAreBelievedAndStitched() {
        var timeline = Timeline(wrapPeriod: nil)
        let times = self.run(
            &timeline,
            [
                Frames.picture(at: 0), Frames.sound(at: 20), Frames.picture(at: 33),
                Frames.picture(at: 3_600_000), Frames.sound(at: 3_600_010), Frames.picture(at: 3_600_033), Frames.picture(at: 3_600_066),
            ])
        #expect(times == [0, 20, 33, 66, 76, 99, 132])
        #expect(timeline.dropped == 0)
    }

    @Test func whatIsStitchedOnIsNotShownBeforeTheReorderedPicturesInFrontOfIt() {
        var timeline = Timeline(wrapPeriod: nil)
        #expect(self.run(&timeline, [Frames.picture(at: 0, key: true, offset: 80), Frames.picture(at: 40, offset: 120)]) == [0, 40])
        #expect(timeline.continuation.milliseconds == 193)
    }

    @Test func anEncoderThatStartsOverAtZeroIsStitched() {
        var timeline = Timeline(wrapPeriod: PublishSource.rtmpWrapPeriod)
        let times = self.run(&timeline, (0..<5).map { Frames.picture(at: 600_000 + $0 * 33) } + (0..<4).map { Frames.picture(at: $0 * 33) })
        #expect(times == [0, 33, 66, 99, 132, 165, 198, 231, 264])
    }

    @Test func soundBeforeTheCommonZeroIsDroppedAPictureIsMoved() {
        var timeline = Timeline(wrapPeriod: nil)
        #expect(self.run(&timeline, [Frames.picture(at: 1000, key: true), Frames.sound(at: 980), Frames.sound(at: 1003)]) == [0, 3])
        var other = Timeline(wrapPeriod: nil)
        #expect(self.run(&other, [Frames.sound(at: 1000), Frames.picture(at: 980, key: true)]) == [0, 0])
    }

    @Test func timesOfAnotherStreamOfTheHubAreKeptWhateverTheirGaps() {
        var timeline = Timeline(wrapPeriod: nil, keepsTimes: true)
        let given: [Int64] = [4_066, 4_100, 12_000, 12_033, 60_000]
        #expect(self.run(&timeline, given.map { Frames.picture(at: $0) }) == given)
        #expect(timeline.repairs == 0 && timeline.dropped == 0)
        // Where the stream went on behind its own past, they are kept from there on, and only moved when they lie before it.
        var later = Timeline(wrapPeriod: nil, origin: MediaTime(milliseconds: 1_000), keepsTimes: true)
        #expect(self.run(&later, [Frames.picture(at: 984), Frames.picture(at: 1_000)]) == [984, 1_000], "16 ms behind the last")
        var earlier = Timeline(wrapPeriod: nil, origin: MediaTime(milliseconds: 1_000), keepsTimes: true)
        #expect(self.run(&earlier, [Frames.picture(at: 0), Frames.picture(at: 40)]) == [1_000, 1_040])
    }

    @Test func timesNeverGoBackWithinATrackWhateverTheSourceSays() {
        var generator = SystemRandomNumberGenerator()
        var timeline = Timeline(wrapPeriod: PublishSource.rtmpWrapPeriod)
        var output: [EncodedFrame] = []
        for _ in 0..<20_000 {
            let time = Int64.random(in: 0..<(1 << 32), using: &generator) >> Int64.random(in: 0..<32, using: &generator)
            let frame =
                Bool.random(using: &generator) ? Frames.picture(at: time, offset: Int64.random(in: -9_000_000...9_000_000)) : Frames.sound(at: time)
            timeline.sanitise(frame, into: &output)
        }
        var last: [TrackID: MediaTime] = [:]
        for frame in output {
            if let previous = last[frame.track] { #expect(frame.decodeTime > previous) }
            #expect(frame.decodeTime >= .zero)
            #expect(frame.compositionOffset >= .zero && frame.compositionOffset <= MediaTime(milliseconds: 20_000))
            last[frame.track] = frame.decodeTime
        }
        #expect(output.count + timeline.dropped >= 20_000 - 2)
    }

    @Test func aDayOfFramesStaysInStepWithItsSource() {
        var timeline = Timeline(wrapPeriod: PublishSource.rtmpWrapPeriod)
        var output: [EncodedFrame] = []
        let start = (Int64(1) << 32) - 3_600_000
        for step in 0..<(24 * 3600) { timeline.sanitise(Frames.picture(at: (start + Int64(step) * 1000) % (1 << 32)), into: &output) }
        #expect(output.last?.decodeTime.milliseconds == 86_399_000)
        #expect(timeline.repairs == 0 && timeline.dropped == 0)
    }
}
