import Media
import NIOCore
import Streams
import TestSupport
import Testing

@testable import Outputs

/// What has been, and DASH, which shows the same segments.
@Suite(.againstHanging) struct SegmentsHistoryTests {
    private func lines(_ answer: HLSAnswer?) async throws -> [String] {
        let reply: HLSReply? =
            switch answer {
            case nil: nil
            case .now(let reply): reply
            case .later(let reply): try await reply.get()
            }
        guard case .playlist(let bytes, _, _)? = reply else { throw SegmentsFixture.Unexpected(reply: "\(String(describing: reply))") }
        return String(buffer: bytes).split(separator: "\n").map(String.init)
    }

    private func segments(_ answer: HLSAnswer?) async throws -> [String] { try await self.lines(answer).filter { !$0.hasPrefix("#") } }

    @Test func segmentsStayForTheWindowAndTheLivePlaylistIsAsShortAsEver() async throws {
        try await SegmentsFixture.run({
            $0.dvrWindow = MediaTime(milliseconds: 60_000)
            $0.listSize = 5
        }) { fixture in
            let publisher = try fixture.publish("demo")
            _ = fixture.ask("demo.m3u8")
            try await fixture.stream([publisher], from: 0, to: 100)
            let live = try await self.segments(fixture.ask("demo.m3u8"))
            let history = try await self.segments(fixture.ask("demo.m3u8", parameters: "dvr"))
            #expect(live.count == 5 && history.count == 30)
            #expect(Array(history.suffix(5)) == live)
            try await fixture.tick(at: 20)
            for uri in history {
                guard case .now(.segment)? = fixture.ask(uri) else {
                    Issue.record("\(uri) is listed but gone")
                    continue
                }
            }
            #expect(fixture.hls.usage().memoryBytes < 100_000)
            publisher.end(.finished)
        }
    }

    @Test func aCutIsOfThePlaylistWhereNothingElseIsKept() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            _ = fixture.ask("demo.m3u8")
            try await fixture.stream([publisher], from: 0, to: 60)
            let whole = try await self.segments(fixture.ask("demo.m3u8"))
            #expect(try await self.segments(fixture.ask("demo.m3u8", parameters: "dvr")) == whole)
            // The fixture's wall clock is the real one; a cut that holds everything has everything.
            let open = fixture.ask("demo.m3u8", parameters: "start=0")
            #expect(try await self.segments(open) == whole)
            #expect(try await !self.lines(open).contains("#EXT-X-ENDLIST"))
            guard case .now(.notFound)? = fixture.ask("demo.m3u8", parameters: "end=1") else {
                Issue.record("something was shown in 1970")
                return
            }
            guard case .now(.badRequest)? = fixture.ask("demo.m3u8", parameters: "start=2&end=1") else {
                Issue.record("a cut that ends before it begins")
                return
            }
            publisher.end(.finished)
        }
    }

    // MARK: DASH

    private func manifest(_ fixture: SegmentsFixture, address: String = "198.51.100.1") async throws -> String {
        let reply = try await fixture.reply("demo/demo.mpd", address: address)
        guard case .manifest(let bytes, _, _)? = reply else { throw SegmentsFixture.Unexpected(reply: "\(String(describing: reply))") }
        return String(buffer: bytes)
    }

    private func attribute(_ name: String, of text: String) throws -> String {
        let range = try #require(text.firstRange(of: " \(name)=\""))
        return String(text[range.upperBound...].prefix { $0 != "\"" })
    }

    @Test func aManifestWaitsForTheFirstSegmentToo() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            guard case .later(let early)? = fixture.ask("demo/demo.mpd") else {
                Issue.record("answered before there is a segment")
                return
            }
            try await fixture.stream([publisher], from: 0, to: 5)
            guard case .manifest = try await early.get() else {
                Issue.record("no manifest")
                return
            }
            for path in ["demo.mpd", "other/demo.mpd", "demo/other.mpd", "nobody/nobody.mpd"] { #expect(fixture.ask(path) == nil) }
            publisher.end(.finished)
        }
    }

    @Test func everySegmentOfAManifestIsThereFromMemoryAndFromDisk() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            _ = fixture.ask("demo/demo.mpd")
            try await fixture.stream([publisher], from: 0, to: 40)
            let text = try await self.manifest(fixture)
            let first = try #require(Int(try self.attribute("startNumber", of: text)))
            let media = try self.attribute("media", of: text)
            for number in first..<first + 15 {
                let reply = try await fixture.reply("demo/" + media.replacing("$Number$", with: "\(number)"))
                guard case .segment(.memory(let bytes))? = reply else {
                    Issue.record("no segment \(number)")
                    continue
                }
                #expect(bytes.getString(at: bytes.readerIndex + 4, length: 4) == "styp" && bytes.readableBytes > 5_000)
            }
            // The one behind the one that is being made does not exist.
            guard case .now(.notFound)? = fixture.ask("demo/" + media.replacing("$Number$", with: "\(first + 16)")) else {
                Issue.record("a segment far away is waited for")
                return
            }
            publisher.end(.finished)
            try await fixture.settle()
            let ended = try await self.manifest(fixture)
            #expect(ended.contains(" type=\"static\"") && ended.contains(" mediaPresentationDuration="))
        }
    }

    @Test func dashViewersAreCountedApartAndHaveTheirOwnLimit() async throws {
        try await SegmentsFixture.run({ $0.dashViewerLimit = { _ in 1 } }) { fixture in
            let publisher = try fixture.publish("demo")
            _ = fixture.ask("demo.m3u8")
            try await fixture.stream([publisher], from: 0, to: 6)
            let text = try await self.manifest(fixture)
            let start = "demo/" + (try self.attribute("initialization", of: text))
            _ = fixture.ask(start)
            #expect(fixture.hls.dashViewerCount("demo") == 1 && fixture.hls.viewerCount("demo") == 1)
            for path in ["demo/demo.mpd", start] {
                guard case .now(.viewerLimitReached)? = fixture.ask(path, address: "203.0.113.9") else {
                    Issue.record("a newcomer got in at \(path)")
                    continue
                }
            }
            guard case .now(.playlist)? = fixture.ask("demo.m3u8", address: "203.0.113.9"), case .now(.initSegment)? = fixture.ask(start) else {
                Issue.record("an HLS viewer was refused by DASH's limit, or an admitted viewer was")
                return
            }
            #expect(fixture.hls.totalDashViewerCount() == 1 && fixture.hls.totalViewerCount() == 2)
            _ = fixture.ask("demo.m3u8", at: 15)
            _ = fixture.ask("demo.m3u8", at: 30)
            #expect(fixture.hls.dashViewerCount("demo") == 0)
            publisher.end(.finished)
            try await fixture.settle()
            #expect(fixture.hls.totalDashViewerCount() == 0 && fixture.hls.totalViewerCount() == 0)
        }
    }

    @Test(arguments: [
        ("a-b-7.m4s", PieceName.Piece.segment(7), nil as Int?), ("a-b-7.3.m4s", .part(7, index: 3), nil), ("a-b-init-0.mp4", .initSegment(0), nil),
        ("a-b-7-t1.m4s", .segment(7), 0), ("a-b-init-2-t3.mp4", .initSegment(2), 2),
    ])
    func namesOfPiecesAreRead(name: String, piece: PieceName.Piece, track: Int?) throws {
        let read = try #require(PieceName(name))
        #expect(read.prefix == "a-b" && read.piece == piece && read.track == track)
    }

    @Test(arguments: [
        "7.m4s", "a-7", "a-7.ts", "a-07.m4s", "a--7.01.m4s", "a-7-t0.m4s", "a-7-t01.m4s", "a-7-t9999.m4s", "a-7.1-t1.m4s", "a-7.mp4",
        "init-0.mp4", "a-init-0.0.mp4", "-.m4s", ".m4s", "-t1.m4s", "a-7-t.m4s",
    ])
    func otherNamesAreNone(name: String) { #expect(PieceName(name) == nil) }

    @Test(arguments: [
        ("demo.m3u8", LivePath.Name.playlist(id: "demo", renditionOf: nil, adaptiveOf: nil)),
        ("shows/demo.m3u8", .playlist(id: "demo", renditionOf: nil, adaptiveOf: nil)),
        ("demo_adaptive.m3u8", .playlist(id: "demo_adaptive", renditionOf: nil, adaptiveOf: "demo")),
        ("ll-hls/demo/demo__master.m3u8", .lowLatencyMaster(id: "demo")),
        ("ll-hls/demo/demo.m3u8", .lowLatency(id: "demo", rendition: nil)), ("ll-hls/demo/other.m3u8", .other),
        ("ll-hls/demo.m3u8", .playlist(id: "demo", renditionOf: nil, adaptiveOf: nil)),
        ("demo/demo.mpd", .manifest(id: "demo")), ("demo/other.mpd", .other), ("demo.mpd", .other), ("demo.mp4", .other), ("demo.webm", .other),
        ("é/é.mpd", .manifest(id: "é")), ("demo_480p900kbps.m3u8", .playlist(id: "demo_480p900kbps", renditionOf: "demo", adaptiveOf: nil)),
        ("ll-hls/demo/demo_480p900kbps.m3u8", .lowLatency(id: "demo", rendition: "demo_480p900kbps")),
        ("ll-hls/demo/other_480p900kbps.m3u8", .other),
    ])
    func pathsAreRead(path: String, name: LivePath.Name) { #expect(LivePath(path).name == name) }

    @Test func aPieceIsFoundInEveryFolder() throws {
        let piece = try #require(PieceName("demo-ab-7.m4s"))
        for folder in ["", "demo/", "ll-hls/demo/"] { #expect(LivePath(folder + "demo-ab-7.m4s").name == .piece(piece)) }
        #expect(LivePath("ll-hls/demo/demo-ab-7.m4s").lowLatencyID == "demo")
        #expect(LivePath("shows/demo-ab-7.m4s").lowLatencyID == nil)
    }
}
