import NIOCore
import Testing

@testable import Outputs

@Suite struct DestinationWatchdogTests {
    private func live(healthCheckPeriod: TimeAmount = .seconds(2)) -> MachineBench {
        var bench = MachineBench(healthCheckPeriod: healthCheckPeriod)
        bench.begin()
        bench.goLive(1)
        return bench
    }

    /// Goes through checks, with `delivery` looked at before each, until something is ordered. Returns how long that took.
    private func timeUntilAbort(
        _ bench: inout MachineBench, _ delivery: Delivery = .init(acknowledged: 0, isOutstanding: false), within checks: Int = 20
    ) throws -> TimeAmount? {
        let start = bench.now
        for _ in 0..<checks {
            bench.now = max(bench.now, try #require(bench.machine.deadline))
            bench.machine.looked(at: delivery, now: bench.now)
            if bench.machine.timedOut(now: bench.now) == [.abort(1)] { return bench.now - start }
        }
        return nil
    }

    @Test func aPeerThatAcknowledgesNothingForTenSecondsIsGivenUp() throws {
        var bench = self.live()
        bench.machine.looked(at: .init(acknowledged: 5, isOutstanding: true), now: bench.now)
        let stalled = try self.timeUntilAbort(&bench, .init(acknowledged: 5, isOutstanding: true))
        #expect(stalled == .seconds(10))
        #expect(bench.machine.failure == .stalled)
        #expect(bench.machine.state == .retrying)
        #expect(bench.machine.contractStatus == "error")
    }

    /// The setting allows an hour; what it is for is to look more often.
    @Test(arguments: [TimeAmount.milliseconds(1), .seconds(2), .seconds(3), .hours(1)])
    func itIsNoticedInTimeHoweverRarelyItIsToBeLookedAt(period: TimeAmount) throws {
        var bench = self.live(healthCheckPeriod: period)
        let stuck = Delivery(acknowledged: 5, isOutstanding: true)
        let start = bench.now
        // Only what the machine asks for is done: the first look is the one it orders.
        var stalledAfter: TimeAmount?
        while bench.machine.liveAttempt != nil, bench.now - start < .seconds(60) {
            bench.now = max(bench.now, try #require(bench.machine.deadline))
            bench.machine.looked(at: stuck, now: bench.now)
            _ = bench.machine.timedOut(now: bench.now)
            if bench.machine.state == .stalled { stalledAfter = stalledAfter ?? bench.now - start }
        }
        let noticed = try #require(stalledAfter)
        #expect(noticed <= .milliseconds(7_500), "five seconds, and a quarter of the ten until the first look")
        #expect(bench.now - start <= .milliseconds(12_500))
        #expect(bench.machine.failure == .stalled)
    }

    @Test func itIsShownAsStalledAfterHalfOfThatAndAsLiveAgainWhenSomethingArrives() throws {
        var bench = self.live()
        let stuck = Delivery(acknowledged: 5, isOutstanding: true)
        bench.machine.looked(at: stuck, now: bench.now)
        bench.pass(.milliseconds(4_999))
        bench.machine.looked(at: stuck, now: bench.now)
        #expect(bench.machine.timedOut(now: bench.now) == [])
        #expect(bench.machine.state == .live)
        #expect(bench.machine.deadline == bench.now + .milliseconds(1), "it is not late to notice")
        bench.pass(.milliseconds(1))
        bench.machine.looked(at: stuck, now: bench.now)
        #expect(bench.machine.timedOut(now: bench.now) == [])
        #expect(bench.machine.state == .stalled)
        #expect(bench.machine.contractStatus == "error")
        #expect(bench.machine.failure == .stalled)
        #expect(bench.machine.liveAttempt == 1, "the session goes on")
        bench.pass(.seconds(2))
        bench.machine.looked(at: .init(acknowledged: 6, isOutstanding: true), now: bench.now)
        #expect(bench.machine.timedOut(now: bench.now) == [])
        #expect(bench.machine.state == .live)
        #expect(bench.machine.failure == nil)
        #expect(bench.machine.failures == 0)
    }

    @Test func aSlowPeerThatTakesSomethingNowAndThenIsKept() throws {
        var bench = self.live()
        for step in UInt64(1)...20 {
            bench.pass(.seconds(9))
            bench.machine.looked(at: .init(acknowledged: step, isOutstanding: true), now: bench.now)
            #expect(bench.machine.timedOut(now: bench.now) == [])
        }
        #expect(bench.machine.liveAttempt == 1)
    }

    @Test func asLongAsNothingIsOnItsWaySilenceIsNoStall() throws {
        var bench = self.live()
        bench.machine.looked(at: .init(acknowledged: 5, isOutstanding: true), now: bench.now)
        let time = try self.timeUntilAbort(&bench, .init(acknowledged: 5, isOutstanding: false))
        #expect(time == nil)
        #expect(bench.machine.state == .live)
    }

    @Test func aPeerThatUsedToAcknowledgeAndStoppedIsGivenUpThoughItsKernelTakesAll() throws {
        var bench = self.live()
        for step in UInt32(1)...5 {
            bench.machine.wrote(1, bytes: 1_000_000)
            bench.machine.acknowledged(1, sequence: step * 1_000_000, now: bench.now)
            bench.pass(.seconds(1))
        }
        for _ in 0..<15 {
            bench.machine.wrote(1, bytes: 1_000_000)
            bench.pass(.seconds(1))
        }
        let time = try self.timeUntilAbort(&bench)
        #expect(time != nil)
        #expect(bench.machine.failure == .stalled)
    }

    @Test func aPeerThatNeverAcknowledgesIsKept() throws {
        var bench = self.live()
        for _ in 0..<60 {
            bench.machine.wrote(1, bytes: 1_000_000)
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
