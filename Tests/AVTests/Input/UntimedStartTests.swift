import Media
import NIOCore
import Testing

@testable import AV

@Suite struct UntimedStartTests {
    private static let step = MediaTime(milliseconds: 40)

    private func frame(_ decode: Int64, shown: Int64, isKeyframe: Bool = false) -> EncodedFrame {
        EncodedFrame(
            track: .video, kind: .video, isKeyframe: isKeyframe, decodeTime: MediaTime(milliseconds: decode),
            compositionOffset: MediaTime(milliseconds: shown - decode), payload: ByteBuffer(bytes: [1]))
    }

    @Test func aFirstPictureWithoutTimeIsCountedBackFromTheNext() {
        var start = UntimedStart(step: Self.step, reordering: 0)
        var output: [EncodedFrame] = []
        start.take(self.frame(0, shown: 0, isKeyframe: true), hasTime: false, into: &output)
        #expect(output.isEmpty)
        start.take(self.frame(80, shown: 80), hasTime: true, into: &output)
        #expect(output.map(\.decodeTime) == [MediaTime(milliseconds: 40), MediaTime(milliseconds: 80)])
        #expect(output.map(\.isKeyframe) == [true, false])
    }

    @Test func withReorderingTheFirstShownOfTheNextCounts() {
        // I P B B: shown at 0, 120, 40, 80; the library knows all but the first.
        var start = UntimedStart(step: Self.step, reordering: 2)
        var output: [EncodedFrame] = []
        start.take(self.frame(0, shown: 0, isKeyframe: true), hasTime: false, into: &output)
        start.take(self.frame(-20, shown: 120), hasTime: true, into: &output)
        start.take(self.frame(20, shown: 40), hasTime: true, into: &output)
        #expect(output.isEmpty)
        start.take(self.frame(60, shown: 80), hasTime: true, into: &output)
        #expect(output.map(\.presentationTime.microseconds) == [0, 120_000, 40_000, 80_000])
        #expect(output.map(\.decodeTime.microseconds) == [-60_000, -20_000, 20_000, 60_000])
        // From then on nothing is held.
        start.take(self.frame(100, shown: 240), hasTime: false, into: &output)
        #expect(output.count == 5)
    }

    @Test func anInputWithTimesIsNotHeldUp() {
        var start = UntimedStart(step: Self.step, reordering: 2)
        var output: [EncodedFrame] = []
        start.take(self.frame(0, shown: 80, isKeyframe: true), hasTime: true, into: &output)
        #expect(output.count == 1)
    }

    @Test func anInputThatNeverHasTimesIsNotWaitedForForever() {
        var start = UntimedStart(step: Self.step, reordering: 0)
        var output: [EncodedFrame] = []
        for index in 0..<20 { start.take(self.frame(Int64(index) * 40, shown: Int64(index) * 40), hasTime: false, into: &output) }
        #expect(output.count == 20)
        #expect(output.map(\.decodeTime) == output.map(\.decodeTime).sorted())
    }

    @Test func theEndReleasesWhatIsHeld() {
        var start = UntimedStart(step: Self.step, reordering: 2)
        var output: [EncodedFrame] = []
        start.take(self.frame(0, shown: 0, isKeyframe: true), hasTime: false, into: &output)
        start.finish(into: &output)
        #expect(output.count == 1)
    }
}
