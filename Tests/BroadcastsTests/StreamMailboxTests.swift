import NIOCore
import Streams
import TestSupport
import Testing

@testable import Broadcasts

@Suite struct StreamMailboxTests {
    @Test func aFullMailboxStillTakesWhatMustNotBeLost() async {
        let mailbox = StreamMailbox()
        for number in 0..<StreamMailbox.limit { mailbox.put(.outputEnded(id: "\(number)")) }
        #expect(mailbox.isFull)
        mailbox.put(.stream(.tracksChanged(StreamKey("a"), generation: 1, [])))
        mailbox.put(.stream(.ended(StreamKey("a"), generation: 1, .finished)))
        mailbox.close()
        var count = 0
        var last: StreamMailbox.Letter?
        for await letter in mailbox.letters {
            mailbox.taken()
            count += 1
            last = letter
        }
        #expect(count == StreamMailbox.limit + 1)
        guard case .stream(.ended) = last else {
            Issue.record("the end is missing: \(String(describing: last))")
            return
        }
        #expect(!mailbox.isFull)
    }

    /// Events of different publishers may overtake each other; what the supervisor believes follows the newest.
    @Test func lateEventsOfAnOlderPublisherChangeNothing() async throws {
        let stage = try await Stage()
        let publisher = try await stage.publish("a")
        let supervisor = try #require(stage.service.lifecycle.supervisor("a"))
        let live = BroadcastSupervisor.Phase.live(publisher.generation)
        let source = PublishSource(type: .rtmp, remoteAddress: "10.0.0.1", startedAtMilliseconds: 1, stop: { _ in })
        for event: StreamEvent in [
            .published(StreamKey("a"), generation: 0, source), .tracksKnown(StreamKey("a"), generation: 0, []),
            .tracksKnown(StreamKey("a"), generation: publisher.generation, []), .ended(StreamKey("a"), generation: 0, .finished),
            .ended(StreamKey("a"), generation: publisher.generation, .stopped(.replaced)),
        ] {
            await supervisor.received(event)
            #expect(await supervisor.phase == live)
        }
        #expect(stage.events == [.liveStreamStarted(id: "a")])
    }

    @Test func aWaitForTheEndThatIsCancelledReturns() async throws {
        let stage = try await Stage()
        let publisher = try await stage.publish("a", stop: StopBox(leaves: false))
        let waiting = Task { await stage.service.shutdown(within: .hours(1)) }
        waiting.cancel()
        #expect(await waiting.value == false)
        _ = publisher
    }
}
