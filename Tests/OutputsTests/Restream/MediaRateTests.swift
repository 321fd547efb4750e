import Media
import NIOCore
import Streams
import Testing

@testable import Outputs

@Suite struct MediaRateTests {
    private func frames(from start: Int64, count: Int64) -> [StreamItem] {
        (0..<count).map { index in
            .frame(
                EncodedFrame(
                    track: .video, kind: .video, isKeyframe: index == 0, decodeTime: MediaTime(milliseconds: start + index * 40),
                    payload: ByteBuffer(bytes: [1])))
        }
    }

    @Test func aGroupThatHasGatheredIsNoHigherRate() {
        var rate = MediaRate()
        #expect(rate.bytesPerSecond == 0)
        rate.sent(bytes: 5_000, for: [.tracks([])])
        #expect(rate.bytesPerSecond == 0, "nothing says how long it lasts")
        rate.sent(bytes: 100_000, for: self.frames(from: 10_000, count: 1))
        #expect(rate.bytesPerSecond == 100_000, "a keyframe alone counts as a second")
        rate.sent(bytes: 500_000, for: self.frames(from: 10_040, count: 50))
        #expect(rate.bytesPerSecond == 300_000, "600 kB in 2 s, in whatever time they came")
        rate.sent(bytes: 300_000, for: self.frames(from: 12_040, count: 25))
        #expect(rate.bytesPerSecond == 300_000)
    }
}
