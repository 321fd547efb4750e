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

    /// Another session to the same URL may end just then.
    @Test func aLeaseThatComesWhileTheStreamIsAwayIsGivenBack() throws {
        var bench = MachineBench(grace: .seconds(15))
        bench.begin()
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.leaseGranted(1, now: bench.now) == [])
        #expect(bench.machine.state == .idle)
        #expect(bench.machine.streamBecameLive(now: bench.now) == [.acquire(2)])
        bench.goLive(2)
    }

    /// Contract 5: endpoints start with each publish.
    @Test(arguments: [TimeAmount.zero, .seconds(15)]) func whatWasGivenUpIsTriedAnewByTheNextPublish(grace: TimeAmount) throws {
        var bench = MachineBench(republishLimit: 0, grace: grace)
        bench.begin()
        _ = bench.failToConnect(1)
        #expect(bench.machine.state == .failed)
        #expect(bench.machine.streamBecameLive(now: bench.now) == [], "other tracks are no other publish")
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.contractStatus == "failed", "until then it is shown as what it is")
        #expect(bench.machine.heldUntil == nil)
        #expect(bench.machine.streamBecameLive(now: bench.now) == [.acquire(2)])
        #expect(bench.machine.failures == 0 && bench.machine.failure == nil)
    }

    @Test func whatIsGivenUpWhileItsLastAttemptClosesIsTriedAnewToo() throws {
        var bench = MachineBench(republishLimit: 0, grace: .seconds(15))
        bench.begin()
        bench.goLive(1)
        #expect(bench.machine.failed(1, .stalled, now: bench.now) == [.abort(1)])
        #expect(bench.machine.state == .failed)
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.streamBecameLive(now: bench.now) == [], "the old session is still open")
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [.acquire(2)])
    }

    @Test func whatWaitsToRetryDoesNotWaitOnAtTheNextPublish() throws {
        var bench = MachineBench(republishLimit: 9, grace: .seconds(15))
        bench.begin()
        for attempt in UInt64(1)...6 {
            _ = bench.failToConnect(attempt)
            #expect(try bench.timeOut() == [.acquire(attempt + 1)])
        }
        let found = bench.failToConnect(7)
        let wait = try #require(found)
        #expect(wait > .seconds(40))
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        bench.pass(.seconds(1))
        #expect(bench.machine.streamBecameLive(now: bench.now) == [.acquire(8)])
        #expect(bench.machine.failures == 0, "the limit counts the attempts of one publish")

        // The same while the failed attempt's connection closes.
        #expect(bench.machine.leaseGranted(8, now: bench.now) == [.connect(8)])
        #expect(bench.machine.failed(8, .protocolViolated("x"), now: bench.now) == [.abort(8)])
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.streamBecameLive(now: bench.now) == [])
        #expect(bench.machine.closed(8, .closedByPeer, now: bench.now) == [.acquire(9)])
    }

    /// An encoder that comes and goes must not make us knock where the key was refused, but a minute is not waited for again either.
    @Test func whoRefusedTheKeyIsLeftAloneForTheFirstWaitAtLeast() throws {
        var bench = MachineBench(grace: .seconds(15))
        bench.begin()
        for attempt in UInt64(1)...4 {
            #expect(bench.machine.leaseGranted(attempt, now: bench.now) == [.connect(attempt)])
            bench.machine.connected(attempt, now: bench.now)
            #expect(bench.machine.failed(attempt, .refused("NetStream.Publish.BadName"), now: bench.now) == [.abort(attempt)])
            #expect(bench.machine.closed(attempt, .closedByPeer, now: bench.now) == [])
            guard attempt < 4 else { break }
            #expect(try bench.timeOut() == [.acquire(attempt + 1)])
        }
        #expect(try #require(bench.machine.nextTry) - bench.now > .seconds(40))
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.streamBecameLive(now: bench.now) == [])
        #expect(bench.machine.nextTry == bench.now + .seconds(10))
        bench.pass(.seconds(4))
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.streamBecameLive(now: bench.now) == [])
        #expect(bench.machine.nextTry == bench.now + .seconds(6), "it does not begin anew each time")
        #expect(try bench.timeOut() == [.acquire(5)])
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
