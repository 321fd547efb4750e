import AV
import Foundation
import Media
import NIOCore
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Outputs

/// What live HLS has kept, as it becomes files and goes.
@Suite(.againstHanging) struct SegmentsKeepingTests {
    private static let low = Rendition(height: 480, width: 854, videoBitrate: 900_000, audioBitrate: 0)

    private final class Owner {}
    private let owner = Owner()

    private func write(_ kept: KeptHLS, in folder: TestFolder, hasRoom: (Int64) -> Bool = { _ in true }) throws(AVFailure) -> KeptHLS.Written {
        try kept.write(to: { folder.path("\($0)") }, hasRoom: hasRoom, interrupt: Interrupt(), onProgress: { _ in })
    }

    /// Six segments of two seconds, of which the older ones are on the disk.
    private func publish(_ fixture: SegmentsFixture) async throws -> Publisher {
        let publisher = try fixture.publish("demo")
        SegmentsFixture.send(publisher, from: 0, to: 3)
        _ = try await fixture.playlist("demo.m3u8")
        try await fixture.stream([publisher], from: 3, to: 13)
        return publisher
    }

    private func removeSegment(_ number: Int, _ fixture: SegmentsFixture) throws {
        let name = try #require(try fixture.files().first { $0.hasSuffix("/\(number).m4s") })
        try FileManager.default.removeItem(atPath: "\(fixture.directory)/\(name)")
    }

    @Test func whatIsRemovedTakesItsRenditionsAlong() async throws {
        try await SegmentsFixture.run({ $0.deleteOnEnd = false }) { fixture in
            let source = try fixture.publish("demo")
            let rendition = try fixture.publish(Self.low, of: "demo", by: self.owner)
            _ = fixture.ask("demo.m3u8")
            for second in 0..<10 {
                for publisher in [source, rendition] { SegmentsFixture.send(publisher, from: second, to: second + 1) }
                try await fixture.settle()
            }
            let segment = try #require(try await fixture.playlist("demo_480p900kbps.m3u8").segments.first)
            let live = try #require(fixture.hls.kept("demo"))
            #expect(!fixture.hls.removeKept(live), "who watches needs it")
            for publisher in [rendition, source] { publisher.end(.finished) }
            try await fixture.settle()
            #expect(Set(try fixture.files().map { $0.split(separator: "/")[0] }).count == 2)

            let kept = try #require(fixture.hls.kept("demo"))
            #expect(fixture.hls.removeKept(kept))
            try await fixture.settle()
            #expect(try fixture.files() == [])
            #expect(fixture.hls.state.withLock { $0.runs.count + $0.retired.count } == 0)
            for path in ["demo.m3u8", "demo_480p900kbps.m3u8", segment.uri] { #expect(fixture.ask(path) == nil, "\(path)") }
            #expect(!fixture.hls.removeKept(kept), "it is gone")
            let folder = try TestFolder("kept")
            let failure = #expect(throws: AVFailure.self) { try self.write(kept, in: folder) }
            #expect(failure?.cause == .invalidData)
        }
    }

    /// A rendition is kept by the name of its playlist, and goes without its source.
    @Test func aRenditionIsKeptByItself() async throws {
        try await SegmentsFixture.run({ $0.deleteOnEnd = false }) { fixture in
            let source = try fixture.publish("demo")
            let rendition = try fixture.publish(Self.low, of: "demo", by: self.owner)
            _ = fixture.ask("demo.m3u8")
            for second in 0..<10 {
                SegmentsFixture.send(source, from: second, to: second + 1)
                SegmentsFixture.send(rendition, from: second, to: second + 1, bytesPerSecond: 1_000)
                try await fixture.settle()
            }
            let live = try #require(fixture.hls.kept("demo", rendition: "demo_480p900kbps"))
            #expect(live.height == 480)
            #expect(!fixture.hls.removeKept(live.kept), "who watches needs it")
            for other in ["demo", "demo_480p901kbps", "demo_adaptive"] { #expect(fixture.hls.kept("demo", rendition: other) == nil) }
            for publisher in [rendition, source] { publisher.end(.finished) }
            try await fixture.settle()

            let (kept, _) = try #require(fixture.hls.kept("demo", rendition: "demo_480p900kbps"))
            let whole = try #require(fixture.hls.kept("demo"))
            let (one, two) = (try TestFolder("kept"), try TestFolder("kept"))
            let (low, own) = (try self.write(kept, in: one), try self.write(whole, in: two))
            #expect(low.bytes > 0 && low.bytes < own.bytes)
            #expect(fixture.hls.removeKept(kept))
            #expect(!fixture.hls.removeKept(kept), "it is gone")
            try await fixture.settle()
            #expect(fixture.ask("demo_480p900kbps.m3u8") == nil)
            #expect(try await fixture.playlist("demo.m3u8").isEnded)
            #expect(fixture.hls.removeKept(whole))
            try await fixture.settle()
            #expect(try fixture.files() == [])
        }
    }

    @Test func whatHasGoneOnSinceIsNotRemoved() async throws {
        try await SegmentsFixture.run { fixture in
            let first = try fixture.publish("demo")
            SegmentsFixture.send(first, from: 0, to: 9)
            _ = try await fixture.playlist("demo.m3u8")
            first.end(.finished)
            try await fixture.settle()
            let before = try #require(fixture.hls.kept("demo"))
            let second = try fixture.publish("demo")
            SegmentsFixture.send(second, from: 0, to: 9)
            _ = try await fixture.playlist("demo.m3u8", at: 5)
            try await fixture.settle()
            second.end(.finished)
            try await fixture.settle()
            #expect(!fixture.hls.removeKept(before))
            #expect(try await fixture.playlist("demo.m3u8", at: 6).isEnded)
            let after = try #require(fixture.hls.kept("demo"))
            #expect(fixture.hls.removeKept(after))
            #expect(fixture.ask("demo.m3u8", at: 6) == nil)
        }
    }

    /// Whoever asks first wakes the packager, and the publisher may be gone by then.
    @Test func aPublisherWhoIsGoneBeforeItIsPackagedLeavesNobodyWaiting() async throws {
        try await SegmentsFixture.run { fixture in
            let first = try fixture.publish("demo")
            SegmentsFixture.send(first, from: 0, to: 9)
            _ = try await fixture.playlist("demo.m3u8")
            first.end(.finished)
            try await fixture.settle()
            let second = try fixture.publish("demo")
            _ = fixture.ask("demo.m3u8", at: 5)
            second.end(.finished)
            try await fixture.settle()
            #expect(try await fixture.playlist("demo.m3u8", at: 6).isEnded)
        }
    }

    @Test func theFileBeginsBehindWhatHasGone() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try await self.publish(fixture)
            let kept = try #require(fixture.hls.kept("demo"))
            let (one, two) = (try TestFolder("kept"), try TestFolder("kept"))
            let whole = try self.write(kept, in: one)
            try self.removeSegment(0, fixture)
            let rest = try self.write(kept, in: two)
            #expect(whole.paths.count == 1 && rest.paths.count == 1)
            #expect(rest.bytes > 0 && rest.bytes < whole.bytes)
            #expect(FileManager.default.contents(atPath: rest.paths[0])?.count == Int(rest.bytes))
            let start = try #require(whole.startMilliseconds)
            #expect(start == kept.startMilliseconds)
            #expect(try #require(rest.startMilliseconds) > start, "and says so")
            publisher.end(.finished)
        }
    }

    @Test func aFileHasNoHoleInIt() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try await self.publish(fixture)
            let kept = try #require(fixture.hls.kept("demo"))
            try self.removeSegment(1, fixture)
            let folder = try TestFolder("kept")
            let failure = #expect(throws: AVFailure.self) { try self.write(kept, in: folder) }
            #expect(failure?.cause == .invalidData)
            publisher.end(.finished)
        }
    }

    @Test func thereMustBeRoomForThePiecesAndForTheWhole() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try await self.publish(fixture)
            let kept = try #require(fixture.hls.kept("demo"))
            let measured = try TestFolder("kept")
            let bytes = try self.write(kept, in: measured).bytes
            for (room, isEnough) in [(bytes * 2, true), (bytes * 2 - 1, false), (bytes, false)] {
                let folder = try TestFolder("kept")
                let hasRoom: (Int64) -> Bool = { wanted in
                    room - Int64(FileManager.default.contents(atPath: folder.path("0"))?.count ?? 0) >= wanted
                }
                if isEnough {
                    #expect(try self.write(kept, in: folder, hasRoom: hasRoom).bytes == bytes)
                } else {
                    let failure = #expect(throws: AVFailure.self) { try self.write(kept, in: folder, hasRoom: hasRoom) }
                    #expect(failure?.cause == .noSpace)
                }
            }
            publisher.end(.finished)
        }
    }
}
