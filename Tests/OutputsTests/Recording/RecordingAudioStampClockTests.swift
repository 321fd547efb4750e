import TestSupport
import Testing

@testable import Outputs

@Suite struct AudioStampClockTests {
    private static let rate: Int64 = 48_000
    private static let packet: Int64 = 1024

    /// What a source that stamps in whole milliseconds says of packet `index`.
    private func jittered(_ index: Int64, drift: Double = 1) -> Int64 {
        Int64(Double(index * Self.packet) * drift) * 1000 / Self.rate * Self.rate / 1000
    }

    @Test func millisecondJitterDisappears() {
        var clock = AudioStampClock(timescale: Self.rate)
        let stamps = (0..<5000).map { clock.stamp(self.jittered(Int64($0)), samples: Self.packet) }
        #expect(stamps == (0..<5000).map { Int64($0) * Self.packet })
    }

    @Test(arguments: [0.999, 0.9999, 1.0001, 1.001]) func aDriftingClockIsFollowedWithin40Milliseconds(drift: Double) {
        var clock = AudioStampClock(timescale: Self.rate)
        var last: Int64 = -1
        for index in 0..<100_000 as Range<Int64> {
            let claimed = self.jittered(index, drift: drift)
            let stamp = clock.stamp(claimed, samples: Self.packet)
            #expect(abs(stamp - claimed) < Self.rate * 40 / 1000)
            #expect(stamp > last)
            last = stamp
        }
    }

    @Test func aGapIsKept() {
        var clock = AudioStampClock(timescale: Self.rate)
        _ = clock.stamp(0, samples: Self.packet)
        #expect(clock.stamp(96_000, samples: Self.packet) == 96_000)
        #expect(clock.stamp(97_000, samples: Self.packet) == 97_024)
    }

    @Test func oneLostPacketLeavesSoundLateForAMomentOnly() {
        var clock = AudioStampClock(timescale: Self.rate)
        let claims = (0..<100 as Range<Int64>).filter { $0 != 50 }
        let errors = claims.map { abs(clock.stamp(self.jittered($0), samples: Self.packet) - $0 * Self.packet) }
        #expect(errors.max() ?? 0 <= Self.packet)
        #expect(errors.suffix(30).allSatisfy { $0 < 100 })
    }

    @Test func aLongStepBackStillGivesRisingStamps() {
        var clock = AudioStampClock(timescale: Self.rate)
        var stamps = (0..<10 as Range<Int64>).map { clock.stamp($0 * Self.packet, samples: Self.packet) }
        // The source counts on 200 ms behind: a claimed length that was wrong.
        stamps += (0..<40 as Range<Int64>).map { clock.stamp($0 * Self.packet + 10 * Self.packet - 9600, samples: Self.packet) }
        #expect(zip(stamps, stamps.dropFirst()).allSatisfy { $0 < $1 })
        #expect(stamps.last == 49 * Self.packet - 9600)
    }

    @Test func packetsOfAWrongLengthAreFollowed() {
        // Says 1024 samples, is 512.
        var clock = AudioStampClock(timescale: Self.rate)
        for index in 0..<1000 as Range<Int64> {
            #expect(abs(clock.stamp(index * 512, samples: 1024) - index * 512) <= Self.rate / 10 + 1024)
        }
    }

    @Test func afterARestartTheNextPacketCounts() {
        var clock = AudioStampClock(timescale: Self.rate)
        _ = clock.stamp(0, samples: Self.packet)
        clock.restart()
        #expect(clock.stamp(3000, samples: Self.packet) == 3000)
    }
}
