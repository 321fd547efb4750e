import AV
import Foundation
import Media
import NIOCore
import NIOPosix
import SRT
import Streams
import TestSupport
import Testing

@testable import Outputs

/// A push against a real listener, whose side of it is the room SRT's own.
@Suite(.timeLimit(.minutes(1))) struct SRTPushTests {
    private enum Seen: Sendable, Equatable {
        case accepted
        case wrote(Int)
        case closed(DestinationFailure)
    }

    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    /// A push that is driven from a test, on its loop.
    private final class Driven: Sendable {
        let events = EventLog<Seen>()
        let network = DestinationNetwork()
        private let bound: NIOLoopBoundBox<SRTPush?>
        private let loop: any EventLoop

        init(_ url: String, on loop: any EventLoop, within limit: TimeAmount = .seconds(5)) throws {
            let target = try SRTTarget.parse(url).get()
            self.loop = loop
            self.bound = NIOLoopBoundBox.makeBoxSendingValue(nil as SRTPush?, eventLoop: loop)
            _ = self.network.registry.acquire(target.identity) { [bound, network, events] lease in
                loop.execute {
                    let push = SRTPush(
                        attempt: 1, target: target, network: network, eventLoop: loop, connectTimeout: limit, lease: lease,
                        report: { event in
                            switch event {
                            case .publishAccepted: events.add(.accepted)
                            case .wrote(let count): events.add(.wrote(count))
                            case .closed(let failure): events.add(.closed(failure))
                            }
                        })
                    bound.value = push
                    push.open()
                }
            }
        }

        func tell(_ body: @escaping @Sendable (SRTPush) -> Void) {
            self.loop.execute { [bound] in if let push = bound.value { body(push) } }
        }
    }

    private final class Peer: Sendable {
        let port: Int
        let arrivals = EventLog<SRTSocket>()
        private let listener: SRTListener

        init(_ answer: SRTListener.Answer = .accept(passphrase: nil)) throws {
            let arrivals = self.arrivals
            self.listener = SRTListener(parameters: SRTParameters(), decide: { _ in answer }, accepted: { socket, _ in arrivals.add(socket) })
            self.port = try self.listener.start(host: "127.0.0.1", port: 0)
        }

        func stop() async {
            await withCheckedContinuation { continuation in self.listener.stop { continuation.resume() } }
        }

        /// Bytes of what comes, until the peer goes.
        static func read(_ socket: SRTSocket) async throws -> Int {
            try socket.waitWhenReceiving(milliseconds: 10_000)
            return await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2_048, alignment: 16)
                    defer { buffer.deallocate() }
                    var count = 0
                    while case .datagram(let size) = socket.receive(into: buffer) { count += size }
                    continuation.resume(returning: count)
                }
            }
        }
    }

    @Test func whatIsWrittenArrivesAndTheEndIsTold() async throws {
        let peer = try Peer()
        let driven = try Driven("srt://127.0.0.1:\(peer.port)?streamid=publish:demo", on: self.loop)
        #expect(await driven.events.next() == .accepted)
        let socket = try #require(await peer.arrivals.next())
        async let read = Peer.read(socket)
        let bytes = ByteBuffer(repeating: 0x47, count: 188 * 100)
        driven.tell { $0.write(bytes) }
        #expect(await driven.events.next() == .wrote(188 * 100))
        driven.tell { push in
            #expect(push.statistics?.sent == 15)
            push.finish()
        }
        #expect(await driven.events.next() == .closed(.closedByPeer))
        #expect(driven.network.registry.openCount == 0)
        #expect(try await read == 188 * 100)
        await peer.stop()
    }

    /// A receiver of libsrt's own makers, and media that is decoded again.
    @Test func srtLiveTransmitGetsAPlayableStream() async throws {
        let folder = try TestFolder("srt-push")
        let port = try await Self.freePort()
        let receiver = Process()
        receiver.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        receiver.arguments = ["srt-live-transmit", "-q", "-a", "no", "srt://127.0.0.1:\(port)?mode=listener", "file://con"]
        let file = folder.path("received.ts")
        #expect(FileManager.default.createFile(atPath: file, contents: nil))
        receiver.standardInput = FileHandle.nullDevice
        receiver.standardOutput = FileHandle(forWritingAtPath: file)
        try receiver.run()
        let made = try await Tool.run(
            "ffmpeg",
            [
                "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=4", "-f", "lavfi", "-i", "sine=duration=4", "-c:v",
                "libx264",
                "-g", "25", "-c:a", "aac", folder.path("in.mp4"),
            ])
        #expect(made.status == 0, "\(made.output)")
        let reader = try FrameReader(Demuxer(path: folder.path("in.mp4")))
        let driven = try Driven("srt://127.0.0.1:\(port)?latency=200", on: self.loop)
        #expect(await driven.events.next() == .accepted)
        let feed = SRTPushFeed()
        var sent = 0
        while let item = try reader.next() {
            var bytes = ByteBuffer()
            switch item {
            case .tracks(let tracks): feed.write(.tracks(tracks), into: &bytes)
            case .frame(let frame): feed.write(.frame(frame), into: &bytes)
            }
            guard bytes.readableBytes > 0 else { continue }
            let piece = bytes
            driven.tell { $0.write(piece) }
            #expect(await driven.events.next() == .wrote(piece.readableBytes))
            sent += piece.readableBytes
        }
        // It has it all when it has written it all, but for what its output holds back until it ends.
        while try #require(try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) < sent - 16_384 { await Task.yield() }
        driven.tell { $0.finish() }
        #expect(await driven.events.next() == .closed(.closedByPeer))
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                receiver.waitUntilExit()
                continuation.resume()
            }
        }
        let probe = try await Tool.run(
            "ffprobe", ["-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0", file])
        #expect(probe.output.contains("h264,100") && probe.output.contains("aac"), "\(probe.output)")
    }

    private static func freePort() async throws -> Int {
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(channel.localAddress?.port)
        try await channel.close()
        return port
    }

    @Test func aRefusalIsToldApartWithItsReason() async throws {
        let peer = try Peer(.reject(.forbidden))
        let driven = try Driven("srt://127.0.0.1:\(peer.port)?streamid=publish:demo", on: self.loop)
        #expect(await driven.events.next() == .closed(.refused("forbidden (1403)")))
        await peer.stop()
    }

    @Test func aWrongPassphraseIsARefusal() async throws {
        let peer = try Peer(.accept(passphrase: "the right passphrase"))
        let driven = try Driven("srt://127.0.0.1:\(peer.port)?passphrase=another%20passphrase", on: self.loop)
        guard case .closed(.refused) = await driven.events.next() else {
            Issue.record("not told as a refusal")
            return
        }
        await peer.stop()
    }

    @Test func nobodyThereIsATimeOut() async throws {
        let silent = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let driven = try Driven("srt://127.0.0.1:\(try #require(silent.localAddress?.port))", on: self.loop, within: .milliseconds(300))
        #expect(await driven.events.next() == .closed(.connectTimedOut))
        try await silent.close()
    }

    @Test func aPushThatIsAbortedWhileItConnectsEndsAtOnce() async throws {
        let silent = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let driven = try Driven("srt://127.0.0.1:\(try #require(silent.localAddress?.port))", on: self.loop, within: .hours(1))
        driven.tell { $0.abort() }
        #expect(await driven.events.next() == .closed(.closedByPeer))
        try await silent.close()
    }

    @Test func aPeerThatGoesAwayEndsThePush() async throws {
        let peer = try Peer()
        let driven = try Driven("srt://127.0.0.1:\(peer.port)", on: self.loop)
        #expect(await driven.events.next() == .accepted)
        try #require(await peer.arrivals.next()).close()
        // It is noticed by what is written.
        while true {
            driven.tell { $0.write(ByteBuffer(repeating: 0x47, count: 1_316)) }
            guard case .wrote = await driven.events.next() else { break }
        }
        #expect(driven.network.registry.openCount == 0)
        await peer.stop()
    }

    @Test func theFeedBeginsWithTablesAndAKeyframe() throws {
        func picture(at milliseconds: Int64, key: Bool) -> StreamItem {
            var frame = Frames.picture(at: milliseconds, key: key)
            // One NAL unit, behind its length.
            frame.payload = ByteBuffer(integer: UInt32(100))
            frame.payload.writeInteger(UInt8(key ? 0x65 : 0x41))
            frame.payload.writeRepeatingByte(0xAB, count: 99)
            return .frame(frame)
        }
        let feed = SRTPushFeed()
        var out = ByteBuffer()
        feed.write(.tracks([Frames.video, Frames.audio]), into: &out)
        feed.write(picture(at: 0, key: false), into: &out)
        feed.write(.frame(Frames.sound(at: 5)), into: &out)
        #expect(out.readableBytes == 0, "nothing that cannot be decoded")
        feed.write(picture(at: 40, key: true), into: &out)
        let first = out
        feed.write(.frame(Frames.sound(at: 45)), into: &out)
        feed.write(picture(at: 80, key: false), into: &out)
        #expect(first.readableBytes % 188 == 0 && out.readableBytes % 188 == 0 && out.readableBytes > first.readableBytes)
        // Service description, program association and program map.
        let tables = (0..<3).compactMap { first.getInteger(at: $0 * 188, as: UInt32.self) }.map { $0 >> 8 & 0x1FFF }
        #expect(tables == [0x11, 0, 0x1000])
        feed.write(.discontinuity, into: &out)
        let before = out.readableBytes
        feed.write(picture(at: 120, key: false), into: &out)
        #expect(out.readableBytes == before, "another publisher's pictures begin with a keyframe")
        #expect(feed.failure == nil && feed.leftOut == [] && feed.unsendable == 0)
    }
}
