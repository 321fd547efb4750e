import Synchronization
import TestSupport
import Testing

@testable import Gateways

@Suite(.againstHanging) struct PullThreadsTests {
    @Test func noMoreThreadsThanAllowedAreLeftBehind() async {
        let threads = PullThreads(limit: 2)
        let gate = Gate()
        #expect(threads.start(name: "one") { gate.wait() })
        #expect(threads.start(name: "two") { gate.wait() })
        #expect(!threads.start(name: "three") { Issue.record("it ran") })
        #expect(threads.count == 2)
        gate.open()
        await withCheckedContinuation { done in threads.whenEmpty { done.resume() } }
        #expect(threads.count == 0)
        let ran = Counter()
        #expect(threads.start(name: "four") { _ = ran.next() })
        await withCheckedContinuation { done in threads.whenEmpty { done.resume() } }
        #expect(ran.next() == 2)
    }

    @Test func nobodyWaitsForNoThread() async {
        await withCheckedContinuation { done in PullThreads(limit: 1).whenEmpty { done.resume() } }
    }

    @Test func aPullThatGetsNoThreadHasEnded() async {
        let bench = PullBench(threads: 0)
        let pull = bench.start(.live(PullItem(url: "cam", isFile: false)))
        #expect(pull.status.state == .finished)
        let events = await bench.eventsToTheEnd()
        #expect(events == [.finished(listEnded: false, PullFailure(cause: .other, text: "too many pulls are running"))])
    }

    @Test func aListThatGetsNoSecondThreadTriesAgainLater() async {
        let bench = PullBench(threads: 1)
        bench.opener.set("a", InputScript())
        _ = bench.start(.sequence(PullSequence(items: [PullItem(url: "a", isFile: true)], loops: true))) { event, pull in
            if case .retrying = event { pull.stop() }
        }
        let events = await bench.eventsToTheEnd()
        #expect(events.contains(.itemFailed(index: 0, PullFailure(cause: .other, text: "too many inputs are being opened"))))
    }
}
