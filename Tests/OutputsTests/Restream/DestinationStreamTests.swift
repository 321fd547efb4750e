import Media
import NIOCore
import RTMP
import Streams
import TestSupport
import Testing

@testable import Outputs

/// What the stream's life does to its destinations.
@Suite(.againstHanging) struct DestinationStreamTests {
    @Test func nothingIsOpenedForAnIdleStreamUntilItGoesLive() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let directory = StreamDirectory()
        let bench = DestinationBench(sink.url(), stream: directory.open(StreamKey("show")))
        #expect(bench.destination.status.state == .idle)
        #expect(bench.destination.status.contractStatus == "created")
        let show = try TestPublisher(directory: directory)
        show.run(3)
        await bench.reaches(.live)
        #expect(try await sink.media(8).last?.number == 2)
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func theEndOfTheStreamEndsTheSessionAndItsReturnOpensANewOne() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let directory = StreamDirectory()
        let first = try TestPublisher(directory: directory)
        first.run(3)
        let bench = DestinationBench(sink.url(), stream: first.stream)
        await bench.reaches(.live)
        first.run(2)
        first.publisher.end(.finished)
        let media = try await sink.media(12)
        #expect(media.last?.number == 4, "everything before the end is delivered")
        #expect(await sink.next { if case .finished(1) = $0 { true } else { nil } } == true)
        #expect(await sink.next { if case .closed(1) = $0 { true } else { nil } } == true)
        let status = try #require(await bench.reaches(.idle))
        #expect(status.contractStatus == "finished")

        let second = try TestPublisher(directory: directory)
        second.run(3)
        let again = try await sink.media(3, of: 2)
        #expect(again[2].isKeyframe && again[2].timestamp == 0)
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func aPublisherThatIsBackWithinTheGraceWindowGoesOnInTheSameSession() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let directory = StreamDirectory()
        let first = try TestPublisher(directory: directory)
        first.run(5)
        let bench = DestinationBench(sink.url(), stream: first.stream, timing: DestinationBench.timing { $0.grace = .hours(1) })
        let before = try await sink.media(12)
        first.publisher.end(.lost)
        let held = try #require(await bench.changes.first { $0.heldUntilMilliseconds != nil })
        #expect(held.state == .live)

        let second = try TestPublisher(directory: directory, start: 900_000)
        second.run(12)
        let after = try await sink.media(24)
        #expect(after[0].isKeyframe && after[0].number == 0)
        for kind in [true, false] {
            let times = (before + after).filter { $0.isVideo == kind && !$0.isConfiguration }.map { Int($0.timestamp) }
            let steps: [Int] = zip(times, times.dropFirst()).map { $1 - $0 }
            #expect(steps.allSatisfy { (1..<1_000).contains($0) }, "\(times)")
        }
        #expect(bench.destination.status.heldUntilMilliseconds == nil)
        #expect(bench.destination.status.attempts == 0)
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func aSessionIsEndedWhenTheGraceWindowIsOver() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let show = try TestPublisher()
        show.run(5)
        let bench = DestinationBench(sink.url(), stream: show.stream, timing: DestinationBench.timing { $0.grace = .milliseconds(300) })
        await bench.reaches(.live)
        show.publisher.end(.lost)
        #expect(await sink.next { if case .finished(1) = $0 { true } else { nil } } == true)
        let status = try #require(await bench.reaches(.idle))
        #expect(status.contractStatus == "finished" && status.heldUntilMilliseconds == nil)
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func picturesWithoutSoundArriveWithSilence() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let show = try TestPublisher(tracks: [TestPublisher.videoTrack])
        for _ in 0..<30 { show.picture() }
        let bench = DestinationBench(sink.url(), stream: show.stream, addsSilence: true)
        let metadata = try #require(await sink.next { if case .metadata(1, let metadata) = $0 { metadata } else { nil } })
        #expect(metadata.audioCodec == .aac)
        // Pictures 20 to 29: 360 ms, in which seventeen packets begin.
        let media = try await sink.media(2 + 10 + 17)
        let sounds = media.filter { !$0.isVideo && !$0.isConfiguration }
        let due = (0..<17).map { (number: Int) in UInt32(number * 64 / 3) }
        #expect(sounds.map(\.timestamp) == due)
        #expect(media.contains { !$0.isVideo && $0.isConfiguration })
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func aHundredDestinationsOfOneStreamLoseNothing() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let show = try TestPublisher()
        show.run(1)
        let network = DestinationNetwork()
        let benches = (0..<100).map { DestinationBench(sink.url("key\($0)"), stream: show.stream, network: network) }
        for bench in benches { await bench.reaches(.live) }
        // All at once, and less than may wait for a destination.
        show.run(99)
        var numbers: [Int: [Int]] = [:]
        while numbers.values.count(where: { $0.count == 100 }) < 100, let event = await sink.events.next() {
            guard case .media(let connection, let media) = event, media.isVideo, let number = media.number else { continue }
            numbers[connection, default: []].append(number)
        }
        #expect(numbers.count == 100)
        for numbers in numbers.values { #expect(numbers == Array(0..<100)) }
        for bench in benches {
            #expect(bench.destination.status.droppedFrames == 0)
            await bench.destination.stop()
        }
        try await sink.stop()
    }

    @Test func anotherPublisherIsCarriedOnTheSameSession() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let directory = StreamDirectory()
        let first = try TestPublisher(directory: directory, credential: "same")
        first.run(5)
        let bench = DestinationBench(sink.url(), stream: first.stream)
        let before = try await sink.media(12)
        #expect(before.last?.number == 4)

        var wider = TestPublisher.videoTrack
        wider.configuration[1] = 0x4D
        let second = try TestPublisher(
            directory: directory, tracks: [wider, TestPublisher.audioTrack], credential: "same", start: 900_000)
        second.run(5)
        let after = try await sink.media(2 + 10)
        #expect(after[0].isVideo && after[0].isConfiguration, "the new sequence headers")
        #expect(after[1].isConfiguration && !after[1].isVideo)
        #expect(after[2].isKeyframe && after[2].number == 0)
        #expect(after[2].timestamp > 165 && after[2].timestamp < 1000, "times go on from where the first publisher stood")
        for kind in [true, false] {
            let times = (before + after).filter { $0.isVideo == kind }.map(\.timestamp)
            #expect(times == times.sorted())
        }
        #expect(bench.destination.status.state == .live)
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func aHangingDestinationCostsTheOtherOneNothing() async throws {
        let good = try await RTMPSink.start(.takesAll)
        let bad = try await RTMPSink.start(.stopsReading)
        let show = try TestPublisher(frameSize: 60_000)
        show.run(1)
        let timing = DestinationBench.timing {
            $0.stall = .hours(1)
            // It reads no goodbye.
            $0.close = .milliseconds(900)
        }
        let hanging = DestinationBench(bad.url(), stream: show.stream, timing: timing)
        let healthy = DestinationBench(good.url(), stream: show.stream)
        await hanging.reaches(.live)
        await healthy.reaches(.live)
        var numbers: [Int] = (try await good.media(4)).compactMap(\.number)
        for _ in 0..<30 {  // 300 pictures of 60 kB: far more than the hanging one's queue of 8 MiB
            show.run(10)
            numbers += (try await good.media(20)).filter(\.isVideo).compactMap(\.number)
        }
        #expect(numbers.filter { $0 > 0 } == Array(1...300))
        #expect(healthy.destination.status.droppedFrames == 0)
        #expect(hanging.destination.status.state == .live)
        await hanging.destination.stop()
        #expect(hanging.destination.status.droppedFrames > 100)
        await healthy.destination.stop()
        try await good.stop()
        try await bad.stop()
    }

    @Test func twoDestinationsWithOneURLNeverHaveTwoSessions() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let network = DestinationNetwork()
        let show = try TestPublisher()
        show.run(3)
        let first = DestinationBench(sink.url(), stream: show.stream, network: network)
        await first.reaches(.live)
        let second = DestinationBench(sink.url().replacing("rtmp", with: "RTMP"), stream: show.stream, network: network)
        let waiting = try #require(await second.reaches(.connecting))
        #expect(waiting.contractStatus == "preparing")
        #expect(network.registry.openCount == 1)
        await first.destination.stop()
        await second.reaches(.live)
        var order: [String] = []
        while order.count < 3, let event = await sink.events.next() {
            switch event {
            case .opened(let number): order.append("opened \(number)")
            // Not its close, which the sink tells on another loop than the next one's opening.
            case .finished(let number): order.append("finished \(number)")
            default: break
            }
        }
        #expect(order == ["opened 1", "finished 1", "opened 2"])
        await second.destination.stop()
        #expect(network.registry.openCount == 0)
        try await sink.stop()
    }

    @Test func aDestinationThatIsForgottenClosesItsSession() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let show = try TestPublisher()
        show.run(3)
        do {
            let bench = DestinationBench(sink.url(), stream: show.stream)
            await bench.reaches(.live)
        }
        #expect(await sink.next { if case .closed(1) = $0 { true } else { nil } } == true)
        try await sink.stop()
    }

    @Test func manyStartsAndStopsAreHarmless() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let show = try TestPublisher()
        show.run(3)
        let bench = DestinationBench(sink.url(), stream: show.stream)
        bench.destination.start()
        await bench.reaches(.live)
        bench.destination.start()
        async let one: Void = bench.destination.stop()
        async let two: Void = bench.destination.stop()
        _ = await (one, two)
        await bench.destination.stop()
        bench.destination.start()
        #expect(bench.destination.status.state == .stopped)
        #expect(show.stream.readerCount == 0)
        try await sink.stop()
    }
}
