import NIOCore
import Testing

@testable import Outputs

/// What a destination does when its stream is away for a while.
@Suite struct DestinationGraceTests {
    private func live() -> MachineBench {
        var bench = MachineBench(grace: .seconds(15))
        bench.begin()
        bench.goLive(1)
        return bench
    }

    @Test func aSessionStaysOpenForTheWindowAndIsThenEnded() throws {
        var bench = self.live()
        let ended = bench.now
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.state == .live)
        #expect(bench.machine.heldUntil == ended + .seconds(15))
        while bench.now < ended + .seconds(13) { #expect(try bench.timeOut() == []) }
        while bench.machine.heldUntil != nil, bench.now < ended + .seconds(15) {
            let orders = try bench.timeOut()
            #expect(orders == (bench.now == ended + .seconds(15) ? [.finish(1)] : []))
        }
        #expect(bench.now == ended + .seconds(15))
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.state == .idle)
        #expect(bench.machine.contractStatus == "finished")
    }

    @Test func aStreamThatIsBackWithinTheWindowGoesOnInTheSameSession() throws {
        var bench = self.live()
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        bench.pass(.seconds(14))
        #expect(bench.machine.streamBecameLive(now: bench.now) == [])
        #expect(bench.machine.heldUntil == nil)
        bench.pass(.seconds(30))
        #expect(bench.machine.timedOut(now: bench.now) == [])
        #expect(bench.machine.liveAttempt == 1)
    }

    @Test func theWindowBeginsAnewWithEachEnd() throws {
        var bench = self.live()
        for _ in 0..<3 {
            #expect(bench.machine.streamEnded(now: bench.now) == [])
            bench.pass(.seconds(10))
            #expect(bench.machine.timedOut(now: bench.now) == [])
            #expect(bench.machine.streamBecameLive(now: bench.now) == [])
        }
        #expect(bench.machine.liveAttempt == 1)
    }

    @Test func aConnectThatIsUnderWayGoesOn() throws {
        var bench = MachineBench(grace: .seconds(15))
        bench.begin()
        #expect(bench.machine.leaseGranted(1, now: bench.now) == [.connect(1)])
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        bench.machine.connected(1, now: bench.now)
        #expect(bench.machine.publishAccepted(1, now: bench.now) == true)
        #expect(bench.machine.state == .live)
    }

    /// There would be nothing to send; and a platform that is connected to with nothing may give up sooner than we do.
    @Test func noSessionIsBegunWhileTheStreamIsAway() throws {
        var bench = self.live()
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.state == .retrying)
        #expect(try bench.timeOut() == [])
        #expect(bench.machine.state == .idle)
        #expect(bench.machine.failures == 1, "it is not forgotten yet")
        #expect(bench.machine.streamBecameLive(now: bench.now) == [.acquire(2)])
    }

    @Test func whatWasGivenUpStaysSoOverABlipAndIsTriedAgainWithANewStream() throws {
        var bench = MachineBench(republishLimit: 0, grace: .seconds(15))
        bench.begin()
        _ = bench.failToConnect(1)
        #expect(bench.machine.state == .failed)
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.streamBecameLive(now: bench.now) == [])
        #expect(bench.machine.state == .failed)
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(try bench.timeOut() == [])
        #expect(bench.machine.state == .idle)
        #expect(bench.machine.streamBecameLive(now: bench.now) == [.acquire(2)])
    }

    @Test func stoppingEndsTheWait() throws {
        var bench = self.live()
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.stopRequested(now: bench.now) == [.finish(1)])
        #expect(bench.machine.heldUntil == nil)
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.isStopped)
    }
}
