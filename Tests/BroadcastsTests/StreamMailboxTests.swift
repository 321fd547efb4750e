import NIOCore
import Outputs
import Store
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

    /// The hub shows a stream as live before its supervisor has heard of it, and much before when many come at once.
    @Test func whoAsksForARecordingAsSoonAsAStreamIsShownAsLiveGetsIt() async throws {
        let stage = try await Stage()
        for number in 0..<20 {
            let publishers = try await withThrowingTaskGroup(of: Publisher.self) { tasks in
                for other in 0..<5 { tasks.addTask { try await stage.admit("other-\(number)-\(other)").get() } }
                return try await tasks.reduce(into: []) { $0.append($1) }
            }
            for publisher in publishers { stage.feed(publisher) }
            let id = "show-\(number)"
            let publisher = try await stage.admit(id).get()
            stage.feed(publisher)
            let view = try #require(try stage.service.find(id))
            #expect(view.status == .broadcasting)
            let ticket = try await stage.service.setRecording(id, true, type: "mp4", height: 0, fileName: "named")
            #expect(ticket != nil)
            #expect(stage.outputs.recorders.last?.request.baseName == "named")
        }
    }

    @Test func nobodyWaitsForAMailboxThatIsClosed() async {
        let mailbox = StreamMailbox()
        mailbox.close()
        await mailbox.settle()
    }
}
