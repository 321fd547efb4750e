import Media
import NIOCore
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Outputs

@Suite(.againstHanging) struct SegmentsLifecycleTests {
    @Test func theEndIsAnnouncedAndStaysForTheWindowsLength() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            SegmentsFixture.send(publisher, from: 0, to: 9)
            _ = try await fixture.playlist("demo.m3u8")
            publisher.end(.finished)
            try await fixture.settle()
            let playlist = try await fixture.playlist("demo.m3u8")
            #expect(playlist.isEnded)
            try await fixture.tick(at: 29)
            #expect(try await fixture.playlist("demo.m3u8", at: 29).isEnded)
            for segment in playlist.segments {
                guard case .now(.segment)? = fixture.ask(segment.uri, at: 29) else {
                    Issue.record("gone: \(segment.uri)")
                    continue
                }
            }
            try await fixture.tick(at: 35)
            #expect(fixture.ask("demo.m3u8", at: 35) == nil)
            #expect(fixture.ask(playlist.segments[0].uri, at: 35) == nil)
            #expect(try fixture.files() == [])
            #expect(fixture.hls.state.withLock { $0.broadcasts.count + $0.runs.count + $0.retired.count } == 0)
        }
    }

    @Test func theEndOfOneBroadcastTouchesNoOther() async throws {
        try await SegmentsFixture.run { fixture in
            let test = try fixture.publish("test")
            let test2 = try fixture.publish("test2")
            for publisher in [test, test2] { SegmentsFixture.send(publisher, from: 0, to: 4) }
            _ = try await fixture.playlist("test.m3u8")
            _ = try await fixture.playlist("test2.m3u8")
            try await fixture.stream([test, test2], from: 4, to: 24)
            let before = try fixture.files().count
            #expect(before > 10)
            test.end(.finished)
            try await fixture.settle()
            try await fixture.tick(at: 40)
            #expect(fixture.ask("test.m3u8", at: 40) == nil)
            let left = try await fixture.playlist("test2.m3u8", at: 40)
            #expect(left.segments.count > 8)
            for segment in left.segments {
                guard case .now(.segment)? = fixture.ask(segment.uri, at: 40) else {
                    Issue.record("gone: \(segment.uri)")
                    continue
                }
            }
            #expect(try fixture.files().count == before / 2)
            test2.end(.finished)
        }
    }

    @Test func aPublisherThatComesBackSoonGoesOnWithTheNumbersAndTheOldSegmentsStay() async throws {
        try await SegmentsFixture.run { fixture in
            let first = try fixture.publish("demo")
            SegmentsFixture.send(first, from: 0, to: 9)
            _ = try await fixture.playlist("demo.m3u8")
            first.end(.finished)
            try await fixture.settle()
            let ended = try await fixture.playlist("demo.m3u8")
            #expect(ended.isEnded)
            let second = try fixture.publish("demo")
            SegmentsFixture.send(second, from: 0, to: 9)
            _ = try await fixture.playlist("demo.m3u8", at: 5)
            try await fixture.settle()
            let after = try await fixture.playlist("demo.m3u8", at: 5)
            #expect(!after.isEnded)
            #expect(after.mediaSequence == ended.mediaSequence)
            #expect(after.targetDuration == ended.targetDuration)
            #expect(after.segments.count > ended.segments.count)
            #expect(after.segments[ended.segments.count].isDiscontinuity)
            #expect(Set(after.segments.map(\.map)).count == 2)
            // What was to happen at the first session's end does not happen to the second.
            try await fixture.tick(at: 45)
            for segment in after.segments {
                guard case .now(.segment)? = fixture.ask(segment.uri, at: 45) else {
                    Issue.record("gone: \(segment.uri)")
                    continue
                }
            }
            second.end(.finished)
        }
    }

    @Test func aFirstSessionsFolderGoesWithItsLastSegmentWhileTheSecondRuns() async throws {
        try await SegmentsFixture.run { fixture in
            let first = try fixture.publish("demo")
            SegmentsFixture.send(first, from: 0, to: 3)
            _ = try await fixture.playlist("demo.m3u8")
            try await fixture.stream([first], from: 3, to: 12)
            first.end(.finished)
            try await fixture.settle()
            let second = try fixture.publish("demo")
            _ = try await fixture.playlist("demo.m3u8")
            SegmentsFixture.send(second, from: 0, to: 1)
            try await fixture.stream([second], from: 1, to: 60)
            _ = fixture.ask("demo.m3u8", at: 100)
            try await fixture.tick(at: 120)
            #expect(Set(try fixture.files().map { $0.split(separator: "/")[0] }).count == 1)
            #expect(try await fixture.playlist("demo.m3u8", at: 121).discontinuitySequence == 1)
            second.end(.finished)
        }
    }

    @Test func aPublisherThatComesBackLateStartsAfresh() async throws {
        try await SegmentsFixture.run { fixture in
            let first = try fixture.publish("demo")
            SegmentsFixture.send(first, from: 0, to: 5)
            let before = try await fixture.playlist("demo.m3u8")
            first.end(.finished)
            try await fixture.settle()
            try await fixture.tick(at: 40)
            let second = try fixture.publish("demo")
            SegmentsFixture.send(second, from: 0, to: 5)
            let after = try await fixture.playlist("demo.m3u8", at: 41)
            #expect(after.mediaSequence == 0)
            #expect(after.segments[0].uri != before.segments[0].uri)
            second.end(.finished)
        }
    }

    @Test func packagingStopsWhenNobodyAsksAndStartsAgainWithoutGoingBack() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            SegmentsFixture.send(publisher, from: 0, to: 9)
            let before = try await fixture.playlist("demo.m3u8")
            try await fixture.tick(at: 60)
            #expect(fixture.hls.usage().packaged == 1)
            try await fixture.tick(at: 61)
            #expect(fixture.hls.usage().packaged == 0)
            let stream = try #require(fixture.streams.find(StreamKey("demo")))
            #expect(stream.readerCount == 0)
            // A viewer who still has the playlist can finish it.
            guard case .now(.segment)? = fixture.ask(before.segments[0].uri, at: 62) else {
                Issue.record("gone at once")
                return
            }
            SegmentsFixture.send(publisher, from: 9, to: 15)
            let after = try await fixture.playlist("demo.m3u8", at: 70)
            #expect(!after.isEnded)
            #expect(after.mediaSequence > before.mediaSequence)
            #expect(after.segments[0].isDiscontinuity)
            try await fixture.tick(at: 100)
            #expect(fixture.ask(before.segments[0].uri, at: 100) == nil)
            publisher.end(.finished)
        }
    }

    @Test func endedBroadcastsMayBeKeptOnDiskUpToALimit() async throws {
        try await SegmentsFixture.run({
            $0.deleteOnEnd = false
            $0.keptRuns = 2
        }) { fixture in
            for number in 0..<3 {
                let publisher = try fixture.publish("demo\(number)")
                SegmentsFixture.send(publisher, from: 0, to: 7)
                _ = try await fixture.playlist("demo\(number).m3u8")
                publisher.end(.finished)
                try await fixture.settle()
            }
            try await fixture.tick(at: 100)
            try await fixture.tick(at: 101)
            #expect(fixture.hls.usage().memoryBytes == 0)
            let kept = try await (0..<3).asyncCount { number in try await fixture.reply("demo\(number).m3u8", at: 102) != nil }
            #expect(kept == 2)
            #expect(Set(try fixture.files().map { $0.split(separator: "/")[0] }).count == 2)
        }
    }

    @Test func stoppingAnswersWhoWaitsAndRemovesEverything() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            let waiting = try fixture.publish("waiting")
            SegmentsFixture.send(publisher, from: 0, to: 15)
            _ = try await fixture.playlist("demo.m3u8")
            guard case .later(let reply)? = fixture.ask("waiting.m3u8") else {
                Issue.record("expected to wait")
                return
            }
            await fixture.hls.stop()
            guard case .notFound = try await reply.get() else {
                Issue.record("expected notFound")
                return
            }
            #expect(try fixture.files() == [])
            #expect(fixture.ask("demo.m3u8") == nil)
            publisher.end(.finished)
            waiting.end(.finished)
        }
    }
}

extension Range<Int> {
    func asyncCount(_ isCounted: (Int) async throws -> Bool) async throws -> Int {
        var count = 0
        for number in self where try await isCounted(number) { count += 1 }
        return count
    }
}
