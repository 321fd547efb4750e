import AV
import Media
import NIOCore
import Streams
import TestSupport
import Testing

@testable import Gateways

/// Sources on loopback, good and bad ones.
@Suite(.serialized, .againstHanging) struct PullSourceTests {
    /// A transport stream of some seconds: what comes by HTTP without a length is live.
    private func film(_ theatre: PullTheatre, _ name: String, seconds: Double = 2) async throws -> [UInt8] {
        let options = name.hasSuffix(".mp4") ? ["-movflags", "+faststart"] : []
        try await theatre.files.value.clip(name, seconds: seconds, video: options)
        return try theatre.files.value.read(name)
    }

    @Test func aFileOnAnotherServerIsPlayedInRealTime() async throws {
        let theatre = try PullTheatre()
        let bytes = try await self.film(theatre, "one.mp4")
        let server = try LoopbackServer { _ in .file(bytes) }
        defer { server.close() }
        let begin = NIODeadline.now()
        _ = theatre.list([server.url("one.mp4"), server.url("again.mp4")])
        try await theatre.finished()
        #expect(theatre.frames(.video).count == 100)
        #expect(NIODeadline.now() - begin > .milliseconds(2_800))
        #expect(theatre.trackSets.count == 1)
    }

    @Test(arguments: [(404, PullFailure.Cause.notFound), (401, .unauthorized), (403, .unauthorized)])
    func whatAServerRefusesIsToldApart(status: Int, cause: PullFailure.Cause) async throws {
        let theatre = try PullTheatre()
        let server = try LoopbackServer { _ in .status(status) }
        defer { server.close() }
        let session = theatre.live(server.url("live.ts"), username: "admin", password: "s3cret/ß")
        let failure = try await theatre.failure()
        #expect(failure.cause == cause)
        #expect(!failure.text.contains("s3cret"))
        session.stop()
        try await theatre.finished()
        #expect(!theatre.log.all.isEmpty)
        for line in theatre.log.all { #expect(!line.contains("s3cret")) }
    }

    @Test func nobodyAtTheAddressIsARefusal() async throws {
        let theatre = try PullTheatre()
        let port = try TakenPort()
        let session = theatre.live("http://127.0.0.1:\(port.number)/x")
        #expect(try await theatre.failure().cause == .refused)
        session.stop()
        withExtendedLifetime(port) {}
    }

    @Test func aNameWithoutAddressIsToldApart() async throws {
        let theatre = try PullTheatre()
        let session = theatre.live("rtsp://no-such-host.invalid/stream")
        #expect(try await theatre.failure().cause == .nameNotFound)
        session.stop()
    }

    @Test(arguments: ["http", "rtsp", "rtmp"]) func aPeerThatSaysNothingTimesOut(scheme: String) async throws {
        let theatre = try PullTheatre {
            $0.openTimeout = .milliseconds(400)
            $0.readTimeout = .milliseconds(400)
        }
        let server = try LoopbackServer { _ in .silence }
        defer { server.close() }
        let session = theatre.live("\(scheme)://127.0.0.1:\(server.port)/live/x")
        #expect(try await theatre.failure().cause == .timedOut)
        session.stop()
    }

    @Test(arguments: ["http", "rtsp", "rtmp"]) func stoppingTakesEffectWhileAPeerSaysNothing(scheme: String) async throws {
        let theatre = try PullTheatre()
        let server = try LoopbackServer { _ in .silence }
        defer { server.close() }
        let session = theatre.live("\(scheme)://127.0.0.1:\(server.port)/live/x")
        try await theatre.event { $0 == .preparing(index: 0) ? () : nil }
        let begin = NIODeadline.now()
        session.stop()
        try await theatre.finished()
        // By itself it would wait for twice as long.
        #expect(NIODeadline.now() - begin < .seconds(30))
        await theatre.puller.shutdown()
        #expect(theatre.puller.counts == .init())
    }

    @Test func aSourceThatFallsSilentIsLostAndComesBack() async throws {
        let theatre = try PullTheatre { $0.readTimeout = .milliseconds(700) }
        let bytes = try await self.film(theatre, "live.ts", seconds: 1)
        let server = try LoopbackServer { _ in .stalls(bytes) }
        defer { server.close() }
        let session = theatre.live(server.url("live.ts"))
        #expect(try await theatre.failure().cause == .timedOut)
        try await theatre.event { if case .broadcasting = $0 { () } else { nil } }
        session.stop()
        try await theatre.finished()
        #expect(server.requests.count >= 2)
        #expect(theatre.published().contains { if case .discontinuity = $0 { true } else { false } })
    }

    @Test func aSlowFileDoesNotEndTheList() async throws {
        let theatre = try PullTheatre { $0.readTimeout = .milliseconds(700) }
        let bytes = try await self.film(theatre, "one.ts", seconds: 1)
        let good = try await self.film(theatre, "two.mp4", seconds: 1)
        let server = try LoopbackServer { path in path == "stalls" ? .stalls(bytes) : .file(good) }
        defer { server.close() }
        _ = theatre.list([server.url("stalls"), server.url("good.mp4")])
        let failed = try await theatre.event { event in if case .itemFailed(0, let failure) = event { failure } else { nil } }
        #expect(failed.cause == .timedOut)
        try await theatre.finished()
        #expect(theatre.frames(.video).suffix(25).count == 25)
    }

    @Test func thisHostIsNotContactedUnlessItIsAllowed() async throws {
        let theatre = try PullTheatre(allowsLocal: false)
        let server = try LoopbackServer { _ in .status(404) }
        defer { server.close() }
        let session = theatre.live(server.url("x"))
        #expect(try await theatre.failure().cause == .addressNotAllowed)
        session.stop()
        #expect(server.requests.isEmpty)
        for url in ["file:///etc/passwd", "concat:a|b", "data:text/plain,x", "/etc/passwd", "", "vod:../x", "http://localhost/x", "http://[::1]/x"] {
            #expect(theatre.puller.refusal(of: PullItem(url: url, isFile: true))?.cause == .addressNotAllowed, "\(url)")
        }
        #expect(theatre.puller.refusal(of: PullItem(url: "rtsp://192.168.1.20/stream", isFile: false)) == nil)
        #expect(theatre.puller.refusal(of: PullItem(url: "vod:films/a.mp4", isFile: true)) == nil)
    }

    @Test func aRedirectToAnotherSchemeIsNotFollowed() async throws {
        let theatre = try PullTheatre()
        let server = try LoopbackServer { _ in .redirect("file:///etc/hostname") }
        defer { server.close() }
        let session = theatre.live(server.url("x"))
        _ = try await theatre.failure()
        session.stop()
        try await theatre.finished()
        #expect(theatre.frames(.video).isEmpty)
    }

    @Test func lookingAtAnItemTellsItsLength() async throws {
        let theatre = try PullTheatre()
        let bytes = try await self.film(theatre, "one.mp4", seconds: 3)
        let server = try LoopbackServer { path in path == "one.mp4" ? .file(bytes) : .status(404) }
        defer { server.close() }
        let probe = try await theatre.puller.probe(PullItem(url: server.url("one.mp4"), isFile: true), within: .seconds(60)).get()
        #expect(probe.duration == MediaTime(milliseconds: 3_000))
        #expect(probe.tracks.count == 2)
        let file = try await theatre.puller.probe(PullItem(url: "vod:one.mp4", isFile: true), within: .seconds(60)).get()
        #expect(file.duration == MediaTime(milliseconds: 3_000))
        let missing = await theatre.puller.probe(PullItem(url: server.url("two.mp4"), isFile: true), within: .seconds(60))
        #expect(throws: PullFailure.self) { try missing.get() }
    }

    @Test func lookingAtAPeerThatSaysNothingEndsInTime() async throws {
        let theatre = try PullTheatre()
        let server = try LoopbackServer { _ in .silence }
        defer { server.close() }
        let begin = NIODeadline.now()
        let result = await theatre.puller.probe(PullItem(url: server.url("x"), isFile: true), within: .milliseconds(300))
        // What other pulls are given is twice as much.
        #expect(NIODeadline.now() - begin < .seconds(30))
        guard case .failure(let failure) = result else {
            Issue.record("it said something")
            return
        }
        #expect(failure.cause == .timedOut)
    }

    @Test func morePullsThanAllowedAreRefused() async throws {
        let theatre = try PullTheatre { $0.maximumPulls = 1 }
        let server = try LoopbackServer { _ in .silence }
        defer { server.close() }
        let first = theatre.puller.start(PullPlan(id: "a", content: .live(PullItem(url: server.url("x"), isFile: false)))) { _ in }
        #expect(theatre.puller.counts.running == 1)
        let session = theatre.live(server.url("y"))
        #expect(session.status.state == .finished)
        try await theatre.finished()
        first.stop()
        #expect(theatre.puller.counts.running == 0)
    }

    @Test func startingAndStoppingManyTimesLeavesNothingBehind() async throws {
        let theatre = try PullTheatre()
        let bytes = try await self.film(theatre, "one.mp4", seconds: 1)
        let server = try LoopbackServer { path in path == "silence" ? .silence : .file(bytes) }
        defer { server.close() }
        let items = ["one.mp4", "silence", "two.mp4"].map { PullItem(url: server.url($0), isFile: true) }
        for round in 0..<40 {
            let content: PullPlan.Content =
                round.isMultiple(of: 2) ? .live(items[round % 3]) : .sequence(PullSequence(items: items, firstIndex: round % 3, loops: true))
            // The same stream each time: the new pull must not find the old one in its way.
            let session = theatre.puller.start(PullPlan(id: "s", content: content)) { _ in }
            if round.isMultiple(of: 5) { _ = session.skip(to: nil) }
            session.stop()
            #expect(session.status.state == .finished)
        }
        await theatre.puller.shutdown()
        #expect(theatre.puller.counts == .init())
        #expect(theatre.stream.generation == nil)
    }

    @Test func afterShutdownNothingStarts() async throws {
        let theatre = try PullTheatre()
        await theatre.puller.shutdown()
        #expect(theatre.live("http://127.0.0.1:1/x").status.state == .finished)
    }
}
