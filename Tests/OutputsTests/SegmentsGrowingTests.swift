import Media
import NIOCore
import NIOPosix
import Packaging
import Streams
import TestSupport
import Testing

@testable import Outputs

/// Low-latency DASH: a segment that is read while it is being made. Segments of two seconds, parts of half a second, ten pictures a second.
@Suite(.againstHanging) struct SegmentsGrowingTests {
    private func manifest(_ fixture: SegmentsFixture) async throws -> String {
        let reply = try await fixture.reply("demo/demo.mpd")
        guard case .manifest(let bytes, _, _)? = reply else { throw SegmentsFixture.Unexpected(reply: "\(String(describing: reply))") }
        return String(buffer: bytes)
    }

    /// With segment 0 listed and one part of segment 1; `path` of a segment by its number.
    private func start(_ fixture: SegmentsFixture) async throws -> (publisher: Publisher, path: (Int) -> String) {
        let publisher = try fixture.publish("demo")
        publisher.publish(Frames.picture(at: 0, key: true, bytes: 500), now: .now())
        _ = fixture.ask("demo/demo.mpd")
        try await fixture.send(publisher, milliseconds: 100..<2_700)
        let text = try await self.manifest(fixture)
        let range = try #require(text.firstRange(of: " media=\""))
        let media = String(text[range.upperBound...].prefix { $0 != "\"" })
        return (publisher, { "demo/" + media.replacing("$Number$", with: "\($0)") })
    }

    private func growing(_ answer: HLSAnswer?) throws -> GrowingSegment {
        guard case .now(.segment(.growing(let segment)))? = answer else { throw SegmentsFixture.Unexpected(reply: "\(String(describing: answer))") }
        return segment
    }

    private func whole(_ answer: HLSAnswer?) throws -> ByteBuffer {
        guard case .now(.segment(.memory(let bytes)))? = answer else { throw SegmentsFixture.Unexpected(reply: "\(String(describing: answer))") }
        return bytes
    }

    /// What is there now, up to the piece that has to be waited for.
    private func read(
        _ segment: GrowingSegment, from index: inout Int, _ fixture: SegmentsFixture
    ) -> (bytes: ByteBuffer, next: GrowingSegment.Step) {
        var bytes = ByteBuffer()
        while true {
            let step = segment.step(index, on: fixture.group.next())
            guard case .piece(var piece) = step else { return (bytes, step) }
            bytes.writeBuffer(&piece)
            index += 1
        }
    }

    @Test func aSegmentIsReadAsItGrowsAndIsTheSameAfterwards() async throws {
        try await SegmentsFixture.run { fixture in
            let (publisher, path) = try await self.start(fixture)
            let segment = try self.growing(fixture.ask(path(1)))
            var index = 0
            var (bytes, step) = self.read(segment, from: &index, fixture)
            #expect(index == 1 && bytes.getString(at: bytes.readerIndex + 4, length: 4) == "styp")
            for end in [3_200, 3_700, 4_200] as [Int64] {
                guard case .later(let future) = step else {
                    Issue.record("not waited for: \(step)")
                    return
                }
                try await fixture.send(publisher, milliseconds: end - 500..<end)
                guard case .piece(var piece) = try await future.get() else {
                    Issue.record("no piece \(index)")
                    return
                }
                bytes.writeBuffer(&piece)
                index += 1
                let rest = self.read(segment, from: &index, fixture)
                #expect(rest.bytes.readableBytes == 0)
                step = rest.next
            }
            guard case .end = step else {
                Issue.record("the segment does not end: \(step)")
                return
            }
            #expect(index == 4)
            #expect(bytes == (try self.whole(fixture.ask(path(1)))))
            publisher.end(.finished)
        }
    }

    @Test func theSegmentThatComesNextIsWaitedForAndNoOther() async throws {
        try await SegmentsFixture.run { fixture in
            let (publisher, path) = try await self.start(fixture)
            guard case .now(.notFound)? = fixture.ask(path(2)) else {
                Issue.record("what does not come next is not there")
                return
            }
            // Two segments are whole; the third has no part yet.
            try await fixture.send(publisher, milliseconds: 2_700..<4_100)
            #expect(try await self.manifest(fixture).contains(" r=\"2\"/>"))
            guard case .later(let early)? = fixture.ask(path(2)) else {
                Issue.record("the next one is not waited for")
                return
            }
            try await fixture.send(publisher, milliseconds: 4_100..<4_700)
            guard case .segment(.growing) = try await early.get() else {
                Issue.record("the next one has not come")
                return
            }
            publisher.end(.finished)
        }
    }

    @Test func theLastSegmentEndsWithThePublisher() async throws {
        try await SegmentsFixture.run { fixture in
            let (publisher, path) = try await self.start(fixture)
            let segment = try self.growing(fixture.ask(path(1)))
            var index = 0
            guard case .later(let future) = self.read(segment, from: &index, fixture).next else {
                Issue.record("nothing to wait for")
                return
            }
            publisher.end(.finished)
            guard case .piece = try await future.get() else {
                Issue.record("what was left of the segment has not come")
                return
            }
            index += 1
            guard case .end = self.read(segment, from: &index, fixture).next, case .now(.notFound)? = fixture.ask(path(2)) else {
                Issue.record("there is more behind the end")
                return
            }
            #expect(try await self.manifest(fixture).contains(" type=\"static\""))
        }
    }

    @Test func whatDoesNotFollowIsNotGivenToWhoWasPromisedTheNext() async throws {
        try await SegmentsFixture.run { fixture in
            let (publisher, path) = try await self.start(fixture)
            // Sound comes and ends segment 2; what follows needs another init segment, and there is no part of it yet.
            try await fixture.send(publisher, milliseconds: 2_700..<4_100)
            publisher.announce(Frames.audio)
            try await fixture.send(publisher, milliseconds: 4_100..<4_200)
            guard case .later(let early)? = fixture.ask(path(3)) else {
                Issue.record("the next one is not waited for: \(try await self.manifest(fixture))")
                return
            }
            try await fixture.send(publisher, milliseconds: 4_200..<8_500)
            guard case .notFound = try await early.get() else {
                Issue.record("given under the old promise")
                return
            }
            let text = try await self.manifest(fixture)
            #expect(text.split(separator: "<Period ").count == 3, "\(text)")
            // Who asks now has seen that manifest.
            _ = try self.whole(fixture.ask(path(3)))
            publisher.end(.finished)
        }
    }

    @Test func aReaderWhoseSegmentHasLeftMemoryReadsOnFromDisk() async throws {
        try await SegmentsFixture.run { fixture in
            let (publisher, path) = try await self.start(fixture)
            let segment = try self.growing(fixture.ask(path(1)))
            try await fixture.send(publisher, milliseconds: 2_700..<9_000)
            try await fixture.send(publisher, milliseconds: 9_000..<15_000)
            let whole = try #require(try await fixture.reply(path(1)))
            guard case .segment(.memory(let expected)) = whole else { throw SegmentsFixture.Unexpected(reply: "\(whole)") }
            var bytes = ByteBuffer()
            var index = 0
            reading: while index < 10 {
                var step = segment.step(index, on: fixture.group.next())
                if case .later(let future) = step { step = try await future.get() }
                switch step {
                case .piece(var piece): bytes.writeBuffer(&piece)
                case .end: break reading
                case .later, .broken:
                    Issue.record("piece \(index): \(step)")
                    return
                }
                index += 1
            }
            #expect(index == 4 && bytes == expected)
            publisher.end(.finished)
        }
    }

    @Test func withoutPartsASegmentComesWhole() async throws {
        try await SegmentsFixture.run({ $0.partDuration = nil }) { fixture in
            let (publisher, path) = try await self.start(fixture)
            #expect(!(try await self.manifest(fixture)).contains("availabilityTimeComplete"))
            guard case .later(let next)? = fixture.ask(path(1)) else {
                Issue.record("the segment that is being made is not waited for")
                return
            }
            try await fixture.send(publisher, milliseconds: 2_700..<4_200)
            guard case .segment(.memory) = try await next.get() else {
                Issue.record("it has not come")
                return
            }
            publisher.end(.finished)
        }
    }
}
