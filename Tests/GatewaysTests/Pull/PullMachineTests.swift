import Media
import Testing

@testable import Gateways

@Suite struct PullMachineTests {
    private let refused = PullFailure(cause: .refused, text: "Connection refused")

    private func at(_ seconds: Double) -> PullMachine.Instant {
        PullMachine.Instant(monotonic: Int64(seconds * 1e9), wallMilliseconds: 1_700_000_000_000 + Int64(seconds * 1e3))
    }

    @Test func aSourceIsPreparedThenBroadcastsAtItsFirstFrame() {
        var machine = PullMachine()
        #expect(machine.status.state == .idle)
        #expect(machine.opens(index: 0) == .preparing(index: 0))
        #expect(machine.status.state == .preparing)
        #expect(machine.status.generation == 1)
        #expect(machine.firstFrame(generation: 1, index: 0, now: self.at(1)) == .broadcasting(index: 0))
        #expect(machine.status.state == .broadcasting)
    }

    @Test func onlyTheFirstFrameOfAnOpeningIsNews() {
        var machine = PullMachine()
        _ = machine.opens(index: 0)
        _ = machine.firstFrame(generation: 1, index: 0, now: self.at(1))
        #expect(machine.firstFrame(generation: 1, index: 0, now: self.at(2)) == nil)
    }

    @Test func aFailureIsRetriedAfterTheDelayAndToldWithItsTime() {
        var machine = PullMachine()
        _ = machine.opens(index: 0)
        let lost = machine.lost(generation: 1, self.refused, chance: 0, now: self.at(5))
        #expect(lost == .retry(event: .retrying(self.refused, attempt: 1, afterMilliseconds: 3_000), at: 8_000_000_000))
        #expect(machine.status.state == .retrying)
        #expect(machine.status.attempts == 1)
        #expect(machine.status.lastFailure == self.refused)
        #expect(machine.status.nextTryAtMilliseconds == 1_700_000_008_000)
        #expect(machine.opens(index: 0) == .preparing(index: 0))
        #expect(machine.status.nextTryAtMilliseconds == nil)
        #expect(machine.status.generation == 2)
    }

    @Test func delaysDoubleUpToTheLongest() {
        var machine = PullMachine()
        var delays: [Int64] = []
        for generation in 1...8 {
            _ = machine.opens(index: 0)
            guard case .retry(.retrying(_, _, let delay), _) = machine.lost(generation: UInt64(generation), self.refused, chance: 0, now: self.at(0))
            else {
                Issue.record("not retried")
                return
            }
            delays.append(delay)
        }
        #expect(delays == [3_000, 6_000, 12_000, 24_000, 48_000, 48_000, 48_000, 48_000])
        #expect(machine.status.attempts == 8)
    }

    @Test func chanceStretchesADelayByAQuarterAtMost() {
        let backoff = PullMachine.Backoff()
        #expect(backoff.delay(failures: 1, chance: 0.5) == 3_375)
        #expect(backoff.delay(failures: 1, chance: 1) == 3_750)
        #expect(backoff.delay(failures: 40, chance: 1) == 60_000)
        #expect(backoff.delay(failures: 40, chance: 7) == 60_000)
        #expect(backoff.delay(failures: 1, chance: -1) == 3_000)
    }

    @Test(arguments: [(0, 0), (-5, 10), (5_000, 100), (Int64.max / 8, Int64.max / 4)] as [(Int64, Int64)])
    func strangeDelaysStayWithinThemselves(first: Int64, longest: Int64) {
        let backoff = PullMachine.Backoff(firstMilliseconds: first, longestMilliseconds: longest)
        for failures in [Int.min, 0, 1, 5, 1_000, Int.max] {
            let delay = backoff.delay(failures: failures, chance: 0.9)
            #expect(delay >= 1)
            #expect(delay <= max(first, longest, 1))
        }
    }

    @Test func tenSecondsOfFramesMakeTheNextFailureAFirstOne() {
        var machine = PullMachine()
        for generation in 1...4 {
            _ = machine.opens(index: 0)
            _ = machine.lost(generation: UInt64(generation), self.refused, chance: 0, now: self.at(0))
        }
        _ = machine.opens(index: 0)
        _ = machine.firstFrame(generation: 5, index: 0, now: self.at(100))
        #expect(machine.status.attempts == 0)
        #expect(machine.status.lastFailure == nil)
        let lost = machine.lost(generation: 5, self.refused, chance: 0, now: self.at(110))
        #expect(lost == .retry(event: .retrying(self.refused, attempt: 1, afterMilliseconds: 3_000), at: 113_000_000_000))
    }

    @Test func aSourceThatFlapsIsNotAskedEveryThreeSeconds() {
        var machine = PullMachine()
        var delays: [Int64] = []
        for generation in 1...4 {
            _ = machine.opens(index: 0)
            _ = machine.firstFrame(generation: UInt64(generation), index: 0, now: self.at(0))
            guard
                case .retry(.retrying(_, let attempt, let delay), _) = machine.lost(
                    generation: UInt64(generation), self.refused, chance: 0, now: self.at(9.9))
            else {
                Issue.record("not retried")
                return
            }
            #expect(attempt == 1, "a frame has come since the last failure")
            delays.append(delay)
        }
        #expect(delays == [3_000, 6_000, 12_000, 24_000])
    }

    @Test func newsOfAnOlderOpeningChangesNothing() {
        var machine = PullMachine()
        _ = machine.opens(index: 0)
        _ = machine.lost(generation: 1, self.refused, chance: 0, now: self.at(0))
        _ = machine.opens(index: 0)
        let before = machine.status
        #expect(machine.firstFrame(generation: 1, index: 0, now: self.at(1)) == nil)
        #expect(machine.lost(generation: 1, self.refused, chance: 0, now: self.at(1)) == .ignored)
        #expect(machine.lost(generation: 3, self.refused, chance: 0, now: self.at(1)) == .ignored)
        #expect(machine.status == before)
    }

    @Test func aLossWhileWaitingIsIgnored() {
        var machine = PullMachine()
        _ = machine.opens(index: 0)
        _ = machine.lost(generation: 1, self.refused, chance: 0, now: self.at(0))
        #expect(machine.lost(generation: 1, self.refused, chance: 0, now: self.at(1)) == .ignored)
        #expect(machine.status.attempts == 1)
    }

    @Test func theEndIsToldOnceAndIsForGood() {
        var machine = PullMachine()
        _ = machine.opens(index: 0)
        #expect(machine.finish(listEnded: false, nil) == .finished(listEnded: false, nil))
        #expect(machine.finish(listEnded: true, self.refused) == nil)
        #expect(machine.opens(index: 0) == nil)
        #expect(machine.firstFrame(generation: 1, index: 0, now: self.at(1)) == nil)
        #expect(machine.lost(generation: 1, self.refused, chance: 0, now: self.at(1)) == .ignored)
        #expect(machine.comes(to: 1) == nil)
        #expect(machine.itemFailed(index: 0, self.refused) == nil)
        #expect(machine.status.state == .finished)
    }

    @Test func stoppingBeforeTheFirstOpeningEndsIt() {
        var machine = PullMachine()
        #expect(machine.finish(listEnded: false, nil) == .finished(listEnded: false, nil))
        #expect(machine.isFinished)
    }

    @Test func aListKeepsBroadcastingOverItsItems() {
        var machine = PullMachine()
        _ = machine.opens(index: 2)
        #expect(machine.comes(to: 2) == nil, "nothing was published yet")
        _ = machine.firstFrame(generation: 1, index: 2, now: self.at(1))
        #expect(machine.status.itemIndex == 2)
        #expect(machine.comes(to: 3) == .itemStarted(index: 3))
        #expect(machine.itemFailed(index: 4, self.refused) == .itemFailed(index: 4, self.refused))
        #expect(machine.status.state == .broadcasting)
        #expect(machine.status.itemIndex == 3)
        #expect(machine.status.lastFailure == self.refused)
    }
}
