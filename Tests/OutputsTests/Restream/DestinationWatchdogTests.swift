import NIOCore
import Testing

@testable import Outputs

@Suite struct DestinationWatchdogTests {
    private func live() -> MachineBench {
        var bench = MachineBench()
        bench.begin()
        bench.goLive(1)
        return bench
    }

    /// Goes through checks until something is ordered. Returns how long that took.
    private func timeUntilAbort(_ bench: inout MachineBench, within checks: Int = 20) throws -> TimeAmount? {
        let start = bench.now
        for _ in 0..<checks {
            if try bench.timeOut() == [.abort(1)] { return bench.now - start }
        }
        return nil
    }

    @Test func aPeerThatTakesNothingForTenSecondsIsGivenUp() throws {
        var bench = self.live()
        bench.machine.writeBegan(1, now: bench.now)
        let stalled = try self.timeUntilAbort(&bench)
        let time = try #require(stalled)
        #expect(time >= .seconds(10) && time <= .seconds(12))
        #expect(bench.machine.lastFailure == .stalled)
        #expect(bench.machine.state == .retrying)
        #expect(bench.machine.contractStatus == "error")
    }

    @Test func aSlowPeerThatTakesSomethingNowAndThenIsKept() throws {
        var bench = self.live()
        bench.machine.writeBegan(1, now: bench.now)
        for _ in 0..<20 {
            bench.pass(.seconds(9))
            #expect(bench.machine.timedOut(now: bench.now) == [])
            bench.machine.writeProgressed(1, bytes: 1000, isMoreWaiting: true, now: bench.now)
        }
        #expect(bench.machine.state == .live)
    }

    @Test func asLongAsNothingWaitsSilenceIsNoStall() throws {
        var bench = self.live()
        bench.machine.writeBegan(1, now: bench.now)
        bench.machine.writeProgressed(1, bytes: 1000, isMoreWaiting: false, now: bench.now)
        let time = try self.timeUntilAbort(&bench)
        #expect(time == nil)
    }

    @Test func moreDataDoesNotRestartTheWatchdog() throws {
        var bench = self.live()
        bench.machine.writeBegan(1, now: bench.now)
        bench.pass(.seconds(9))
        bench.machine.writeBegan(1, now: bench.now)
        bench.pass(.seconds(1))
        #expect(bench.machine.timedOut(now: bench.now) == [.abort(1)])
    }

    @Test func aPeerThatUsedToAcknowledgeAndStoppedIsGivenUpThoughItsKernelTakesAll() throws {
        var bench = self.live()
        for step in UInt32(1)...5 {
            bench.machine.writeProgressed(1, bytes: 1_000_000, isMoreWaiting: false, now: bench.now)
            bench.machine.acknowledged(1, sequence: step * 1_000_000, now: bench.now)
            bench.pass(.seconds(1))
        }
        for _ in 0..<15 {
            bench.machine.writeProgressed(1, bytes: 1_000_000, isMoreWaiting: false, now: bench.now)
            bench.pass(.seconds(1))
        }
        let time = try self.timeUntilAbort(&bench)
        #expect(time != nil)
        #expect(bench.machine.lastFailure == .stalled)
    }

    @Test func aPeerThatNeverAcknowledgesIsKept() throws {
        var bench = self.live()
        for _ in 0..<60 {
            bench.machine.writeProgressed(1, bytes: 1_000_000, isMoreWaiting: false, now: bench.now)
            bench.pass(.seconds(1))
            #expect(bench.machine.timedOut(now: bench.now) == [])
        }
        #expect(bench.machine.state == .live)
    }
}

@Suite struct AcknowledgementWatchTests {
    private let start = NIODeadline.now()

    private func stalled(_ watch: AcknowledgementWatch, after seconds: Int64) -> Bool {
        watch.hasStalled(now: self.start + .seconds(seconds), patience: .seconds(10))
    }

    @Test func aCountThatWrapsAtThirtyTwoBitsGoesOn() {
        var watch = AcknowledgementWatch()
        var sequence: UInt32 = 0
        for _ in 0..<10 {
            watch.sent(bytes: 1 << 30)
            sequence &+= 1 << 30
            watch.received(sequence: sequence, now: self.start)
        }
        #expect(!self.stalled(watch, after: 100), "everything sent has been acknowledged")
        watch.sent(bytes: 5 << 30)
        #expect(self.stalled(watch, after: 100))
        #expect(!self.stalled(watch, after: 9))
    }

    @Test func twoAcknowledgementsAreNotEnoughToTrust() {
        var watch = AcknowledgementWatch()
        for step in UInt32(1)...2 {
            watch.sent(bytes: 1000)
            watch.received(sequence: step * 1000, now: self.start)
        }
        watch.sent(bytes: 1_000_000)
        #expect(!self.stalled(watch, after: 100))
    }

    @Test func aPeerThatCountsBackwardsOrTooFarIsNotJudged() {
        for wrong in [UInt32(500), 900_000_000] {
            var watch = AcknowledgementWatch()
            for step in UInt32(1)...5 {
                watch.sent(bytes: 1000)
                watch.received(sequence: step * 1000, now: self.start)
            }
            watch.received(sequence: wrong, now: self.start)
            watch.sent(bytes: 1_000_000)
            #expect(!self.stalled(watch, after: 100))
        }
    }

    @Test func fewBytesSinceTheLastAcknowledgementAreNoStall() {
        var watch = AcknowledgementWatch()
        for step in UInt32(1)...5 {
            watch.sent(bytes: 1_000_000)
            watch.received(sequence: step * 1_000_000, now: self.start)
        }
        watch.sent(bytes: 3_000_000)
        #expect(!self.stalled(watch, after: 100))
        watch.sent(bytes: 2_000_000)
        #expect(self.stalled(watch, after: 100))
    }
}
