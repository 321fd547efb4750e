import NIOCore
import Testing

@testable import Outputs

@Suite struct DestinationMachineStopTests {
    @Test func stoppingWhileLiveSaysGoodbyeAndIsHardAfterTheCloseTime() throws {
        var bench = MachineBench()
        bench.begin()
        bench.goLive(1)
        let asked = bench.now
        #expect(bench.machine.stopRequested(now: bench.now) == [.finish(1)])
        #expect(bench.machine.state == .stopped)
        #expect(!bench.machine.isStopped, "the session is still open")
        #expect(bench.machine.stopRequested(now: bench.now) == [])
        #expect(try bench.timeOut() == [.abort(1)])
        #expect(try bench.timeOut() == [])
        #expect(bench.machine.isStopped)
        #expect(bench.now - asked <= .seconds(2))
        #expect(bench.machine.contractStatus == "finished")
    }

    @Test func stoppingWhileConnectingAborts() {
        var bench = MachineBench()
        bench.begin()
        #expect(bench.machine.leaseGranted(1, now: bench.now) == [.connect(1)])
        #expect(bench.machine.stopRequested(now: bench.now) == [.abort(1)])
        #expect(bench.machine.closed(1, .connectFailed("closed"), now: bench.now) == [])
        #expect(bench.machine.isStopped)
        #expect(bench.machine.failures == 0)
    }

    @Test func stoppingWhileQueuedGivesUpThePlaceInTheQueue() {
        var bench = MachineBench()
        bench.begin()
        #expect(bench.machine.stopRequested(now: bench.now) == [.abort(1)])
        #expect(bench.machine.isStopped)
        #expect(bench.machine.leaseGranted(1, now: bench.now) == [], "a grant that was on its way")
    }

    @Test func whoWaitsForAURLSaysSoUntilItHasIt() {
        var bench = MachineBench()
        bench.begin()
        #expect(bench.machine.failure == nil)
        bench.machine.urlIsTaken(0)
        #expect(bench.machine.failure == nil, "an older attempt")
        bench.machine.urlIsTaken(1)
        #expect(bench.machine.failure == .urlInUse && bench.machine.state == .connecting && bench.machine.contractStatus == "preparing")
        _ = bench.failToConnect(1)
        #expect(bench.machine.failure == .connectFailed("refused"))
        bench.machine.urlIsTaken(1)
        #expect(bench.machine.failure == .connectFailed("refused"))

        var stopped = MachineBench()
        stopped.begin()
        stopped.machine.urlIsTaken(1)
        #expect(stopped.machine.stopRequested(now: stopped.now) == [.abort(1)])
        #expect(stopped.machine.failure == nil)
    }

    @Test func stoppingWhileRetryingOrIdleOrFailedIsDoneAtOnce() {
        var idle = MachineBench()
        #expect(idle.machine.stopRequested(now: idle.now) == [])
        #expect(idle.machine.isStopped)

        var retrying = MachineBench()
        retrying.begin()
        _ = retrying.failToConnect(1)
        #expect(retrying.machine.stopRequested(now: retrying.now) == [])
        #expect(retrying.machine.isStopped)
        #expect(retrying.machine.deadline == nil)

        var failed = MachineBench(republishLimit: 0)
        failed.begin()
        _ = failed.failToConnect(1)
        #expect(failed.machine.state == .failed)
        #expect(failed.machine.stopRequested(now: failed.now) == [])
        #expect(failed.machine.isStopped)
    }

    @Test func stoppingWhileAFailedAttemptClosesEndsTheRetrying() {
        var bench = MachineBench()
        bench.begin()
        bench.goLive(1)
        #expect(bench.machine.failed(1, .stalled, now: bench.now) == [.abort(1)])
        #expect(bench.machine.stopRequested(now: bench.now) == [])
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.isStopped)
    }

    @Test func nothingBringsAStoppedDestinationBack() {
        var bench = MachineBench()
        bench.begin()
        bench.goLive(1)
        #expect(bench.machine.stopRequested(now: bench.now) == [.finish(1)])
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.started(now: bench.now) == [])
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.streamBecameLive(now: bench.now) == [])
        #expect(bench.machine.failed(1, .stalled, now: bench.now) == [])
        bench.pass(.hours(1))
        #expect(bench.machine.timedOut(now: bench.now) == [])
        #expect(bench.machine.isStopped)
    }

    @Test func aURLThatCannotBePushedToIsGivenUpAtOnce() {
        var bench = MachineBench()
        bench.machine.unusable(.connectFailed("not an rtmp URL"))
        #expect(bench.machine.state == .failed)
        #expect(bench.machine.started(now: bench.now) == [])
        #expect(bench.machine.streamBecameLive(now: bench.now) == [])
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.state == .failed)
    }

    /// Others would come to the same, and other tracks may do.
    @Test func whatCannotBeSentIsGivenUpUntilTheTracksAreOthers() throws {
        var bench = MachineBench()
        bench.begin()
        #expect(bench.machine.leaseGranted(1, now: bench.now) == [.connect(1)])
        #expect(bench.machine.closed(1, .unsupportedCodec("no vp9"), now: bench.now) == [])
        #expect(bench.machine.state == .failed && bench.machine.failure?.kind == .codec && bench.machine.nextTry == nil)
        #expect(bench.machine.streamBecameLive(now: bench.now) == [.acquire(2)])
        bench.goLive(2)
        #expect(bench.machine.failure == nil)
        #expect(bench.machine.failed(2, .unsupportedCodec("no vp9"), now: bench.now) == [.abort(2)])
        #expect(bench.machine.closed(2, .unsupportedCodec("no vp9"), now: bench.now) == [])
        #expect(bench.machine.state == .failed && bench.machine.deadline == nil)
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.state == .failed && bench.machine.failure?.kind == .codec, "shown until the next publish")
        #expect(bench.machine.streamBecameLive(now: bench.now) == [.acquire(3)])
        #expect(bench.machine.failure == nil, "a new stream starts with a clean record")
    }

    @Test func eventsOfAnOlderAttemptAreIgnored() throws {
        var bench = MachineBench()
        bench.begin()
        _ = bench.failToConnect(1)
        #expect(try bench.timeOut() == [.acquire(2)])
        #expect(bench.machine.leaseGranted(1, now: bench.now) == [])
        #expect(bench.machine.leaseGranted(2, now: bench.now) == [.connect(2)])
        bench.machine.connected(1, now: bench.now)
        #expect(bench.machine.publishAccepted(1, now: bench.now) == false)
        bench.machine.connected(2, now: bench.now)
        #expect(bench.machine.publishAccepted(1, now: bench.now) == false)
        #expect(bench.machine.failed(1, .stalled, now: bench.now) == [])
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.publishAccepted(2, now: bench.now) == true)
        bench.machine.acknowledged(1, sequence: 7, now: bench.now)
        for _ in 0..<10 { #expect(try bench.timeOut() == []) }
        #expect(bench.machine.state == .live)
    }
}
