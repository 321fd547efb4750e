import NIOCore
import Testing

@testable import Outputs

/// How long a destination is held while something stands in for its stream.
@Suite struct DestinationFillTests {
    private func live(grace: TimeAmount = .seconds(15), fill: TimeAmount = .minutes(30)) -> MachineBench {
        var bench = MachineBench(grace: grace, fill: fill)
        bench.begin()
        bench.goLive(1)
        return bench
    }

    /// Goes on until then, with nothing wrong with the connection.
    private func wait(_ bench: inout MachineBench, until time: NIODeadline) throws -> [DestinationMachine.Order] {
        var orders: [DestinationMachine.Order] = []
        while orders.isEmpty, let deadline = bench.machine.deadline, deadline <= time { orders = try bench.timeOut() }
        return orders
    }

    @Test func itIsHeldUntilTheLimitAndThenClosed() throws {
        var bench = self.live()
        #expect(bench.machine.fillChanged(isAvailable: true, now: bench.now) == [])
        let ended = bench.now
        #expect(bench.machine.streamEnded(now: ended) == [])
        #expect(bench.machine.heldUntil == ended + .minutes(30))
        #expect(try self.wait(&bench, until: ended + .minutes(30) - .milliseconds(1)) == [])
        #expect(bench.machine.state == .live)
        #expect(try self.wait(&bench, until: ended + .minutes(30)) == [.finish(1)])
        #expect(bench.now == ended + .minutes(30))
    }

    @Test func aPublisherThatSaidGoodbyeIsWaitedForNoLongerThanWithoutASlate() throws {
        for isKnownFirst in [true, false] {
            var bench = self.live()
            _ = bench.machine.fillChanged(isAvailable: true, now: bench.now)
            let ended = bench.now
            if isKnownFirst { #expect(bench.machine.publisherLeft(saidGoodbye: true, now: bench.now) == []) }
            #expect(bench.machine.streamEnded(now: ended) == [])
            if !isKnownFirst { #expect(bench.machine.publisherLeft(saidGoodbye: true, now: bench.now) == []) }
            #expect(bench.machine.heldUntil == ended + .seconds(15))
            // Each end is another one.
            _ = bench.machine.streamBecameLive(now: bench.now)
            #expect(bench.machine.publisherLeft(saidGoodbye: false, now: bench.now) == [])
            #expect(bench.machine.streamEnded(now: bench.now) == [])
            #expect(bench.machine.heldUntil == bench.now + .minutes(30))
        }
    }

    @Test func whatStandsInMayBeThereLater() {
        var bench = self.live()
        let ended = bench.now
        #expect(bench.machine.streamEnded(now: ended) == [])
        #expect(bench.machine.heldUntil == ended + .seconds(15))
        bench.pass(.seconds(10))
        #expect(bench.machine.fillChanged(isAvailable: true, now: bench.now) == [])
        #expect(bench.machine.heldUntil == ended + .minutes(30))
    }

    @Test func whenNothingStandsInAnyMoreItIsHeldForAnotherWindow() throws {
        var bench = self.live()
        _ = bench.machine.fillChanged(isAvailable: true, now: bench.now)
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        bench.pass(.minutes(10))
        #expect(bench.machine.fillChanged(isAvailable: false, now: bench.now) == [])
        #expect(bench.machine.heldUntil == bench.now + .seconds(15))
        let gone = bench.now
        #expect(try self.wait(&bench, until: gone + .seconds(15)) == [.finish(1)])
    }

    @Test func aConnectionThatBreaksMeanwhileIsMadeAnew() throws {
        var bench = self.live()
        _ = bench.machine.fillChanged(isAvailable: true, now: bench.now)
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.state == .retrying)
        #expect(try bench.timeOut() == [.acquire(2)])
        bench.goLive(2)
        #expect(bench.machine.heldUntil != nil)
    }

    @Test func aConnectionThatBrokeBeforeIsMadeWhenSomethingStandsIn() throws {
        var bench = self.live()
        #expect(bench.machine.streamEnded(now: bench.now) == [])
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [])
        #expect(try bench.timeOut() == [])
        #expect(bench.machine.state == .idle)
        #expect(bench.machine.fillChanged(isAvailable: true, now: bench.now) == [.acquire(2)])
    }

    @Test func withoutAGraceWindowOnlyWhatCanBeFilledIsHeld() {
        var bench = self.live(grace: .zero)
        #expect(bench.machine.streamEnded(now: bench.now) == [.finish(1)])
        var filled = self.live(grace: .zero)
        _ = filled.machine.fillChanged(isAvailable: true, now: filled.now)
        #expect(filled.machine.streamEnded(now: filled.now) == [])
        #expect(filled.machine.heldUntil == filled.now + .minutes(30))
        #expect(filled.machine.publisherLeft(saidGoodbye: true, now: filled.now) == [.finish(1)])
    }

    @Test func aPublisherThatLeavesBeforeItIsLiveChangesNothing() throws {
        var bench = self.live()
        _ = bench.machine.fillChanged(isAvailable: true, now: bench.now)
        let ended = bench.now
        #expect(bench.machine.streamEnded(now: ended) == [])
        for _ in 0..<3 {
            bench.pass(.minutes(9))
            #expect(bench.machine.streamEnded(now: bench.now) == [])
            #expect(bench.machine.heldUntil == ended + .minutes(30))
        }
        #expect(try self.wait(&bench, until: ended + .minutes(30)) == [.finish(1)])
    }

    @Test func itMakesRoomForAStreamThatIsThere() {
        var bench = self.live()
        _ = bench.machine.fillChanged(isAvailable: true, now: bench.now)
        #expect(bench.machine.wantedElsewhere(now: bench.now) == [], "its own is there")
        _ = bench.machine.streamEnded(now: bench.now)
        #expect(bench.machine.wantedElsewhere(now: bench.now) == [.finish(1)])
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.state == .idle && bench.machine.deadline == nil)
        #expect(bench.machine.streamBecameLive(now: bench.now) == [.acquire(2)], "and stands in line again")
    }

    @Test func stoppingWaitsForNothing() {
        var bench = self.live()
        _ = bench.machine.fillChanged(isAvailable: true, now: bench.now)
        _ = bench.machine.streamEnded(now: bench.now)
        #expect(bench.machine.stopRequested(now: bench.now) == [.finish(1)])
        #expect(bench.machine.closed(1, .closedByPeer, now: bench.now) == [])
        #expect(bench.machine.isStopped)
        #expect(bench.machine.fillChanged(isAvailable: false, now: bench.now) == [])
        #expect(bench.machine.fillChanged(isAvailable: true, now: bench.now) == [])
    }
}
