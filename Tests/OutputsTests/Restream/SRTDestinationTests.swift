import Media
import NIOCore
import SRT
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Outputs

/// The machine that all destinations have, over SRT and real sockets.
@Suite(.againstHanging) struct SRTDestinationTests {
    private func publisher(directory: StreamDirectory = StreamDirectory(), tracks: [Track] = [Frames.video, Frames.audio]) throws -> TestPublisher {
        let show = try TestPublisher(directory: directory, tracks: tracks)
        show.hasNALUnits = true
        return show
    }

    /// The first three packets of a transport stream that one can join: service description, program association, program map.
    private func requireTables(_ bytes: [UInt8]) throws {
        try #require(bytes.count >= 3 * 188)
        let identifiers = [0, 188, 376].map { Int(bytes[$0 + 1] & 0x1F) << 8 | Int(bytes[$0 + 2]) }
        #expect(bytes[0] == 0x47 && identifiers == [0x11, 0, 0x1000])
    }

    @Test func aPushArrivesFromItsTablesOnAndEndsWithAGoodbye() async throws {
        let peer = try SRTPeer()
        let show = try self.publisher()
        show.run(17)
        let bench = DestinationBench("srt://127.0.0.1:\(peer.port)?streamid=publish:secretkey", stream: show.stream)
        let socket = try #require(await peer.arrivals.next())
        let received = ByteCount()
        async let everything = SRTPeer.collect(socket, most: .max, counting: received)
        let status = try #require(await bench.reaches(.live))
        #expect(status.contractStatus == "broadcasting" && status.connectedAtMilliseconds != nil && status.lastError == nil)
        show.run(30)
        // What a busy peer has and does not show yet is lost with the connection.
        try await eventually("it has come") {
            let sent = bench.destination.status.bytesSent
            return sent >= 30 * 188 && received.value.load(ordering: .relaxed) == Int(sent)
        }
        await bench.destination.stop()
        let bytes = await everything
        try self.requireTables(bytes)
        #expect(bytes.count % 188 == 0 && stride(from: 0, to: bytes.count, by: 188).allSatisfy { bytes[$0] == 0x47 })
        #expect(bench.destination.status.bytesSent == UInt64(bytes.count))
        #expect(bench.destination.status.state == .stopped && bench.destination.status.droppedFrames == 0)
        let log = bench.log.all.joined(separator: "\n")
        #expect(log.contains("srt://127.0.0.1:\(peer.port)?streamid=***") && !log.contains("secretkey"))
        await peer.stop()
    }

    @Test func aPeerThatHangsUpIsConnectedAgainFromAFreshKeyframe() async throws {
        let peer = try SRTPeer()
        let show = try self.publisher()
        show.run(5)
        let bench = DestinationBench("srt://127.0.0.1:\(peer.port)", stream: show.stream)
        await bench.reaches(.live)
        try #require(await peer.arrivals.next()).close()
        let status = try #require(await bench.reaches(.retrying))
        #expect(status.errorClass == .connection && status.contractStatus == "error" && status.attempts == 1)
        await bench.reaches(.live)
        let socket = try #require(await peer.arrivals.next())
        show.run(10)
        try self.requireTables(await SRTPeer.collect(socket, most: 1_316))
        await bench.destination.stop()
        await peer.stop()
    }

    @Test func aWrongPassphraseIsARefusedKeyAndIsNotShown() async throws {
        let peer = try SRTPeer(.accept(passphrase: "the right passphrase"))
        let show = try self.publisher()
        show.run(1)
        let bench = DestinationBench("srt://127.0.0.1:\(peer.port)?streamid=publish:demo&passphrase=not-the-right-one", stream: show.stream)
        let status = try #require(await bench.reaches(.retrying))
        #expect(status.errorClass == .refusedKey && status.contractStatus == "failed")
        let everything = bench.log.all.joined(separator: "\n") + (status.lastError ?? "")
        #expect(everything.contains("refused by the server") && !everything.contains("not-the-right-one"))
        await bench.destination.stop()
        await peer.stop()
    }

    /// It is not tried again while it would come to the same, and is when the tracks are others.
    @Test func aCodecThatATransportStreamCannotCarryFailsWithTheReason() async throws {
        let peer = try SRTPeer()
        let directory = StreamDirectory()
        let vp9 = Track(id: .video, codec: .vp9, configuration: [], format: Frames.video.format)
        let show = try self.publisher(directory: directory, tracks: [vp9, Frames.audio])
        show.run(3)
        let bench = DestinationBench("srt://127.0.0.1:\(peer.port)", stream: show.stream)
        let status = try #require(await bench.reaches(.failed))
        #expect(status.errorClass == .codec && status.lastError == "a transport stream cannot carry vp9")
        #expect(status.contractStatus == "failed" && status.nextTryAtMilliseconds == nil)
        show.publisher.announce(Frames.video)
        await bench.reaches(.live)
        await bench.destination.stop()
        await peer.stop()
    }

    /// The session stays over the publisher's absence, and the next one's pictures begin at a keyframe in it.
    @Test func aPublisherThatIsBackWithinTheWindowGoesOnInTheSameSession() async throws {
        let peer = try SRTPeer()
        let directory = StreamDirectory()
        let first = try self.publisher(directory: directory)
        first.run(12)
        let bench = DestinationBench(
            "srt://127.0.0.1:\(peer.port)", stream: first.stream, timing: DestinationBench.timing { $0.grace = .minutes(10) })
        await bench.reaches(.live)
        let socket = try #require(await peer.arrivals.next())
        first.publisher.end(.lost)
        #expect(await bench.changes.first { $0.heldUntilMilliseconds != nil }?.state == .live)
        let second = try self.publisher(directory: directory)
        second.run(1)
        #expect(await bench.changes.first { $0.heldUntilMilliseconds == nil }?.state == .live)
        let before = bench.destination.status.bytesSent
        second.run(30)
        try await eventually("it is sent") { bench.destination.status.bytesSent >= before + 30 * 188 }
        #expect(socket.isConnected && bench.destination.status.attempts == 0)
        await bench.destination.stop()
        await peer.stop()
    }
}
