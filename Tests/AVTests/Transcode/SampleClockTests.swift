import Media
import Testing

@testable import AV

@Suite struct SampleClockTests {
    static func clock() -> SampleClock {
        var clock = SampleClock(sampleRate: 48_000, longestSilence: MediaTime(milliseconds: 2_000))
        clock.jump(to: MediaTime(milliseconds: 10_000), at: 0)
        return clock
    }

    @Test func samplesThatFollowAreAppended() {
        var clock = Self.clock()
        for packet in 0..<100 {
            let number = Int64(packet) * 960
            #expect(clock.place(MediaTime(milliseconds: 10_000 + Int64(packet) * 20), at: number) == .append)
        }
        #expect(clock.time(of: 96_000) == MediaTime(milliseconds: 12_000))
    }

    @Test func aMissingStretchIsSilence() {
        var clock = Self.clock()
        #expect(clock.place(MediaTime(milliseconds: 10_500), at: 0) == .silence(24_000))
        #expect(clock.place(MediaTime(milliseconds: 10_012), at: 0) == .append)
    }

    @Test func aLongOneOrAStepBackIsAJump() {
        var clock = Self.clock()
        #expect(clock.place(MediaTime(milliseconds: 12_001), at: 0) == .jump)
        #expect(clock.place(MediaTime(milliseconds: 9_899), at: 0) == .jump)
        #expect(clock.place(MediaTime(milliseconds: 9_901), at: 0) == .append)
    }

    @Test(arguments: [1.001, 0.999]) func aClockThatRunsWrongIsFollowedForHours(speed: Double) {
        var clock = Self.clock()
        var worst = 0.0
        for packet in 0..<200_000 {
            let number = Int64(packet) * 960
            let time = MediaTime(microseconds: 10_000_000 + Int64(Double(packet) * 20_000 * speed))
            #expect(clock.place(time, at: number) == .append)
            worst = max(worst, abs((clock.time(of: number) - time).seconds))
        }
        #expect(worst < 0.001)
    }

    @Test func millisecondStampsDoNotMakeTheTimesGoBack() {
        var clock = Self.clock()
        var last = MediaTime.zero
        for packet in 0..<1000 {
            let number = Int64(packet) * 1024
            let exact = 10_000 + Double(packet) * 1024 / 48
            #expect(clock.place(MediaTime(milliseconds: Int64(exact)), at: number) == .append)
            #expect(clock.time(of: number) > last)
            last = clock.time(of: number)
        }
    }

    @Test func whatTheEncoderHoldsBackKeepsItsTimeOverAJump() {
        var clock = Self.clock()
        clock.jump(to: MediaTime(milliseconds: 100_000), at: 48_000)
        #expect(clock.time(of: 47_000) < MediaTime(milliseconds: 11_000))
        #expect(clock.time(of: 48_000) == MediaTime(milliseconds: 100_000))
    }
}
