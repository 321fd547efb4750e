import Media
import NIOCore
import Packaging
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Outputs

/// A source and its renditions as players find them.
@Suite struct SegmentsRenditionTests {
    private static let low = Rendition(height: 480, width: 854, videoBitrate: 900_000, audioBitrate: 0)
    private static let name = "demo_480p900kbps"

    private final class Owner {}
    private let owner = Owner()

    private func rendition(_ fixture: SegmentsFixture) throws -> Publisher { try fixture.publish(Self.low, of: "demo", by: self.owner) }

    private func text(_ path: String, _ fixture: SegmentsFixture) async throws -> String {
        switch try await fixture.reply(path) {
        case .playlist(let bytes, false, _), .manifest(let bytes, false, _): return String(buffer: bytes)
        case let reply: throw SegmentsFixture.Unexpected(reply: "\(String(describing: reply))")
        }
    }

    private func picture(_ tenth: Int64) -> EncodedFrame { Frames.picture(at: tenth * 100, key: tenth % 10 == 0, bytes: 500) }

    /// A rendition comes half a second after its source; groups are a second long.
    private func send(_ source: Publisher, _ rendition: Publisher, tenths: Range<Int64>, _ fixture: SegmentsFixture) async throws {
        for tenth in tenths {
            source.publish(self.picture(tenth), now: .now())
            if tenth >= 5 { rendition.publish(self.picture(tenth - 5), now: .now()) }
            if tenth % 10 == 9 { try await fixture.settle() }
        }
    }

    @Test(arguments: ["demo_adaptive.m3u8", "ll-hls/demo/demo__master.m3u8"])
    func theSourceAndItsRenditionAreListed(path: String) async throws {
        try await SegmentsFixture.run { fixture in
            let source = try fixture.publish("demo")
            let rendition = try self.rendition(fixture)
            fixture.hls.streamBecameLive(StreamKey("demo"))
            _ = fixture.ask("demo.m3u8")
            try await self.send(source, rendition, tenths: 0..<60, fixture)
            let master = try await self.text(path, fixture)
            let lines = master.split(separator: "\n")
            #expect(lines.filter { !$0.hasPrefix("#") } == ["demo.m3u8", "demo_480p900kbps.m3u8"])
            #expect(lines.count { $0.hasPrefix("#EXT-X-STREAM-INF:BANDWIDTH=") && $0.contains("CODECS=\"avc1.64001f\"") } == 2)
            source.end(.finished)
            rendition.end(.finished)
            try await fixture.settle()
        }
    }

    @Test func segmentsBeginAtTheSamePicturesAlsoForWhoComesLate() async throws {
        // One group is not enough for a segment, so where the first begins makes the difference.
        for delay in [0, 10, 20] as [Int64] {
            try await SegmentsFixture.run { fixture in
                let source = try fixture.publish("demo")
                let rendition = try self.rendition(fixture)
                try await self.send(source, rendition, tenths: 0..<32 + delay, fixture)
                _ = fixture.ask("demo.m3u8")
                try await fixture.settle()
                try await self.send(source, rendition, tenths: 32 + delay..<140, fixture)
                let (own, other) = (try await fixture.playlist("demo.m3u8"), try await fixture.playlist("\(Self.name).m3u8"))
                #expect(own.targetDuration == other.targetDuration)
                #expect(other.segments.count >= 4)
                #expect(Array(own.segments.map(\.number).prefix(other.segments.count)) == other.segments.map(\.number))
                #expect(Array(own.segments.map(\.duration).prefix(other.segments.count)) == other.segments.map(\.duration))
                // What they hold is from the same time.
                for (one, two) in zip(own.segments, other.segments) {
                    #expect(try await self.decodeTime(of: one.uri, fixture) == self.decodeTime(of: two.uri, fixture))
                }
                source.end(.finished)
                rendition.end(.finished)
                try await fixture.settle()
            }
        }
    }

    /// The base media decode time of a segment's first fragment (ISO/IEC 14496-12 §8.8.12).
    private func decodeTime(of uri: String, _ fixture: SegmentsFixture) async throws -> [UInt8] {
        let all: [UInt8]
        switch try await fixture.reply(uri) {
        case .segment(.memory(let bytes)): all = Array(bytes.readableBytesView)
        case .segment(.file(let path, _, let length)):
            all = Array(try #require(SessionDirectory.read(path, length: length)).readableBytesView)
        case let reply: throw SegmentsFixture.Unexpected(reply: "\(uri): \(String(describing: reply))")
        }
        let name = Array("tfdt".utf8)
        let index = try #require(all.indices.first { all[$0...].starts(with: name) })
        return Array(all[index + 4..<index + 16])
    }

    @Test func whoeverChangesBetweenRenditionsIsOneViewer() async throws {
        try await SegmentsFixture.run { fixture in
            let source = try fixture.publish("demo")
            let rendition = try self.rendition(fixture)
            _ = fixture.ask("demo.m3u8", isHead: true)
            try await self.send(source, rendition, tenths: 0..<60, fixture)
            let cookie = ViewerCookie.make()
            for path in ["demo_adaptive.m3u8", "demo.m3u8", "\(Self.name).m3u8"] { _ = try await fixture.reply(path, cookie: cookie) }
            let segment = try #require(try await fixture.playlist("\(Self.name).m3u8").segments.first)
            #expect(fixture.hls.viewerCount("demo") == 2, "and one without a cookie")
            _ = try await fixture.reply(segment.uri, cookie: cookie)
            #expect(fixture.hls.viewerCount("demo") == 2)
            source.end(.finished)
            rendition.end(.finished)
            try await fixture.settle()
        }
    }

    @Test func lowLatencyPlaylistsTellWhereTheOthersAre() async throws {
        try await SegmentsFixture.run { fixture in
            let source = try fixture.publish("demo")
            let rendition = try self.rendition(fixture)
            _ = fixture.ask("demo.m3u8")
            try await self.send(source, rendition, tenths: 0..<60, fixture)
            for (own, other) in [("demo", Self.name), (Self.name, "demo")] {
                let text = try await self.text("ll-hls/demo/\(own).m3u8", fixture)
                let reports = text.split(separator: "\n").filter { $0.hasPrefix("#EXT-X-RENDITION-REPORT") }
                #expect(reports.count == 1)
                #expect(reports.first?.hasPrefix("#EXT-X-RENDITION-REPORT:URI=\"\(other).m3u8\",LAST-MSN=") == true)
            }
            source.end(.finished)
            rendition.end(.finished)
            try await fixture.settle()
        }
    }

    @Test func aRenditionThatEndsBeforeItsSourceIsListedNoLonger() async throws {
        try await SegmentsFixture.run { fixture in
            let source = try fixture.publish("demo")
            let rendition = try self.rendition(fixture)
            _ = fixture.ask("demo.m3u8")
            try await self.send(source, rendition, tenths: 0..<60, fixture)
            fixture.board.set([], of: "demo", by: self.owner)
            rendition.end(.finished)
            try await fixture.settle()
            #expect(try await !self.text("demo_adaptive.m3u8", fixture).contains("480p"))
            #expect(try await fixture.playlist("\(Self.name).m3u8").isEnded)
            source.end(.finished)
            try await fixture.settle()
            #expect(try await fixture.playlist("demo.m3u8").isEnded)
            #expect(try await self.text("demo_adaptive.m3u8", fixture).contains("480p"), "what there is can still be watched")
        }
    }

    /// A source may go on for weeks, and its renditions change.
    @Test func aRenditionThatDoesNotComeBackGoesWhileItsSourceStays() async throws {
        try await SegmentsFixture.run { fixture in
            let source = try fixture.publish("demo")
            let rendition = try self.rendition(fixture)
            _ = fixture.ask("demo.m3u8")
            try await self.send(source, rendition, tenths: 0..<60, fixture)
            let segment = try #require(try await fixture.playlist("\(Self.name).m3u8").segments.first)
            // It ends and comes back, ends again, and is forgotten; its source does not end.
            rendition.end(.finished)
            try await fixture.settle()
            let again = try self.rendition(fixture)
            fixture.hls.renditionsChanged(of: "demo")
            for tenth in 60..<80 as Range<Int64> {
                source.publish(self.picture(tenth), now: .now())
                again.publish(self.picture(tenth), now: .now())
            }
            try await fixture.settle()
            try await fixture.tick(at: 31)
            #expect(fixture.ask(segment.uri) != nil, "it is packaged")
            fixture.board.set([], of: "demo", by: self.owner)
            again.end(.finished)
            try await fixture.settle()
            #expect(fixture.hls.state.withLock { $0.runs.count } == 2)
            #expect(fixture.ask(segment.uri) != nil, "who was playing it may play on for a while")
            try await fixture.tick(at: 62)
            #expect(fixture.hls.state.withLock { $0.runs.count } == 1)
            #expect(fixture.ask(segment.uri) == nil)
            #expect(fixture.ask("demo.m3u8") != nil)
            source.end(.finished)
            try await fixture.settle()
        }
    }

    @Test func nobodyElsesPlaylistIsTakenForARenditions() async throws {
        try await SegmentsFixture.run { fixture in
            let source = try fixture.publish(Self.name)
            _ = fixture.ask("\(Self.name).m3u8")
            try await fixture.send(source, milliseconds: 0..<6_000)
            #expect(try await fixture.playlist("\(Self.name).m3u8").segments.first?.uri.hasPrefix(Self.name) == true)
            #expect(fixture.ask("demo_480p900kbps.mp4") == nil)
            #expect(fixture.ask("other_480p900kbps.m3u8") == nil)
            source.end(.finished)
            try await fixture.settle()
        }
        for (name, id) in [
            ("demo_480p900kbps", "demo"), ("a_b_480p1kbps", "a_b"), ("demo_480p", nil), ("demo_p900kbps", nil), ("_480p900kbps", nil),
            ("demo_480p9x0kbps", nil), ("demo480p900kbps", nil), ("demo_480p900p1kbps", nil),
        ] as [(String, String?)] {
            #expect(LivePath.renditionSource(of: name) == id, "\(name)")
        }
    }

    @Test func aManifestHasOneSetOfPicturesWithARepresentationForEach() async throws {
        try await SegmentsFixture.run { fixture in
            let source = try fixture.publish("demo")
            let rendition = try self.rendition(fixture)
            _ = fixture.ask("demo/demo.mpd")
            try await self.send(source, rendition, tenths: 0..<80, fixture)
            let manifest = try await self.text("demo/demo.mpd", fixture)
            #expect(manifest.split(separator: "\n").count { $0.contains("<AdaptationSet") } == 1)
            #expect(manifest.split(separator: "\n").count { $0.contains("<Representation") } == 2)
            let media = manifest.split(separator: "\"").filter { $0.contains("$Number$") }
            #expect(Set(media).count == 2, "each has files of its own")
            for template in media {
                let path = "demo/" + template.replacing("$Number$", with: "1")
                guard case .segment(.memory)? = try await fixture.reply(path) else {
                    Issue.record("nothing at \(path)")
                    continue
                }
            }
            source.end(.finished)
            rendition.end(.finished)
            try await fixture.settle()
        }
    }
}
