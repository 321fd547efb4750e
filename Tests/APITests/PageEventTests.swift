import Broadcasts
import Foundation
import HTTPTypes
import Logging
import NIOCore
import Store
import Streams
import Synchronization
import TestSupport
import Testing

@testable import API

/// What operators' pages are told as it happens.
@Suite struct PageEventTests {
    private static func text(_ message: ByteBuffer) -> String { String(buffer: message) }

    @Test func everyListenerIsToldTheSame() async throws {
        let feed = EventFeed()
        var first = try #require(feed.listen()).makeAsyncIterator()
        var second = try #require(feed.listen()).makeAsyncIterator()
        #expect(feed.listenerCount == 2)
        feed.note(.liveStreamStarted(id: "demo"))
        let expected = "event: change\ndata: {\"streamId\":\"demo\",\"action\":\"liveStreamStarted\"}\n\n"
        #expect(await first.next().map(Self.text) == expected)
        #expect(await second.next().map(Self.text) == expected)
        feed.changed(nil)
        #expect(await first.next().map(Self.text) == "event: change\ndata: {\"streamId\":null,\"action\":\"changed\"}\n\n")
    }

    /// An id cannot hold them, but the name of an item can: a line end would end the message.
    @Test func noTextBreaksOutOfItsMessage() {
        let text = Self.text(EventMessage.change(streamID: "a\n\nevent: x\rdata: \"y\"", action: "changed"))
        #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count == 4)
        #expect(!text.contains("\r") && text.hasSuffix("\n\n"))
    }

    @Test func whoFallsBehindIsLetGoAndTheOthersHearOn() async throws {
        let feed = EventFeed(configuration: .init(waiting: 3))
        let slow = try #require(feed.listen())
        var quick = try #require(feed.listen()).makeAsyncIterator()
        for number in 0..<5 {
            feed.changed("\(number)")
            #expect(await quick.next().map(Self.text)?.contains("\"\(number)\"") == true)
        }
        #expect(feed.listenerCount == 1)
        var heard = 0
        for await _ in slow { heard += 1 }
        #expect(heard == 3, "what waited for it, and then the end")
    }

    @Test func thereIsRoomForSoManyAndALeaverMakesRoom() async throws {
        let feed = EventFeed(configuration: .init(listeners: 2))
        var first: AsyncStream<ByteBuffer>? = feed.listen()
        let second = feed.listen()
        #expect(first != nil && second != nil && feed.listen() == nil && !feed.hasRoom)
        first = nil
        #expect(feed.hasRoom && feed.listen() != nil)
    }

    @Test func theEndOfTheServerEndsAllListening() async throws {
        let feed = EventFeed()
        var messages = try #require(feed.listen()).makeAsyncIterator()
        feed.close()
        #expect(await messages.next() == nil)
        #expect(feed.listen() == nil && !feed.hasRoom && feed.listenerCount == 0)
        feed.changed("demo")
    }

    @Test func whatIsLiveIsKnownFromItsEvents() {
        let feed = EventFeed()
        for id in ["b", "a", "c"] { feed.note(.liveStreamStarted(id: id)) }
        feed.note(.liveStreamEnded(id: "b"))
        feed.note(.endpointFailed(streamID: "d", serviceID: "s", url: "rtmp://x"))
        #expect(feed.liveIDs == ["a", "c"])
    }

    @Test func theNumbersOfAllThatAreLiveAreTold() async throws {
        let stage = try await RESTStage()
        let feed = EventFeed()
        let publisher = try await stage.publish("demo")
        _ = try await stage.post("/broadcasts/create", "{\"streamId\":\"idle\"}")
        stage.setViewers(3, dash: 2)
        feed.note(.liveStreamStarted(id: "demo"))
        feed.note(.liveStreamStarted(id: "gone"))
        var messages = try #require(feed.listen()).makeAsyncIterator()
        EventRoutes(service: stage.service, feed: feed, logger: Logger(label: "test")).tick()
        let text = try #require(await messages.next().map(Self.text))
        #expect(text.hasPrefix("event: live\ndata: {"))
        let told = try #require(JSONSerialization.jsonObject(with: Data(text.dropFirst(18).utf8)) as? [String: Any])
        #expect(told["now"] as? Int64 == stage.wall && told["activeLiveStreamCount"] as? Int == 1 && told["totalHLSWatchersCount"] as? Int == 3)
        let broadcasts = try #require(told["broadcasts"] as? [[String: Any]])
        #expect(broadcasts.count == 1 && broadcasts[0]["streamId"] as? String == "demo" && broadcasts[0]["status"] as? String == "broadcasting")
        #expect(broadcasts[0]["hlsViewerCount"] as? Int == 3 && broadcasts[0]["dashViewerCount"] as? Int == 2)
        #expect(told["totalDASHWatchersCount"] as? Int == 2)
        publisher.end(.finished)
    }

    @Test func aDatabaseThatFailsIsLoggedAndTheFeedGoesOn() async throws {
        let stage = try await RESTStage()
        let feed = EventFeed()
        // One that nobody has read, so it is in no memory.
        feed.note(.liveStreamStarted(id: "demo"))
        var messages = try #require(feed.listen()).makeAsyncIterator()
        let log = LogLines()
        try stage.database.close()
        EventRoutes(service: stage.service, feed: feed, logger: Logger(label: "test", factory: { _ in log })).tick()
        let text = try #require(await messages.next().map(Self.text))
        #expect(text.hasPrefix("event: live\n") && text.contains("\"broadcasts\":[]"))
        #expect(log.shelf.messages.withLock { $0 } == ["error: live numbers not read"])
    }

    @Test func theAPITellsWhatIsChangedThroughIt() async throws {
        let stage = try await RESTStage()
        let feed = EventFeed()
        let caller = stage.calls(with: feed)
        var messages = try #require(feed.listen()).makeAsyncIterator()
        let change = { (id: String) in "event: change\ndata: {\"streamId\":\(id),\"action\":\"changed\"}\n\n" }
        _ = try await caller(.post, "/v2/broadcasts/create", "{\"streamId\":\"demo\"}")
        #expect(await messages.next().map(Self.text) == change("null"))
        _ = try await caller(.put, "/v2/broadcasts/demo", "{\"name\":\"Show\"}")
        #expect(await messages.next().map(Self.text) == change("\"demo\""))
        // Looking changes nothing, nor does a call that is refused.
        _ = try await caller(.get, "/v2/broadcasts/demo", nil)
        _ = try await caller(.put, "/v2/broadcasts/demo", "{")
        _ = try await caller(.delete, "/v2/vods/none", nil)
        _ = try await caller(.delete, "/live/rest/v2/broadcasts/demo", nil)
        #expect(await messages.next().map(Self.text) == change("\"demo\""))
    }

    @Test func listeningNeedsTheSameAccessAsTheAPI() async throws {
        let stage = try await RESTStage(token: "secret")
        let refused = try await stage.send(.get, "/v2/events", from: "203.0.113.9")
        #expect(refused.status == .forbidden)
        let head = try await stage.send(.head, "/v2/events", from: "203.0.113.9", fields: ["Authorization": "Bearer secret"])
        #expect(head.status == .ok && head.headers[.contentType] == "text/event-stream" && head.body.isEmpty)
        #expect(head.headers[.cacheControl] == "no-store")
        #expect(try await stage.send(.post, "/v2/events").status == .methodNotAllowed)
    }

    @Test func aFullHouseIsToldSo() async throws {
        let stage = try await RESTStage()
        let feed = EventFeed(configuration: .init(listeners: 1))
        let caller = stage.calls(with: feed)
        let listening = try #require(feed.listen())
        let reply = try await caller(.get, "/v2/events", nil)
        #expect(reply.status == .serviceUnavailable)
        #expect(try reply.object()["success"] as? Bool == false)
        withExtendedLifetime(listening) {}
    }

    /// The whole way: the answer begins, brings what happens, and ends when the server does.
    @Test func anAnswerBringsEventsUntilTheServerStops() async throws {
        let stage = try await RESTStage()
        let feed = EventFeed(configuration: .init(interval: .seconds(3600)))
        let caller = stage.calls(with: feed)
        async let answer = caller(.get, "/v2/events", nil)
        try await eventually("it listens") { feed.listenerCount == 1 }
        feed.note(.liveStreamStarted(id: "demo"))
        feed.close()
        let reply = try await answer
        #expect(reply.status == .ok && reply.headers[.contentType] == "text/event-stream")
        let events = reply.body.components(separatedBy: "\n\n").filter { $0.hasPrefix("event: ") }.map { $0.prefix { $0 != "\n" } }
        #expect(reply.body.hasPrefix("retry: 2000\n\n"))
        // The numbers of what is live may or may not have been due before the end.
        #expect(events.contains("event: change"))
    }
}

/// Keeps what is logged.
private struct LogLines: LogHandler {
    final class Shelf: Sendable {
        let messages = Mutex<[String]>([])
    }

    let shelf = Shelf()
    var logLevel = Logger.Level.debug
    var metadata = Logger.Metadata()

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) { self.shelf.messages.withLock { $0.append("\(event.level): \(event.message)") } }
}
