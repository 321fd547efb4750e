import Media
import NIOCore
import TestSupport
import Testing

@testable import Streams

@Suite struct RateMeterTests {
    private let start = NIODeadline.uptimeNanoseconds(7_000_000_000)

    @Test func aSteadyRateIsToldOverAnyWindow() {
        var meter = RateMeter(seconds: 10)
        for step in 0..<600 { meter.count(50, now: self.start + .milliseconds(Int64(step) * 100)) }
        let now = self.start + .seconds(60)
        #expect(meter.perSecond(now: now) == 500)
        #expect(meter.perSecond(over: 1, now: now) == 500)
        #expect(meter.perSecond(over: 1_000, now: now) == 500)
    }

    @Test func theFirstSecondIsToldAsItGrows() {
        var meter = RateMeter(seconds: 10)
        #expect(meter.perSecond(now: self.start) == 0)
        meter.count(50, now: self.start)
        #expect(meter.perSecond(now: self.start + .milliseconds(500)) == 50)
        #expect(meter.perSecond(now: self.start + .milliseconds(1_500)) == 50)
        #expect(meter.perSecond(now: self.start + .milliseconds(2_500)) == 25)
    }

    @Test func silenceEmptiesTheWindow() {
        var meter = RateMeter(seconds: 10)
        for step in 0..<100 { meter.count(50, now: self.start + .milliseconds(Int64(step) * 100)) }
        #expect(meter.perSecond(now: self.start + .seconds(15)) == 250)
        #expect(meter.perSecond(now: self.start + .seconds(3_600)) == 0)
    }
}

@Suite struct IngestHealthTests {
    private let start = NIODeadline.uptimeNanoseconds(7_000_000_000)

    private func picture(_ milliseconds: Int64, bytes: Int = 1_000, offset: Int64 = 0, isKeyframe: Bool = false) -> EncodedFrame {
        Frames.picture(at: milliseconds, key: isKeyframe, bytes: bytes, offset: offset)
    }

    @Test func theRatesOfASecondAndAMinuteFollowTheirWindows() {
        var meter = IngestMeter(now: self.start)
        for step in Int64(0)..<3_000 {
            // Fifty seconds of 25 pictures, and the last ten with twice as much in each.
            meter.count(self.picture(step * 40, bytes: step < 2_750 ? 1_000 : 2_000), now: self.start + .milliseconds(step * 40))
        }
        let now = self.start + .seconds(120)
        #expect(meter.health(now: now).bitrateOfLastSecond == 25 * 2_000 * 8)
        #expect(meter.health(now: now).bitrateOfLastMinute == (50 * 25 * 1_000 + 10 * 25 * 2_000) * 8 / 60)
        #expect(meter.rates(now: now).video == 25 * 2_000 * 8)
    }

    @Test func aSilenceOfASecondIsAGap() {
        var meter = IngestMeter(now: self.start)
        meter.count(self.picture(0), now: self.start + .seconds(30))
        #expect(meter.health(now: self.start).gaps == 0, "what came before the first frame is none")
        meter.count(self.picture(40), now: self.start + .milliseconds(30_999))
        #expect(meter.gaps == 0)
        meter.count(self.picture(80), now: self.start + .milliseconds(32_500))
        meter.count(self.picture(120), now: self.start + .milliseconds(35_500))
        let health = meter.health(now: self.start + .seconds(36))
        #expect(health.gaps == 2)
        #expect(health.gapTime == .milliseconds(4_501))
    }

    @Test func theSkewIsHowFarPicturesAreAheadOfSound() throws {
        var meter = IngestMeter(now: self.start)
        for step in Int64(0)..<250 {
            let now = self.start + .milliseconds(step * 40)
            meter.count(self.picture(step * 40 + 300), now: now)
            #expect(meter.health(now: now).skew == nil || step > 0)
            meter.count(Frames.sound(at: step * 40), now: now)
        }
        let skew = try #require(meter.health(now: self.start + .seconds(10)).skew)
        #expect(abs(skew.milliseconds - 300) <= 1)
    }

    @Test func reorderedPicturesAreNoticedAndForgotten() {
        var meter = IngestMeter(now: self.start)
        func group(offsets: [Int64]) {
            for (index, offset) in offsets.enumerated() { meter.count(self.picture(0, offset: offset, isKeyframe: index == 0), now: self.start) }
        }
        group(offsets: [80, 80, 81, 80])
        #expect(!meter.health(now: self.start).hasReorderedPictures, "a millisecond is rounding")
        group(offsets: [80, 200, 80, 0])
        #expect(meter.health(now: self.start).hasReorderedPictures)
        group(offsets: [80, 80])
        #expect(meter.health(now: self.start).hasReorderedPictures, "until a whole group has come without")
        group(offsets: [80, 80])
        #expect(!meter.health(now: self.start).hasReorderedPictures)
    }
}
