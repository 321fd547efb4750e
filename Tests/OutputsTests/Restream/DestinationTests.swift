import Media
import NIOCore
import RTMP
import Streams
import TestSupport
import Testing

@testable import Outputs

/// Real sockets on loopback, against `RTMPSink`.
@Suite(.againstHanging) struct DestinationTests {
    @Test func aPushArrivesWithMetadataHeadersAKeyframeAndTimesFromZero() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let show = try TestPublisher()
        show.run(17)  // joined in the middle of the second group
        let bench = DestinationBench(sink.url("key?token=x&y=/z"), stream: show.stream)

        let command = try #require(await sink.next { if case .publish(1, let command) = $0 { command } else { nil } })
        #expect(command.path.app == "live")
        #expect(command.path.id == "key")
        #expect(command[parameter: "token"] == "x")
        #expect(command[parameter: "y"] == "/z")
        #expect(command.kind == "live")
        #expect(!command.tcURL.contains("token"))
        let metadata = try #require(await sink.next { if case .metadata(1, let metadata) = $0 { metadata } else { nil } })
        #expect(metadata.width == 1280 && metadata.height == 720 && metadata.frameRate == 25)
        #expect(metadata.videoCodec == .h264 && metadata.audioCodec == .aac)

        show.run(10)
        let media = try await sink.media(2 + 33)
        #expect(media[0].isVideo && media[0].isConfiguration && media[0].timestamp == 0)
        #expect(media[0].payload.readableBytesView.dropFirst(5).elementsEqual(TestPublisher.videoTrack.configuration))
        #expect(!media[1].isVideo && media[1].isConfiguration && media[1].timestamp == 0)
        let frames = media[2...]
        let first = try #require(frames.first)
        #expect(first.isKeyframe && first.timestamp == 0 && first.number == 10)
        #expect(first.compositionTime == 0)
        for kind in [true, false] {
            let ofKind = frames.filter { $0.isVideo == kind }
            let offset = kind ? 0 : 5
            let expected = ofKind.indices.map { index in UInt32(index * 40 + offset) }
            #expect(ofKind.map(\.timestamp) == expected)
            #expect(ofKind.compactMap(\.number) == Array(10..<(10 + ofKind.count)))
        }
        let shifted = frames.filter { $0.isVideo && ($0.number ?? 0).isMultiple(of: 3) }
        #expect(!shifted.isEmpty && shifted.allSatisfy { $0.compositionTime == 80 })

        let status = try #require(await bench.reaches(.live))
        #expect(status.contractStatus == "broadcasting")
        #expect(status.connectedAtMilliseconds != nil && status.lastError == nil)
        await bench.destination.stop()
        #expect(bench.destination.status.state == .stopped)
        #expect(bench.destination.status.contractStatus == "finished")
        #expect(bench.destination.status.bytesSent > 33 * 40)
        #expect(bench.destination.status.droppedFrames == 0)
        #expect(await sink.next { if case .finished(1) = $0 { true } else { nil } } == true, "FCUnpublish or deleteStream was said")
        #expect(await sink.next { if case .closed(1) = $0 { true } else { nil } } == true)
        try await sink.stop()
    }

    @Test func theKeyIsNeitherLoggedNorShown() async throws {
        let sink = try await RTMPSink.start(.refuses(.publishBadName("secretkey is busy\r\nfake line")))
        let show = try TestPublisher()
        show.run(1)
        let bench = DestinationBench(sink.url("secretkey?token=hiddentoken"), stream: show.stream)
        let status = try #require(await bench.reaches(.retrying))
        await bench.destination.stop()
        #expect(status.errorClass == .refusedKey)
        let error = try #require(status.lastError)
        #expect(error.contains("BadName") && error.contains("*** is busy  fake line"))
        let everything = bench.log.all.joined(separator: "\n") + error
        #expect(!everything.contains("secretkey") && !everything.contains("hiddentoken"))
        #expect(bench.log.all.contains { $0.contains("rtmp://127.0.0.1:\(sink.port)/live/***") })
        try await sink.stop()
    }

    @Test func aServerThatHangsUpIsConnectedAgainFromAFreshKeyframe() async throws {
        let sink = try await RTMPSink.start(.hangsUp(after: 12), .takesAll)
        let show = try TestPublisher()
        show.run(4)  // two messages short of the hang-up
        let network = DestinationNetwork()
        let bench = DestinationBench(sink.url(), stream: show.stream, network: network)
        #expect(await sink.next { if case .publish(1, _) = $0 { true } else { nil } } == true)
        // Stands in line for the URL, so that the second session begins only after more has been published.
        let line = EventLog<DestinationURLRegistry.Lease>()
        _ = network.registry.acquire(try PushTarget.parse(sink.url()).get().identity) { line.add($0) }
        show.run(1)
        let lease = try #require(await line.next())
        show.run(8)
        lease.release()
        let status = try #require(await bench.reaches(.retrying))
        #expect(status.contractStatus == "error")
        #expect(status.attempts == 1)
        #expect(status.nextTryAtMilliseconds != nil)
        let media = try await sink.media(4, of: 2)
        #expect(media[0].isConfiguration && media[1].isConfiguration)
        #expect(media[2].isKeyframe && media[2].timestamp == 0)
        #expect(media[2].number == 10, "what waited from before is not sent")
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func whoWaitsForAURLSaysSo() async throws {
        let sink = try await RTMPSink.start(.takesAll, .takesAll)
        let show = try TestPublisher()
        show.run(2)
        let network = DestinationNetwork()
        let first = DestinationBench(sink.url(), stream: show.stream, network: network)
        await first.reaches(.live)
        let second = DestinationBench(sink.url(), stream: show.stream, network: network)
        let waiting = try #require(await second.reaches(.connecting))
        #expect(waiting.errorClass == .urlInUse && waiting.contractStatus == "preparing" && waiting.attempts == 0)
        #expect(waiting.lastError == "waits until an earlier or another session to the same URL has ended")
        await first.destination.stop()
        let live = try #require(await second.reaches(.live))
        #expect(live.errorClass == nil && live.lastError == nil)
        await second.destination.stop()
        try await sink.stop()
    }

    @Test func aServerThatEndsTheSessionIsConnectedAgain() async throws {
        let sink = try await RTMPSink.start(.ends(.failed("maintenance"), after: 3), .takesAll)
        let show = try TestPublisher()
        show.run(5)
        let bench = DestinationBench(sink.url(), stream: show.stream)
        let status = try #require(await bench.reaches(.retrying))
        #expect(status.lastError?.contains("maintenance") == true)
        #expect(status.errorClass == .connection)
        #expect(try await sink.media(1, of: 2).count == 1)
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func aServerThatStopsReadingIsGivenUpAndTriedAgain() async throws {
        let sink = try await RTMPSink.start(.stopsReading, .takesAll)
        let show = try TestPublisher(frameSize: 100_000)
        show.run(1)
        let bench = DestinationBench(sink.url(), stream: show.stream, timing: DestinationBench.timing { $0.stall = .milliseconds(500) })
        await bench.reaches(.live)
        show.run(60)  // more than the kernel and the channel hold
        let status = try #require(await bench.reaches(.retrying))
        #expect(status.lastError?.contains("stalled") == true)
        #expect(status.errorClass == .stalled)
        #expect(status.contractStatus == "error")
        // The limit is that of all sessions: a busy machine may break off another before it has sent so much.
        var sessions: [Int: [RTMPSink.Media]] = [:]
        var begun: [RTMPSink.Media] = []
        while begun.count < 3 {
            guard let event = await sink.events.next() else { throw CancellationError() }
            guard case .media(let connection, let media) = event, connection > 1 else { continue }
            sessions[connection, default: []].append(media)
            begun = sessions[connection] ?? []
        }
        #expect(begun.last?.isKeyframe == true)
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func aRefusedKeyIsTriedAgainOnlyAfterALongerWait() async throws {
        let sink = try await RTMPSink.start(.refuses(.publishBadName("taken")), .takesAll)
        let show = try TestPublisher()
        show.run(1)
        let began = NIODeadline.now()
        let bench = DestinationBench(
            sink.url(), stream: show.stream,
            timing: DestinationBench.timing {
                $0.firstRetryAfterRefusal = .seconds(1)
                $0.longestRetry = .seconds(2)
            })
        let status = try #require(await bench.reaches(.retrying))
        #expect(status.contractStatus == "failed")
        #expect(status.connectedAtMilliseconds == nil)
        #expect(await sink.next { if case .opened(2) = $0 { true } else { nil } } == true)
        #expect(NIODeadline.now() - began >= .seconds(1), "the first retry after anything else comes within 40 ms")
        await bench.reaches(.live)
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func theRepublishLimitEndsInFailed() async throws {
        let sink = try await RTMPSink.start(.hangsUp(after: 1))
        let show = try TestPublisher()
        show.run(1)
        let bench = DestinationBench(sink.url(), stream: show.stream, republishLimit: 2)
        let status = try #require(await bench.reaches(.failed))
        #expect(status.contractStatus == "failed")
        #expect(status.attempts == 3)
        #expect(status.nextTryAtMilliseconds == nil)
        await bench.destination.stop()
        var opened = 0
        sink.events.add(.closed(99))
        while let event = await sink.events.next() {
            if case .opened = event { opened += 1 }
            if case .closed(99) = event { break }
        }
        #expect(opened == 3)
        try await sink.stop()
    }

    @Test func aServerThatNeverAnswersIsGivenUp() async throws {
        let sink = try await RTMPSink.start(.silent)
        let show = try TestPublisher()
        show.run(1)
        let bench = DestinationBench(sink.url(), stream: show.stream, timing: DestinationBench.timing { $0.publish = .milliseconds(200) })
        let status = try #require(await bench.reaches(.retrying))
        #expect(status.lastError?.contains("did not answer") == true)
        #expect(status.errorClass == .timeout)
        await bench.destination.stop()
        try await sink.stop()
    }

    @Test func aPortWithNobodyBehindItIsToldAtOnce() async throws {
        let show = try TestPublisher()
        show.run(1)
        let bench = DestinationBench("rtmp://127.0.0.1:\(try freePort())/live/key", stream: show.stream)
        let status = try #require(await bench.reaches(.retrying))
        #expect(status.lastError?.contains("cannot connect") == true)
        #expect(status.errorClass == .connection)
        #expect(status.contractStatus == "failed")
        await bench.destination.stop()
    }

    @Test func anAddressThatSwallowsEverythingTimesOut() async throws {
        let hole = try BlackHole()
        let show = try TestPublisher()
        show.run(1)
        let bench = DestinationBench(
            "rtmp://127.0.0.1:\(hole.port)/live/key", stream: show.stream, timing: DestinationBench.timing { $0.connect = .milliseconds(200) })
        let status = try #require(await bench.reaches(.retrying))
        #expect(status.lastError?.contains("timed out") == true)
        #expect(status.errorClass == .timeout)
        await bench.destination.stop()
        hole.close()
    }

    @Test func stoppingDuringAConnectDoesNotWaitForIt() async throws {
        let hole = try BlackHole()
        let show = try TestPublisher()
        show.run(1)
        let network = DestinationNetwork()
        // Longer than the test may last: who waited for either would not come to its end.
        let timing = DestinationBench.timing {
            $0.connect = .hours(1)
            $0.close = .hours(1)
        }
        let bench = DestinationBench("rtmp://127.0.0.1:\(hole.port)/live/key", stream: show.stream, network: network, timing: timing)
        await bench.reaches(.connecting)
        await bench.destination.stop()
        #expect(network.registry.openCount == 0, "the URL is free again")
        hole.close()
    }

    @Test func aHostThatDoesNotExistIsToldAndRetried() async throws {
        let show = try TestPublisher()
        show.run(1)
        let bench = DestinationBench("rtmp://nowhere.invalid/live/key", stream: show.stream)
        let status = try #require(await bench.reaches(.retrying))
        #expect(status.lastError?.hasPrefix("cannot connect") == true)
        #expect(status.errorClass == .nameResolution)
        await bench.destination.stop()
    }

    @Test func aURLOfAnotherProtocolFailsWithoutTrying() async throws {
        let show = try TestPublisher()
        show.run(1)
        let bench = DestinationBench("http://127.0.0.1/live/key", stream: show.stream)
        let status = try #require(await bench.reaches(.failed))
        #expect(status.lastError?.contains("rtmp://") == true)
        #expect(status.errorClass == .url)
        await bench.destination.stop()
        #expect(bench.destination.status.state == .stopped)
    }
}
