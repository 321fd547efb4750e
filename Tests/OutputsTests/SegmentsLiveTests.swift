import Media
import NIOCore
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Outputs

@Suite(.againstHanging) struct SegmentsLiveTests {
    @Test func theFirstRequestIsAnsweredFromTheCachedGroups() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            SegmentsFixture.send(publisher, from: 0, to: 10)
            let playlist = try await fixture.playlist("demo.m3u8")
            #expect(playlist.segments.count >= 1)
            #expect(!playlist.isEnded)
            #expect(playlist.targetDuration == 2)
            for segment in playlist.segments {
                guard case .segment(.memory(let bytes))? = try await fixture.reply(segment.uri) else {
                    Issue.record("no \(segment.uri)")
                    continue
                }
                #expect(bytes.readableBytes > 1000)
                guard case .initSegment(let bytes)? = try await fixture.reply(segment.map) else {
                    Issue.record("no \(segment.map)")
                    continue
                }
                #expect(bytes.getString(at: bytes.readerIndex + 4, length: 4) == "ftyp")
            }
            publisher.end(.finished)
        }
    }

    @Test func aRequestBeforeTheFirstSegmentWaitsForIt() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            SegmentsFixture.send(publisher, from: 0, to: 1)
            guard case .later(let media)? = fixture.ask("demo.m3u8"), case .later(let master)? = fixture.ask("demo_adaptive.m3u8") else {
                Issue.record("answered before there is a segment")
                return
            }
            SegmentsFixture.send(publisher, from: 1, to: 5)
            guard case .playlist(let text, _, _) = try await media.get(), case .playlist(let masterText, _, _) = try await master.get() else {
                Issue.record("no playlist")
                return
            }
            #expect(try ParsedPlaylist(String(buffer: text)).segments.count >= 1)
            #expect(String(buffer: masterText).contains("#EXT-X-STREAM-INF:"))
            publisher.end(.finished)
        }
    }

    @Test func aRequestThatWaitedInVainGets404() async throws {
        try await SegmentsFixture.run({ $0.firstSegmentTimeout = .milliseconds(20) }) { fixture in
            let publisher = try fixture.publish("demo")
            SegmentsFixture.send(publisher, from: 0, to: 1)
            guard case .notFound? = try await fixture.reply("demo.m3u8") else {
                Issue.record("expected notFound")
                return
            }
            publisher.end(.finished)
        }
    }

    @Test func whoWaitsWhenThePublisherLeavesIsTold() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            guard case .later(let waiting)? = fixture.ask("demo.m3u8") else {
                Issue.record("expected to wait")
                return
            }
            try await fixture.settle()
            publisher.end(.finished)
            guard case .notFound = try await waiting.get() else {
                Issue.record("expected notFound")
                return
            }
        }
    }

    @Test func unknownBroadcastsCostNothing() async throws {
        try await SegmentsFixture.run { fixture in
            #expect((0..<20_000).allSatisfy { fixture.ask("nobody\($0).m3u8") == nil })
            #expect(fixture.ask("x-y-1.m4s") == nil)
            #expect(fixture.hls.state.withLock { $0.broadcasts.count + $0.runs.count } == 0)
        }
    }

    @Test func aStreamThatCannotBePackagedIsNotTriedWithEachRequest() async throws {
        try await SegmentsFixture.run { fixture in
            let broken = Track(id: .audio, codec: .opus, configuration: [1, 2, 3], format: .audio(.init(sampleRate: 48_000, channelCount: 2)))
            let publisher = try fixture.publish("demo", video: nil, audio: broken)
            for tick in 0..<200 { publisher.publish(Frames.sound(at: Int64(tick) * 20), now: .now()) }
            // Nothing at all when the packager has found out before the answer is made.
            switch try await fixture.reply("demo.m3u8") {
            case nil, .notFound: break
            case let other: Issue.record("got \(String(describing: other))")
            }
            try await fixture.settle()
            #expect((0..<100).allSatisfy { _ in fixture.ask("demo.m3u8") == nil })
            #expect(fixture.hls.state.withLock { $0.runs.count + $0.retired.count } == 0)
            publisher.end(.finished)
        }
    }

    @Test func packagingCanRunWithoutBeingAskedFor() async throws {
        try await SegmentsFixture.run({ $0.mode = .always }) { fixture in
            let publisher = try fixture.publish("demo")
            SegmentsFixture.send(publisher, from: 0, to: 2)
            fixture.hls.streamBecameLive(StreamKey("demo"))
            SegmentsFixture.send(publisher, from: 2, to: 9)
            try await fixture.settle()
            guard case .now(.playlist)? = fixture.ask("demo.m3u8") else {
                Issue.record("not ready")
                return
            }
            try await fixture.tick(at: 1000)
            #expect(fixture.hls.usage().packaged == 1)
            publisher.end(.finished)
        }
    }

    @Test func aChangeOfCodecIsADiscontinuityWithANewInitSegment() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            SegmentsFixture.send(publisher, from: 0, to: 4)
            let before = try await fixture.playlist("demo.m3u8")
            publisher.announce(Frames.audio)
            SegmentsFixture.send(publisher, from: 4, to: 12)
            for tick in 0..<400 { publisher.publish(Frames.sound(at: 4000 + Int64(tick) * 20), now: .now()) }
            try await fixture.settle()
            let after = try await fixture.playlist("demo.m3u8")
            let changed = try #require(after.segments.first { $0.isDiscontinuity })
            #expect(changed.map != before.segments[0].map)
            for map in [before.segments[0].map, changed.map] {
                guard case .initSegment? = try await fixture.reply(map) else {
                    Issue.record("no \(map)")
                    continue
                }
            }
            #expect(after.targetDuration == before.targetDuration)
            publisher.end(.finished)
        }
    }

    @Test func aTakeoverIsADiscontinuityInTheSamePlaylist() async throws {
        try await SegmentsFixture.run { fixture in
            let first = try fixture.publish("demo", credential: "same")
            SegmentsFixture.send(first, from: 0, to: 6)
            let before = try await fixture.playlist("demo.m3u8")
            let second = try fixture.publish("demo", credential: "same")
            // A long GOP: the target duration must hold all the same.
            SegmentsFixture.send(second, from: 0, to: 6, gop: 6)
            try await fixture.settle()
            SegmentsFixture.send(second, from: 6, to: 12, gop: 6)
            try await fixture.settle()
            let after = try await fixture.playlist("demo.m3u8")
            #expect(after.segments.count { $0.isDiscontinuity } == 1)
            #expect(after.targetDuration == before.targetDuration)
            #expect(after.mediaSequence == before.mediaSequence)
            #expect(after.segments.count > before.segments.count)
            second.end(.finished)
        }
    }

    @Test func anIDMayItselfEndInAdaptive() async throws {
        try await SegmentsFixture.run { fixture in
            let plain = try fixture.publish("demo")
            let odd = try fixture.publish("demo_adaptive")
            SegmentsFixture.send(plain, from: 0, to: 5)
            SegmentsFixture.send(odd, from: 0, to: 5)
            #expect(try await fixture.playlist("demo_adaptive.m3u8").segments.allSatisfy { $0.uri.hasPrefix("demo_adaptive-") })
            #expect(try await fixture.playlist("demo.m3u8").segments.allSatisfy { $0.uri.hasPrefix("demo-") })
            guard case .playlist(let master, _, _)? = try await fixture.reply("demo_adaptive_adaptive.m3u8") else {
                Issue.record("no master")
                return
            }
            let text = String(buffer: master)
            #expect(text.contains("\ndemo_adaptive.m3u8\n"))
            #expect(text.contains("RESOLUTION=1280x720"))
            #expect(text.contains("CODECS=\"avc1."))
            plain.end(.finished)
            odd.end(.finished)
        }
    }

    @Test func aBroadcastIsAlsoFoundBelowItsOwnFolderAndNoOther() async throws {
        try await SegmentsFixture.run({ $0.subFolder = { $0 == "demo" ? "shows/late" : nil } }) { fixture in
            let publisher = try fixture.publish("demo")
            SegmentsFixture.send(publisher, from: 0, to: 5)
            let playlist = try await fixture.playlist("shows/late/demo.m3u8")
            for folder in ["shows/late/", ""] {
                guard case .now(.segment)? = fixture.ask(folder + playlist.segments[0].uri) else {
                    Issue.record("segment not found")
                    continue
                }
            }
            #expect(fixture.ask("shows/demo.m3u8") == nil)
            #expect(fixture.ask("other/" + playlist.segments[0].uri) == nil)
            publisher.end(.finished)
        }
    }

    @Test func oneSegmentHasOneName() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            SegmentsFixture.send(publisher, from: 0, to: 8)
            let uri = try await fixture.playlist("demo.m3u8").segments[0].uri
            let prefix = uri.dropLast("0.m4s".count)
            for bad in ["00.m4s", "+0.m4s", "-0.m4s", "0x0.m4s", ".m4s", "99999999999999999999999.m4s", "0.mp4", "0.m4s.m4s"] {
                #expect(fixture.ask(prefix + bad) == nil)
            }
            guard case .now(.notFound)? = fixture.ask(prefix + "18446744073709551615.m4s") else {
                Issue.record("expected notFound")
                return
            }
            guard case .now(.notFound)? = fixture.ask(prefix + "init-18446744073709551615.mp4") else {
                Issue.record("expected notFound")
                return
            }
            publisher.end(.finished)
        }
    }

    @Test func anIDThatNeedsEncodingIsEncodedInThePlaylist() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("a b?ä")
            SegmentsFixture.send(publisher, from: 0, to: 5)
            let playlist = try await fixture.playlist("a b?ä.m3u8")
            #expect(playlist.segments[0].uri.hasPrefix("a%20b%3F%C3%A4-"))
            publisher.end(.finished)
        }
    }

    @Test func tokensOfTheQueryAreRepeatedBehindEveryURI() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            SegmentsFixture.send(publisher, from: 0, to: 5)
            _ = try await fixture.playlist("demo.m3u8")
            for path in ["demo.m3u8", "demo_adaptive.m3u8"] {
                guard case .now(.playlist(let text, _, _))? = fixture.ask(path, query: "token=abc") else {
                    Issue.record("no playlist")
                    continue
                }
                let uris = String(buffer: text).split(separator: "\n").filter { !$0.hasPrefix("#") }
                #expect(!uris.isEmpty && uris.allSatisfy { $0.hasSuffix("?token=abc") })
            }
            publisher.end(.finished)
        }
    }
}
