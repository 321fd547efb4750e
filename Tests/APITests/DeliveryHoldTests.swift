import HTTP
import Media
import NIOCore
import NIOPosix
import Outputs
import Streams
import Synchronization
import TestSupport
import Testing

@testable import API

/// Viewers of a stream that their coming starts (contract 3.6).
@Suite(.againstHanging) struct DeliveryHoldTests {
    /// Stands for the broadcasts: knows which ids a viewer starts, and lets the tests say when they are live.
    private final class Sources: Sendable {
        struct State {
            var startable: Set<String>
            var asked: [String] = []
            var held: [EventLoopPromise<Bool>] = []
        }

        let state: Mutex<State>

        init(_ startable: Set<String>) { self.state = Mutex(State(startable: startable)) }

        var hooks: DeliveryResponder.Hooks {
            .init(startForViewer: { id, loop in
                self.state.withLock { state in
                    state.asked.append(id)
                    guard state.startable.contains(id) else { return nil }
                    let promise = loop.makePromise(of: Bool.self)
                    state.held.append(promise)
                    return promise.futureResult
                }
            })
        }

        var asked: [String] { self.state.withLock { $0.asked } }
        var heldCount: Int { self.state.withLock { $0.held.count } }

        func answer(_ body: (EventLoopPromise<Bool>) -> Void) {
            let held = self.state.withLock { state in
                defer { state.held = [] }
                return state.held
            }
            for promise in held { body(promise) }
        }

        /// As the service does: no more asked of a stream that is live.
        func goneLive() {
            self.state.withLock { $0.startable = [] }
            self.answer { $0.succeed(true) }
        }
    }

    private static func publish(_ fixture: DeliveryFixture, _ id: String) throws -> Publisher {
        let source = PublishSource(type: .pull, remoteAddress: "192.0.2.1", startedAtMilliseconds: 0, stop: { _ in })
        let publisher = try fixture.streams.publish(StreamKey(id), source: source, now: .now()).get()
        publisher.expect(video: true, audio: false)
        publisher.announce(Frames.video)
        for tenth in 0..<80 { publisher.publish(Frames.picture(at: Int64(tenth) * 100, key: tenth % 10 == 0), now: .now()) }
        return publisher
    }

    private static func held(_ fixture: DeliveryFixture, _ target: String, _ method: ReadyRequest.Method = .get) -> EventLoopFuture<ReadyResponse>? {
        guard case .later(let future)? = fixture.responder.respond(to: ReadyRequest(method: method, target: target), on: fixture.loop) else {
            return nil
        }
        return future
    }

    @Test(arguments: [
        ("/live/streams/cam.m3u8", "#EXTINF"), ("/LiveApp/streams/cam.m3u8?token=x", "?token=x"), ("/live/streams/cam_adaptive.m3u8", "cam.m3u8"),
    ]) func theFirstViewerIsHeldUntilTheStreamIsLive(target: String, holds: String) async throws {
        let sources = Sources(["cam"])
        try await DeliveryFixture.run(sources.hooks) { fixture in
            let future = try #require(Self.held(fixture, target))
            #expect(sources.heldCount == 1)
            let publisher = try Self.publish(fixture, "cam")
            sources.goneLive()
            let response = try await future.get()
            #expect(response.status == 200)
            #expect(response.header("Content-Type") == "application/vnd.apple.mpegurl")
            #expect(response.text.contains(holds), "\(response.text)")
            // From now on it is a stream like any other.
            #expect(try await fixture.answer(target)?.status == 200)
            publisher.end(.finished)
        }
    }

    @Test func aHeadRequestIsHeldToo() async throws {
        let sources = Sources(["cam"])
        try await DeliveryFixture.run(sources.hooks) { fixture in
            let future = try #require(Self.held(fixture, "/live/streams/cam.m3u8", .head))
            let publisher = try Self.publish(fixture, "cam")
            sources.goneLive()
            #expect(try await future.get().status == 200)
            #expect(fixture.hls.viewerCount("cam") == 0)
            publisher.end(.finished)
        }
    }

    @Test func aStreamThatDoesNotComeIs404() async throws {
        let sources = Sources(["cam"])
        try await DeliveryFixture.run(sources.hooks) { fixture in
            let late = try #require(Self.held(fixture, "/live/streams/cam.m3u8"))
            sources.answer { $0.succeed(false) }
            #expect(try await late.get().status == 404)
            let broken = try #require(Self.held(fixture, "/live/streams/cam.m3u8"))
            sources.answer { $0.fail(ChannelError.ioOnClosedChannel) }
            #expect(try await broken.get().status == 404)
            // It was live for a moment only.
            let gone = try #require(Self.held(fixture, "/live/streams/cam.m3u8"))
            sources.answer { $0.succeed(true) }
            #expect(try await gone.get().status == 404)
        }
    }

    @Test func theRestOfAnEarlierRunIsNotTakenForTheStream() async throws {
        let sources = Sources([])
        try await DeliveryFixture.run(sources.hooks) { fixture in
            let first = try Self.publish(fixture, "cam")
            #expect(try await fixture.answer("/live/streams/cam.m3u8")?.status == 200)
            first.end(.finished)
            // The old playlist lingers for those who still watch its end.
            while try await fixture.answer("/live/streams/cam.m3u8")?.text.contains("#EXT-X-ENDLIST") != true { try Task.checkCancellation() }
            sources.state.withLock { $0.startable = ["cam"] }
            let future = try #require(Self.held(fixture, "/live/streams/cam.m3u8"))
            let second = try Self.publish(fixture, "cam")
            sources.goneLive()
            let response = try await future.get()
            #expect(response.status == 200)
            #expect(!response.text.contains("#EXT-X-ENDLIST"))
            second.end(.finished)
        }
    }

    @Test(arguments: [
        ("/live/streams/nobody.m3u8", ["nobody"]), ("/live/streams/nobody_adaptive.m3u8", ["nobody_adaptive", "nobody"]),
        ("/live/streams/shows/nobody.m3u8", ["nobody"]), ("/live/streams/_adaptive.m3u8", ["_adaptive"]), ("/live/streams/.m3u8", []),
        ("/live/streams/nobody-abc-1.m4s", []), ("/live/streams/cam.mp4", []), ("/live/streams/cam", []), ("/live/streams/cam.mpd", []),
        ("/live/streams/cam.m3u8/", []), ("/live/streams/%2e%2e/cam.m3u8", []),
    ]) func whatNobodyStartsIsAnsweredAtOnce(target: String, asked: [String]) async throws {
        let sources = Sources(["cam"])
        try await DeliveryFixture.run(sources.hooks) { fixture in
            #expect(fixture.ask(target)?.status == 404)
            #expect(sources.asked == asked)
        }
    }

    @Test func onlyGETAndHEADMakeAViewer() async throws {
        let sources = Sources(["cam"])
        try await DeliveryFixture.run(sources.hooks) { fixture in
            #expect(fixture.ask("/live/streams/cam.m3u8", .options)?.status == 204)
            #expect(fixture.ask("/live/streams/cam.m3u8", .other("POST"))?.status == 405)
            #expect(fixture.ask("/other/streams/cam.m3u8") == nil)
            #expect(sources.asked == [])
        }
    }

    @Test func thousandsAreHeldAtOnceWithoutAThread() async throws {
        let sources = Sources(["cam"])
        try await DeliveryFixture.run(sources.hooks) { fixture in
            // All on one loop, which goes on answering others meanwhile: nothing waits on a thread.
            let loop = fixture.loop
            let request = ReadyRequest(method: .get, target: "/live/streams/cam.m3u8")
            let futures = try await loop.submit {
                (0..<3_000).compactMap { _ -> EventLoopFuture<ReadyResponse>? in
                    guard case .later(let future)? = fixture.responder.respond(to: request, on: loop) else { return nil }
                    return future
                }
            }.get()
            #expect(futures.count == 3_000)
            #expect(try await loop.submit { fixture.ask("/healthz")?.status }.get() == 200)
            let publisher = try Self.publish(fixture, "cam")
            sources.goneLive()
            for future in futures { #expect(try await future.get().status == 200) }
            publisher.end(.finished)
        }
    }

    @Test func aHeldViewerGetsItsPlaylistOverASocketAndOneWhoLeftIsForgotten() async throws {
        let sources = Sources(["cam"])
        try await DeliveryFixture.run(sources.hooks) { fixture in
            try await DeliveryServer.run(fixture.responder) { base in
                let port = try #require(base.split(separator: ":").last.flatMap { Int($0) })
                let leaving = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(host: "127.0.0.1", port: port).get()
                try await leaving.writeAndFlush(ByteBuffer(string: "GET /live/streams/cam.m3u8 HTTP/1.1\r\nHost: x\r\n\r\n")).get()
                try await eventually("it is held") { sources.heldCount >= 1 }
                try await leaving.close().get()
                let patient = Task { try await Tool.run("curl", ["-sS", "-i", "\(base)/live/streams/cam.m3u8"]) }
                try await eventually("so is the other") { sources.heldCount >= 2 }
                let publisher = try Self.publish(fixture, "cam")
                sources.goneLive()
                let answer = try await patient.value
                #expect(answer.output.hasPrefix("HTTP/1.1 200 OK"))
                #expect(answer.output.contains("#EXTM3U"))
                publisher.end(.finished)
            }
        }
    }
}
