import Media
import Testing

@testable import Gateways

@Suite struct PullPacerTests {
    private func ms(_ value: Int64) -> MediaTime { MediaTime(milliseconds: value) }
    private func ns(_ value: Int64) -> Int64 { value * 1_000_000 }

    @Test func theFirstSecondIsSentAtOnceAndTheRestInRealTime() {
        var pacer = PullPacer()
        let start = self.ns(50_000)
        for time in stride(from: Int64(0), through: 1_000, by: 40) { #expect(pacer.due(self.ms(time), now: start) == nil) }
        #expect(pacer.due(self.ms(1_040), now: start) == start + self.ns(40))
        #expect(pacer.due(self.ms(1_080), now: start + self.ns(40)) == start + self.ns(80))
    }

    @Test func timesNeedNotBeginAtZero() {
        var pacer = PullPacer()
        #expect(pacer.due(self.ms(-80), now: 0) == nil)
        #expect(pacer.due(self.ms(1_000), now: 0) == self.ns(80))
    }

    @Test func aStallMovesTheClockAndIsMadeUpByOneSecondAtMost() {
        var pacer = PullPacer()
        var sentAt: [Int64] = []
        var now: Int64 = 0
        for frame in 0..<500 {
            if frame == 100 { now += self.ns(20_000) }
            if let due = pacer.due(self.ms(Int64(frame) * 40), now: now) { now = max(now, due) }
            sentAt.append(now)
        }
        let resumed = sentAt[100]
        let burst = sentAt[100...].filter { $0 == resumed }.count
        #expect(burst >= 24)
        #expect(burst <= 27)
        // From then on in real time again.
        #expect(sentAt[499] - sentAt[200] == self.ns(299 * 40))
    }

    @Test func aShortHiccupMovesNothing() {
        var pacer = PullPacer()
        _ = pacer.due(self.ms(0), now: 0)
        _ = pacer.due(self.ms(2_000), now: 0)
        #expect(pacer.due(self.ms(2_040), now: self.ns(1_900)) == nil)
        #expect(pacer.due(self.ms(2_960), now: self.ns(1_900)) == self.ns(1_960))
    }

    @Test func aTrackStoredBehindTheOtherNeverSlowsIt() {
        var pacer = PullPacer()
        var now: Int64 = 0
        for frame in 0..<1_000 {
            let time = Int64(frame) * 40
            if let due = pacer.due(self.ms(time), now: now) { now = due }
            #expect(pacer.due(self.ms(time - 3_000), now: now) == nil)
        }
        #expect(now == self.ns(999 * 40 - 1_000))
    }

    @Test(arguments: [3_600_000, -3_600_000, 5_001, -10_100] as [Int64])
    func aClockThatJumpsIsNeitherWaitedForNorRushed(jump: Int64) {
        var pacer = PullPacer()
        var now: Int64 = 0
        for frame in 0..<500 {
            let time = Int64(frame) * 40 + (frame >= 250 ? jump : 0)
            if let due = pacer.due(self.ms(time), now: now) { now = due }
        }
        #expect(abs(now - self.ns(499 * 40 - 1_000)) <= self.ns(41))
    }

    @Test func aFileBehindALiveSourceGoesOnFromItsTime() {
        var pacer = PullPacer()
        for frame in 0..<100 { pacer.follow(self.ms(Int64(frame) * 40), now: self.ns(Int64(frame) * 40 + 7_000)) }
        let now = self.ns(99 * 40 + 7_000)
        #expect(pacer.due(self.ms(4_000), now: now) == nil)
        #expect(pacer.due(self.ms(3_960 + 1_040), now: now) == now + self.ns(40))
    }

    @Test func extremeTimesDoNotTrap() {
        var pacer = PullPacer()
        for time in [Int64.max, Int64.min, 0, Int64.max / 2, -1] {
            _ = pacer.due(MediaTime(microseconds: time), now: Int64.max)
            _ = pacer.due(MediaTime(microseconds: time), now: 0)
            pacer.follow(MediaTime(microseconds: time), now: 5)
        }
    }
}
