import Media
import Testing

@testable import Packaging

@Suite struct AudioClockTests {
    @Test func millisecondStampsDoNotDriftIn24Hours() {
        var clock = AudioClock(timescale: 44_100)
        let packets = Int64(24 * 3600) * 44_100 / 1024
        var misplaced = 0
        for packet in 0..<packets {
            let stamp = MediaTime(milliseconds: packet * 1024 * 1000 / 44_100)
            if clock.place(stamp, samples: 1024) != packet * 1024 { misplaced += 1 }
        }
        #expect(misplaced == 0)
        #expect(clock.reanchors == 0)
    }

    @Test func jitterWithinToleranceIsEvenedOut() {
        var clock = AudioClock(timescale: 48_000)
        for (packet, jitter) in [0, 30, -20, 55, 0, -50, 10].enumerated() as EnumeratedSequence<[Int64]> {
            let stamp = MediaTime(milliseconds: 1000 + Int64(packet) * 20 + jitter)
            #expect(clock.place(stamp, samples: 960) == 48_000 + Int64(packet) * 960)
        }
        #expect(clock.reanchors == 0)
    }

    @Test func aGapMovesTheAnchor() {
        var clock = AudioClock(timescale: 48_000)
        #expect(clock.place(.zero, samples: 960) == 0)
        #expect(clock.place(MediaTime(milliseconds: 120), samples: 960) == 5760)
        #expect(clock.place(MediaTime(milliseconds: 141), samples: 960) == 6720)
        #expect(clock.reanchors == 1)
    }

    @Test func aSlowSourceIsFollowedOncePerToleranceAndNeverBackwards() {
        var clock = AudioClock(timescale: 48_000)
        var last: Int64 = -1
        var backwards = 0
        // Stamps say 19 ms for packets of 20 ms: after an hour, 3 minutes less.
        for packet in 0..<Int64(180_000) {
            let stamp = MediaTime(milliseconds: packet * 19)
            let start = clock.place(stamp, samples: 960)
            if start <= last { backwards += 1 }
            last = start
        }
        #expect(backwards == 0)
        #expect(abs(last - 179_999 * 19 * 48) <= 48 * 61)
    }

    @Test func withoutALengthTheStampsAreTaken() {
        var clock = AudioClock(timescale: 1000)
        #expect([0, 21, 43].map { clock.place(MediaTime(milliseconds: $0), samples: nil) } == [0, 21, 43])
    }
}
