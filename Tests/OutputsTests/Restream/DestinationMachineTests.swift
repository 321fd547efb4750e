import NIOCore
import Testing

@testable import Outputs

/// A machine with a clock that is moved by hand.
struct MachineBench {
    var machine: DestinationMachine
    var now = NIODeadline.now()

    init(
        republishLimit: Int = -1, grace: TimeAmount = .zero, fill: TimeAmount = .zero, healthCheckPeriod: TimeAmount = .seconds(2), seed: UInt64 = 7
    ) {
        var configuration = DestinationConfiguration(id: "one", url: "rtmp://host/app/key", republishLimit: republishLimit)
        configuration.timing.grace = grace
        configuration.timing.fill = fill
        configuration.healthCheckPeriod = healthCheckPeriod
        self.machine = DestinationMachine(configuration: configuration, seed: seed)
    }

    mutating func pass(_ time: TimeAmount) { self.now = self.now + time }

    /// Started and live, so that the first attempt waits for its lease.
    mutating func begin() {
        #expect(self.machine.started(now: self.now) == [])
        #expect(self.machine.streamBecameLive(now: self.now) == [.acquire(1)])
    }

    /// Takes the attempt that is queued up to a live push.
    mutating func goLive(_ attempt: UInt64) {
        #expect(self.machine.leaseGranted(attempt, now: self.now) == [.connect(attempt)])
        self.machine.connected(attempt, now: self.now)
        #expect(self.machine.publishAccepted(attempt, now: self.now) == true)
        #expect(self.machine.state == .live)
    }

    /// Fails the attempt that is queued before its connection came up. Returns how long the machine will wait then.
    mutating func failToConnect(_ attempt: UInt64) -> TimeAmount? {
        #expect(self.machine.leaseGranted(attempt, now: self.now) == [.connect(attempt)])
        #expect(self.machine.closed(attempt, .connectFailed("refused"), now: self.now) == [])
        return self.machine.nextTry.map { $0 - self.now }
    }

    /// Goes to the next deadline.
    mutating func timeOut() throws -> [DestinationMachine.Order] {
        self.now = max(self.now, try #require(self.machine.deadline))
        return self.machine.timedOut(now: self.now)
    }
}

@Suite struct DestinationMachineTests {
    @Test func nothingIsOpenedBeforeBothTheStartAndTheStreamAreThere() {
        var bench = MachineBench()
        #expect(bench.machine.state == .idle)
        #expect(bench.machine.contractStatus == "created")
        #expect(bench.machine.streamBecameLive(now: bench.now) == [])
        #expect(bench.machine.started(now: bench.now) == [.acquire(1)])
        #expect(bench.machine.state == .connecting)
        #expect(bench.machine.contractStatus == "preparing")
        #expect(bench.machine.started(now: bench.now) == [])
        #expect(bench.machine.streamBecameLive(now: bench.now) == [])
    }

    @Test func aPushGoesThroughItsStatesUntilTheStreamEnds() throws {
        var bench = MachineBench()
        bench.begin()
        #expect(bench.machine.deadline == nil, "waiting for another session to the URL has no time limit")
        #expect(bench.machine.leaseGranted(1, now: bench.now) == [.connect(1)])
        #expect(bench.machine.deadline == bench.now + .seconds(8))
        bench.pass(.seconds(1))
        bench.machine.connected(1, now: bench.now)
        #expect(bench.machine.state == .connecting)
        #expect(bench.machine.deadline == bench.now + .seconds(8))
        #expect(bench.machine.publishAccepted(1, now: bench.now) == true)
        #expect(bench.machine.state == .live)
        #expect(bench.machine.contractStatus == "broadcasting")
        #expect(bench.machine.liveAttempt == 1)
        #expect(bench.machine.streamEnded(now: bench.now) == [.finish(1)])
        #expect(bench.machine.liveAttempt == nil)
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.state == .idle)
        #expect(bench.machine.contractStatus == "finished")
        #expect(bench.machine.deadline == nil)
        #expect(bench.machine.failures == 0, "a close that was asked for is no failure")
    }

    @Test func aStreamThatComesBackIsPushedAgainByItself() {
        var bench = MachineBench()
        bench.begin()
        bench.goLive(1)
        #expect(bench.machine.streamEnded(now: bench.now) == [.finish(1)])
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.streamBecameLive(now: bench.now) == [.acquire(2)])
    }

    @Test func aStreamThatComesBackDuringTheGoodbyeWaitsForTheOldSessionToClose() {
        var bench = MachineBench()
        bench.begin()
        bench.goLive(1)
        #expect(bench.machine.streamEnded(now: bench.now) == [.finish(1)])
        #expect(bench.machine.streamBecameLive(now: bench.now) == [])
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [.acquire(2)])
    }

    @Test func aConnectTimeoutAbortsAndRetriesOnlyWhenTheSocketIsClosed() throws {
        var bench = MachineBench()
        bench.begin()
        #expect(bench.machine.leaseGranted(1, now: bench.now) == [.connect(1)])
        bench.pass(.milliseconds(7_999))
        #expect(bench.machine.timedOut(now: bench.now) == [], "a timer that fires early changes nothing")
        bench.pass(.milliseconds(1))
        #expect(bench.machine.timedOut(now: bench.now) == [.abort(1)])
        #expect(bench.machine.state == .retrying)
        #expect(bench.machine.contractStatus == "failed")
        #expect(bench.machine.failure == .connectTimedOut)
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.failure == .connectTimedOut, "the close that follows is not the cause")
        #expect(try bench.timeOut() == [.acquire(2)])
    }

    @Test func aPublishThatIsNotAnsweredIsGivenUp() throws {
        var bench = MachineBench()
        bench.begin()
        #expect(bench.machine.leaseGranted(1, now: bench.now) == [.connect(1)])
        bench.machine.connected(1, now: bench.now)
        #expect(try bench.timeOut() == [.abort(1)])
        #expect(bench.machine.failure == .publishTimedOut)
    }

    @Test func aHardCloseThatIsNeverReportedDoesNotHoldUpTheNextAttempt() throws {
        var bench = MachineBench()
        bench.begin()
        #expect(bench.machine.leaseGranted(1, now: bench.now) == [.connect(1)])
        #expect(try bench.timeOut() == [.abort(1)])
        #expect(try bench.timeOut() == [])
        #expect(try bench.timeOut() == [.acquire(2)])
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [], "an event of the first attempt")
        #expect(bench.machine.state == .connecting)
    }

    @Test func theWaitDoublesFromOneSecondToOneMinute() throws {
        var bench = MachineBench()
        bench.begin()
        var waits: [Double] = []
        for attempt in UInt64(1)...10 {
            let wait = bench.failToConnect(attempt)
            waits.append(Double(try #require(wait).nanoseconds) / 1e9)
            #expect(try bench.timeOut() == [.acquire(attempt + 1)])
        }
        let lower: [Double] = [1, 2, 4, 8, 16, 32, 48, 48, 48, 48]
        for (wait, bound) in zip(waits, lower) { #expect(wait >= bound && wait <= bound * 1.25) }
        #expect(bench.machine.failures == 10)
        #expect(bench.machine.state == .connecting)
    }

    @Test func equalSeedsWaitEquallyAndDifferentSeedsDoNot() {
        func waits(_ seed: UInt64) -> [TimeAmount] {
            var delay = RetryDelay(seed: seed)
            return (1...8).map { delay.next(failures: $0, first: .seconds(1), longest: .seconds(60)) }
        }
        #expect(waits(1) == waits(1))
        #expect(waits(1) != waits(2))
    }

    @Test func destinationsThatFailedTogetherDoNotComeBackTogether() {
        let waits = (UInt64(0)..<200).map { seed in
            var delay = RetryDelay(seed: seed)
            return delay.next(failures: 1, first: .seconds(1), longest: .seconds(60))
        }
        let hundredths = Set(waits.map { $0.nanoseconds / 10_000_000 })
        #expect(hundredths.count >= 24, "spread over nearly all of the 25 hundredths between 1 and 1.25 seconds")
    }

    @Test(arguments: [0, 1, 40, Int.max]) func anyNumberOfFailuresGivesAWaitWithinItsBounds(failures: Int) {
        var delay = RetryDelay(seed: 3)
        for _ in 0..<100 {
            let wait = delay.next(failures: failures, first: .seconds(1), longest: .seconds(60))
            #expect(wait >= .seconds(1) && wait <= .seconds(60))
        }
    }

    @Test func onlyAPushThatStaysUpForgetsTheFailures() throws {
        var bench = MachineBench()
        bench.begin()
        for attempt in UInt64(1)...3 {
            _ = bench.failToConnect(attempt)
            #expect(try bench.timeOut() == [.acquire(attempt + 1)])
        }
        bench.goLive(4)
        #expect(bench.machine.failures == 3)
        bench.pass(.seconds(5))
        #expect(bench.machine.closed(4, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.failures == 4)
        #expect(bench.machine.contractStatus == "error", "it broke while live")
        #expect(try bench.timeOut() == [.acquire(5)])
        bench.goLive(5)
        for _ in 0..<5 { #expect(try bench.timeOut() == []) }
        #expect(bench.machine.failures == 0)
        #expect(bench.machine.failure == nil)
        #expect(bench.machine.closed(5, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.failures == 1)
        let wait = try #require(bench.machine.nextTry) - bench.now
        #expect(wait < .seconds(2), "the waits begin anew")
    }

    @Test func aPushThatBrokeAfterALongTimeButBeforeACheckCountsAsASuccess() throws {
        var bench = MachineBench()
        bench.begin()
        _ = bench.failToConnect(1)
        #expect(try bench.timeOut() == [.acquire(2)])
        bench.goLive(2)
        bench.pass(.seconds(11))
        #expect(bench.machine.closed(2, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.failures == 1)
    }

    @Test(arguments: [0, 1, 3]) func theDestinationIsGivenUpAfterTheRepublishLimit(limit: Int) throws {
        var bench = MachineBench(republishLimit: limit)
        bench.begin()
        for attempt in 1...UInt64(limit + 1) {
            let wait = bench.failToConnect(attempt)
            if attempt <= UInt64(limit) {
                #expect(wait != nil)
                #expect(bench.machine.state == .retrying)
                #expect(try bench.timeOut() == [.acquire(attempt + 1)])
            }
        }
        #expect(bench.machine.state == .failed)
        #expect(bench.machine.contractStatus == "failed")
        #expect(bench.machine.deadline == nil)
        #expect(bench.machine.nextTry == nil)
        #expect(bench.machine.streamBecameLive(now: bench.now) == [], "given up for this stream")
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.streamBecameLive(now: bench.now) == [.acquire(UInt64(limit) + 2)], "a new stream, a new try")
    }

    @Test func aRefusedKeyIsTriedAgainSlowly() throws {
        var bench = MachineBench()
        bench.begin()
        #expect(bench.machine.leaseGranted(1, now: bench.now) == [.connect(1)])
        bench.machine.connected(1, now: bench.now)
        #expect(bench.machine.failed(1, .refused("NetStream.Publish.BadName"), now: bench.now) == [.abort(1)])
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [])
        let wait = try #require(bench.machine.nextTry) - bench.now
        #expect(wait >= .seconds(10))
        #expect(bench.machine.contractStatus == "failed")
        #expect(try bench.timeOut() == [.acquire(2)])
        // Then something else goes wrong: the ordinary waits apply again.
        let ordinary = bench.failToConnect(2)
        #expect(ordinary.map { $0 < .seconds(3) } == true)
    }

    @Test func aSessionThatTheStreamNoLongerFitsIsEndedAndAnotherFollows() throws {
        var bench = MachineBench()
        bench.begin()
        _ = bench.failToConnect(1)
        #expect(try bench.timeOut() == [.acquire(2)])
        #expect(bench.machine.sessionOutdated(now: bench.now) == [], "nothing is open")
        bench.goLive(2)
        #expect(bench.machine.sessionOutdated(now: bench.now) == [.finish(2)])
        #expect(bench.machine.sessionOutdated(now: bench.now) == [])
        #expect(bench.machine.closed(2, .closedByPeer, now: bench.now) == [.acquire(3)])
        #expect(bench.machine.failures == 1, "it has not been a success yet, and is no failure")
    }

    @Test func aStreamThatEndsWhileRetryingEndsTheRetrying() throws {
        var bench = MachineBench()
        bench.begin()
        _ = bench.failToConnect(1)
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.state == .idle)
        #expect(bench.machine.contractStatus == "finished")
        #expect(bench.machine.deadline == nil)
        #expect(bench.machine.failures == 0)
    }

    @Test func aStreamThatEndsWhileAFailedAttemptClosesIsNotRetried() {
        var bench = MachineBench()
        bench.begin()
        bench.goLive(1)
        #expect(bench.machine.failed(1, .stalled, now: bench.now) == [.abort(1)])
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.state == .idle)
        #expect(bench.machine.deadline == nil)
    }
}
