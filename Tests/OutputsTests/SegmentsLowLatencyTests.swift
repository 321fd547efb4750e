import Media
import NIOCore
import NIOPosix
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Outputs

/// Segments of two seconds, parts of half a second, ten pictures a second. A part is known when the picture after it has come.
@Suite(.againstHanging) struct SegmentsLowLatencyTests {
    private static let path = "ll-hls/demo/demo.m3u8"

    /// With segment 0 listed and one part of segment 1: pictures to 2.6 s.
    private func start(_ fixture: SegmentsFixture, to end: Int64 = 2_700) async throws -> Publisher {
        let publisher = try fixture.publish("demo")
        publisher.publish(Frames.picture(at: 0, key: true, bytes: 500), now: .now())
        _ = fixture.ask("demo.m3u8")
        try await fixture.send(publisher, milliseconds: 100..<end)
        return publisher
    }

    private func text(_ answer: HLSAnswer?) throws -> String {
        guard case .now(.playlist(let bytes, _, _))? = answer else { throw SegmentsFixture.Unexpected(reply: "\(String(describing: answer))") }
        return String(buffer: bytes)
    }

    private func text(_ reply: HLSReply) throws -> String {
        guard case .playlist(let bytes, _, _) = reply else { throw SegmentsFixture.Unexpected(reply: "\(reply)") }
        return String(buffer: bytes)
    }

    private func parts(_ text: String) -> [String] {
        text.split(separator: "\n").filter { $0.hasPrefix("#EXT-X-PART:") }.compactMap {
            $0.split(separator: "\"").dropFirst().first.map(String.init)
        }
    }

    private func hint(_ text: String) throws -> String {
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"") })
        return String(line.split(separator: "\"")[1])
    }

    private func bytes(_ answer: HLSAnswer?) throws -> ByteBuffer {
        guard case .now(.segment(.memory(let bytes)))? = answer else { throw SegmentsFixture.Unexpected(reply: "\(String(describing: answer))") }
        return bytes
    }

    @Test func partsAreServedWhileTheirSegmentGrowsAndAreTheSameBytesAfterwards() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try await self.start(fixture)
            let text = try self.text(fixture.ask(Self.path))
            let parts = self.parts(text)
            #expect(parts.count == 5 && parts[4].hasSuffix("-1.0.m4s"))
            #expect(text.contains("PART-TARGET=0.500000"))
            let early = try self.bytes(fixture.ask("ll-hls/demo/\(parts[4])"))
            #expect(fixture.ask("other/\(parts[4])") == nil)
            try await fixture.send(publisher, milliseconds: 2_700..<4_200)
            let whole = try self.bytes(fixture.ask(parts[4].replacing(".0.m4s", with: ".m4s")))
            #expect(whole.readableBytesView.starts(with: early.readableBytesView))
            let all = try (0..<4).reduce(into: ByteBuffer()) { all, index in
                all.writeImmutableBuffer(try self.bytes(fixture.ask(parts[4].replacing(".0.m4s", with: ".\(index).m4s"))))
            }
            #expect(all == whole)
            publisher.end(.finished)
        }
    }

    @Test func thePlainPlaylistHasNoPartsUnlessItIsAskedWithDirectives() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try await self.start(fixture)
            #expect(!(try self.text(fixture.ask("demo.m3u8"))).contains("PART"))
            #expect(!(try self.text(fixture.ask("demo.m3u8", parameters: "_HLS_other=1"))).contains("PART"))
            #expect(try self.text(fixture.ask("demo.m3u8", parameters: "_HLS_msn=0")) == (try self.text(fixture.ask(Self.path))))
            let master = try self.text(fixture.ask("ll-hls/demo/demo__master.m3u8"))
            #expect(master.contains("\ndemo.m3u8\n"))
            for path in ["ll-hls/demo/other.m3u8", "ll-hls/other/demo.m3u8", "ll-hls/demo/x/demo.m3u8", "ll-hls/demo__master.m3u8"] {
                #expect(fixture.ask(path) == nil)
            }
            publisher.end(.finished)
        }
    }

    @Test func aBlockedReloadIsAnsweredByThePartItWaitsFor() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try await self.start(fixture)
            guard case .later(let first)? = fixture.ask(Self.path, parameters: "_HLS_msn=1&_HLS_part=1"),
                case .later(let second)? = fixture.ask(Self.path, parameters: "_HLS_msn=1&_HLS_part=2"),
                case .later(let whole)? = fixture.ask(Self.path, parameters: "_HLS_msn=1")
            else {
                Issue.record("answered before it is there")
                return
            }
            try await fixture.send(publisher, milliseconds: 2_700..<3_200)
            #expect(self.parts(try self.text(try await first.get())).last?.hasSuffix("-1.1.m4s") == true)
            #expect(fixture.hls.blockedCount == 2)
            try await fixture.send(publisher, milliseconds: 3_200..<4_200)
            #expect(self.parts(try self.text(try await second.get())).contains { $0.hasSuffix("-1.2.m4s") })
            #expect(try self.text(try await whole.get()).contains("-1.m4s\n"))
            #expect(fixture.hls.blockedCount == 0)
            publisher.end(.finished)
        }
    }

    @Test func aHintedPartThatIsAskedForEarlyComesWhenItIsMade() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try await self.start(fixture)
            var pictures: Int64 = 2_700
            // Across the end of a segment, too.
            for _ in 0..<6 {
                let hint = try self.hint(self.text(fixture.ask(Self.path)))
                guard case .later(let early)? = fixture.ask("ll-hls/demo/\(hint)") else {
                    Issue.record("\(hint) is not waited for")
                    return
                }
                try await fixture.send(publisher, milliseconds: pictures..<pictures + 500)
                pictures += 500
                guard case .segment(.memory(let bytes)) = try await early.get() else {
                    Issue.record("\(hint) has not come")
                    return
                }
                #expect(bytes.readableBytes > 500)
            }
            publisher.end(.finished)
        }
    }

    @Test func partsThatNobodyHintedAtAreNotWaitedFor() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try await self.start(fixture)
            let hint = try self.hint(self.text(fixture.ask(Self.path)))
            for other in [".7.m4s", ".18446744073709551615.m4s"] {
                guard case .now(.notFound)? = fixture.ask(hint.replacing(".1.m4s", with: other)) else {
                    Issue.record("\(other)")
                    continue
                }
            }
            for odd in [".01.m4s", ".1.1.m4s", "..m4s", ".x.m4s", ".1.mp4"] { #expect(fixture.ask(hint.replacing(".1.m4s", with: odd)) == nil) }
            publisher.end(.finished)
        }
    }

    @Test(arguments: ["_HLS_part=1", "_HLS_msn=x", "_HLS_msn=4", "_HLS_msn=1&_HLS_part=7", "_HLS_msn=18446744073709551615"])
    func nonsenseAndWhatIsFarAwayIsABadRequest(parameters: String) async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try await self.start(fixture)
            for path in [Self.path, "demo.m3u8"] {
                guard case .now(.badRequest)? = fixture.ask(path, parameters: parameters) else {
                    Issue.record("\(path)?\(parameters)")
                    continue
                }
            }
            #expect(fixture.ask("ll-hls/nobody/nobody.m3u8", parameters: parameters) == nil)
            publisher.end(.finished)
        }
    }

    @Test func whoeverWaitsForAPublisherThatIsSilentIsToldAfterThreeTargets() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try await self.start(fixture)
            guard case .later(let waiting)? = fixture.ask(Self.path, parameters: "_HLS_msn=1&_HLS_part=1") else {
                Issue.record("not blocked")
                return
            }
            try await fixture.tick(at: 5)
            #expect(fixture.hls.blockedCount == 1)
            try await fixture.tick(at: 6)
            guard case .unavailable = try await waiting.get() else {
                Issue.record("expected unavailable")
                return
            }
            #expect(fixture.hls.blockedCount == 0)
            publisher.end(.finished)
        }
    }

    @Test func theEndAnswersEverybodyAndIsSaid() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try await self.start(fixture)
            let hint = try self.hint(self.text(fixture.ask(Self.path)))
            guard case .later(let reload)? = fixture.ask(Self.path, parameters: "_HLS_msn=2&_HLS_part=2"),
                case .later(let part)? = fixture.ask("ll-hls/demo/\(hint)")
            else {
                Issue.record("not blocked")
                return
            }
            publisher.end(.finished)
            try await fixture.settle()
            let text = try self.text(try await reload.get())
            #expect(text.hasSuffix("#EXT-X-ENDLIST\n") && !text.contains("PRELOAD-HINT"))
            // The last part of all is that one, made of what there was.
            guard case .segment = try await part.get() else {
                Issue.record("the last part was not given out")
                return
            }
        }
    }

    @Test func aThousandBlockedReloadsWakeInOnePass() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try await self.start(fixture)
            let answered = Mutex(0)
            let futures = (0..<1_000).compactMap { number -> EventLoopFuture<HLSReply>? in
                let answer = fixture.ask(Self.path, address: "198.51.100.\(number)", parameters: "_HLS_msn=1&_HLS_part=1")
                guard case .later(let future)? = answer else { return nil }
                return future
            }
            #expect(futures.count == 1_000 && fixture.hls.blockedCount == 1_000)
            for future in futures { future.whenSuccess { _ in answered.withLock { $0 += 1 } } }
            // All of one loop are answered by one task of it: whatever is queued behind sees none or all.
            publisher.publish(Frames.picture(at: 2_700, bytes: 500), now: .now())
            for time in stride(from: 2_800 as Int64, to: 3_200, by: 100) {
                publisher.publish(Frames.picture(at: time, bytes: 500), now: .now())
                let seen = try await fixture.group.next().submit { answered.withLock { $0 } }.get()
                #expect(seen == 0 || seen == 1_000)
            }
            try await fixture.settle()
            #expect(answered.withLock { $0 } == 1_000)
            publisher.end(.finished)
        }
    }

    @Test func thePartTargetStaysWhenATakeoverBringsFewerPictures() async throws {
        try await SegmentsFixture.run { fixture in
            let first = try fixture.publish("demo", credential: "same")
            SegmentsFixture.send(first, from: 0, to: 3)
            _ = try await fixture.playlist("demo.m3u8")
            let second = try fixture.publish("demo", credential: "same")
            for second_ in 0..<8 as Range<Int64> {
                second.publish(Frames.picture(at: second_ * 1000, key: second_ % 2 == 0, bytes: 500), now: .now())
                try await fixture.settle()
            }
            let text = try self.text(fixture.ask(Self.path))
            #expect(text.contains("PART-TARGET=0.500000"))
            for line in text.split(separator: "\n") where line.hasPrefix("#EXT-X-PART:DURATION=") {
                let duration = try #require(Double(line.dropFirst(21).prefix { $0 != "," }))
                #expect(duration <= 0.5)
            }
            #expect(text.contains("#EXT-X-DISCONTINUITY\n"))
            second.end(.finished)
        }
    }

    @Test func withoutPartsThereIsNoLowLatencyPlaylist() async throws {
        try await SegmentsFixture.run({ $0.partDuration = nil }) { fixture in
            let publisher = try await self.start(fixture)
            #expect(fixture.ask(Self.path) == nil)
            #expect(fixture.ask("ll-hls/demo/demo__master.m3u8") == nil)
            #expect(!(try self.text(fixture.ask("demo.m3u8", parameters: "_HLS_msn=400"))).contains("PART"))
            publisher.end(.finished)
        }
    }
}
