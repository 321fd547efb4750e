import AV
import Logging
import Media
import NIOCore
import RTMP
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Outputs

/// What a server sees of a stream that goes away and comes back, when something stands in for it.
@Suite(.againstHanging) struct DestinationSlateTests {
    private static let studio: @Sendable () -> SlateStudio = {
        SlateStudio(path: "slate.png", logger: Logger(label: "test"), memory: 1 << 20) { _ throws(AVFailure) in SwitchBench.loop }
    }

    /// Something of the first publisher's, the second's or the slate's, in the order of arrival.
    private func collect(
        _ sink: RTMPSink, of connection: Int = 1, into found: inout [RTMPSink.Media], until isDone: ([RTMPSink.Media]) -> Bool
    ) async throws {
        while !isDone(found) {
            guard let event = await sink.events.next() else { throw CancellationError() }
            if case .media(connection, let media) = event { found.append(media) }
        }
    }

    private func count(_ media: [RTMPSink.Media], _ whose: UInt8) -> Int { media.count { $0.isVideo && !$0.isConfiguration && $0.whose == whose } }

    private func expectContinuous(_ media: [RTMPSink.Media], longest: Int) {
        for isVideo in [true, false] {
            let times = media.filter { $0.isVideo == isVideo && !$0.isConfiguration }.map { Int($0.timestamp) }
            let steps: [Int] = zip(times, times.dropFirst()).map { $1 - $0 }
            #expect(steps.allSatisfy { (1...longest).contains($0) }, "\(times)")
        }
    }

    @Test func theSlateKeepsTheSessionAndTheStreamTakesItUpAgain() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let directory = StreamDirectory()
        let first = try TestPublisher(directory: directory)
        first.run(5)
        // It is there already: one that is still being made when the grace window is over comes too late.
        let studio = Self.studio()
        let form = try SlateForm(TestPublisher.videoTrack, frameRate: first.stream.expectedFrameRate(of: TestPublisher.videoTrack))
        try await eventually("it is made") { if case .ready = studio.slate(form, now: .now()) { true } else { false } }
        let bench = DestinationBench(
            sink.url(), stream: first.stream, timing: DestinationBench.timing { $0.grace = .milliseconds(300) },
            fill: DestinationFill(after: .milliseconds(200), limit: .hours(1), slate: studio))
        var media: [RTMPSink.Media] = []
        try await self.collect(sink, into: &media) { self.count($0, TestPublisher.mark) == 5 }
        first.publisher.end(.lost)
        // Longer than the grace window.
        try await self.collect(sink, into: &media) { self.count($0, SwitchBench.slate) >= 30 }
        let held = try #require(await bench.changes.first { $0.feeding == .slate && $0.heldUntilMilliseconds != nil })
        #expect(held.state == .live && held.contractStatus == "broadcasting")

        let second = try TestPublisher(directory: directory, start: 900_000)
        second.run(12)
        try await self.collect(sink, into: &media) { self.count($0, TestPublisher.mark) == 17 }
        #expect(await bench.changes.first { $0.feeding == .source && $0.heldUntilMilliseconds == nil } != nil)

        self.expectContinuous(media, longest: 250)
        let configurations = media.filter { $0.isVideo && $0.isConfiguration }.map { Array($0.payload.readableBytesView.dropFirst(5)) }
        #expect(configurations.map { $0 == SwitchBench.loop.track.configuration } == [false, true, false], "its own parameter sets before each")
        let pictures = media.filter { $0.isVideo && !$0.isConfiguration }
        for (one, next) in zip(pictures, pictures.dropFirst()) where one.whose != next.whose { #expect(next.isKeyframe) }
        #expect(media.count { !$0.isVideo && !$0.isConfiguration && $0.payload.readableBytes == 2 + SilentSound.packet.readableBytes } > 20)
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func aBackupStandsInAndTheSlateWhenThatGoesToo() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let directory = StreamDirectory()
        let show = try TestPublisher(directory: directory)
        show.run(5)
        let backup = try TestPublisher(directory: directory, frameSize: 700, id: "backup")
        backup.run(15)
        let stream = backup.stream
        let bench = DestinationBench(
            sink.url(), stream: show.stream, timing: DestinationBench.timing { $0.grace = .hours(1) },
            fill: DestinationFill(after: .milliseconds(200), limit: .hours(1), slate: Self.studio(), backup: { stream }))
        func backups(_ media: [RTMPSink.Media]) -> [RTMPSink.Media] { media.filter { $0.isVideo && $0.payload.readableBytes == 5 + 704 } }
        var media: [RTMPSink.Media] = []
        try await self.collect(sink, into: &media) { self.count($0, TestPublisher.mark) == 5 }
        show.publisher.end(.lost)
        try await self.collect(sink, into: &media) { backups($0).count >= 5 }
        #expect(await bench.changes.first { $0.feeding == .backup } != nil)
        #expect(backups(media).first?.isKeyframe == true && backups(media).first?.number == 10, "its newest group is there at once")
        backup.publisher.end(.lost)
        try await self.collect(sink, into: &media) { self.count($0, SwitchBench.slate) >= 10 }
        let again = try TestPublisher(directory: directory)
        again.run(10)
        try await self.collect(sink, into: &media) { self.count($0, TestPublisher.mark) - backups($0).count == 15 }
        self.expectContinuous(media, longest: 250)
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func theSlateGivesItsURLToAnotherStreamThatIsThere() async throws {
        let sink = try await RTMPSink.start(.takesAll, .takesAll)
        let directory = StreamDirectory()
        let network = DestinationNetwork()
        let first = try TestPublisher(directory: directory)
        first.run(5)
        let fill = DestinationFill(after: .milliseconds(200), limit: .hours(1), slate: Self.studio())
        let timing = DestinationBench.timing { $0.grace = .hours(1) }
        let one = DestinationBench(sink.url(), stream: first.stream, network: network, timing: timing, fill: fill)
        var media: [RTMPSink.Media] = []
        try await self.collect(sink, into: &media) { self.count($0, TestPublisher.mark) == 5 }
        first.publisher.end(.lost)
        // By itself it would go on for an hour.
        #expect(await one.changes.first { $0.feeding == .slate } != nil)
        let second = try TestPublisher(directory: directory, id: "other")
        second.run(5)
        let two = DestinationBench(sink.url(), stream: second.stream, network: network, timing: timing, fill: fill)
        #expect(await one.changes.first { $0.state == .idle && $0.contractStatus == "finished" } != nil)
        #expect(await two.reaches(.live) != nil)
        await one.destination.stop()
        await two.destination.stop()
        try await sink.stop()
    }

    @Test func aBackupIsAskedForOnlyWhileTheStreamIsAway() async throws {
        let sink = try await RTMPSink.start(.takesAll, .takesAll)
        let show = try TestPublisher()
        show.run(5)
        let asked = Mutex(0)
        let bench = DestinationBench(
            sink.url(), stream: show.stream, timing: DestinationBench.timing { $0.grace = .hours(1) },
            fill: DestinationFill(after: .hours(1), limit: .hours(2), wanted: { asked.withLock { $0 += 1 } }))
        var media: [RTMPSink.Media] = []
        try await self.collect(sink, into: &media) { self.count($0, TestPublisher.mark) == 5 }
        await bench.destination.stop()
        #expect(asked.withLock { $0 } == 0)
        let again = DestinationBench(
            sink.url(), stream: show.stream, fill: DestinationFill(after: .milliseconds(200), wanted: { asked.withLock { $0 += 1 } }))
        try await eventually("asked again and again") { asked.withLock { $0 } >= 2 }
        await again.destination.stop()
        try await sink.stop()
    }

    @Test func aServerThatIsLostMeanwhileGetsTheSlateInANewSession() async throws {
        let sink = try await RTMPSink.start(.hangsUp(after: 40), .takesAll)
        let show = try TestPublisher()
        show.run(5)
        let bench = DestinationBench(
            sink.url(), stream: show.stream, timing: DestinationBench.timing { $0.grace = .hours(1) },
            fill: DestinationFill(after: .milliseconds(200), limit: .hours(1), slate: Self.studio()))
        await bench.reaches(.live)
        show.publisher.end(.lost)
        var media: [RTMPSink.Media] = []
        try await self.collect(sink, of: 2, into: &media) { self.count($0, SwitchBench.slate) >= 10 }
        let first = try #require(media.first { $0.isVideo && !$0.isConfiguration })
        #expect(first.isKeyframe && first.timestamp == 0)
        self.expectContinuous(media, longest: 100)
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func theSlateEndsAtItsLimit() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let show = try TestPublisher()
        show.run(5)
        let bench = DestinationBench(
            sink.url(), stream: show.stream, timing: DestinationBench.timing { $0.grace = .milliseconds(200) },
            fill: DestinationFill(after: .milliseconds(200), limit: .seconds(5), slate: Self.studio()))
        // Until a slate is ready there is nothing to wait for.
        var media: [RTMPSink.Media] = []
        try await self.collect(sink, into: &media) { self.count($0, SwitchBench.slate) >= 5 }
        #expect(bench.destination.status.heldUntilMilliseconds == nil, "it is connected, and silent")
        show.publisher.end(.lost)
        #expect(await sink.next { if case .finished(1) = $0 { true } else { nil } } == true)
        let status = try #require(await bench.reaches(.idle))
        #expect(status.contractStatus == "finished" && status.feeding == nil)
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func aStreamThatNoSlateCanBeMadeForIsHeldAsBefore() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        var track = TestPublisher.videoTrack
        track.codec = .vp9
        let show = try TestPublisher(tracks: [track, TestPublisher.audioTrack])
        show.run(5)
        let bench = DestinationBench(
            sink.url(), stream: show.stream, timing: DestinationBench.timing { $0.grace = .milliseconds(600) },
            fill: DestinationFill(after: .milliseconds(100), limit: .hours(1), slate: Self.studio()))
        let told = try #require(await bench.changes.first { $0.slateProblem != nil })
        #expect(told.slateProblem?.contains("vp9") == true)
        show.publisher.end(.lost)
        #expect(await sink.next { if case .finished(1) = $0 { true } else { nil } } == true)
        #expect(bench.log.all.count { $0.contains("no slate for a destination") } == 1)
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func silenceThatWasAddedGoesOnWithTheSlate() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let directory = StreamDirectory()
        func publisher() throws -> TestPublisher { try TestPublisher(directory: directory, tracks: [TestPublisher.videoTrack]) }
        let first = try publisher()
        for _ in 0..<10 { first.picture() }
        let bench = DestinationBench(
            sink.url(), stream: first.stream, timing: DestinationBench.timing { $0.grace = .hours(1) }, addsSilence: true,
            fill: DestinationFill(after: .milliseconds(200), limit: .hours(1), slate: Self.studio()))
        var media: [RTMPSink.Media] = []
        try await self.collect(sink, into: &media) { self.count($0, TestPublisher.mark) == 10 }
        first.publisher.end(.lost)
        try await self.collect(sink, into: &media) { self.count($0, SwitchBench.slate) >= 20 }
        let second = try publisher()
        for _ in 0..<10 { second.picture() }
        try await self.collect(sink, into: &media) { self.count($0, TestPublisher.mark) == 20 }
        self.expectContinuous(media, longest: 130)
        #expect(media.count { !$0.isVideo && !$0.isConfiguration } > 40)
        await bench.destination.stop()
        try await sink.stop()
    }
}

extension TestPublisher {
    /// What its payloads begin with.
    static let mark: UInt8 = 0xAB
}

extension RTMPSink.Media {
    /// The first byte of a picture's payload, behind the tag's header.
    fileprivate var whose: UInt8? { self.payload.getInteger(at: self.payload.readerIndex + 5) }
}
