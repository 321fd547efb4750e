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
@Suite(.againstHanging) struct SRTPushTests {
    private enum Seen: Sendable, Equatable {
        case connected
        case accepted
        case wrote(Int)
        case failed(DestinationFailure)
        case closed(DestinationFailure)
    }

    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    /// A push that is driven from a test, on its loop.
    private final class Driven: Sendable {
        let events = EventLog<Seen>()
        let network = DestinationNetwork()
        private let bound: NIOLoopBoundBox<(any PushTransport)?>
        private let loop: any EventLoop

        init(_ url: String, tracks: [Track] = [], on loop: any EventLoop, within limit: TimeAmount = .seconds(60)) throws {
            let address = try PushURL.parse(url).get()
            self.loop = loop
            self.bound = NIOLoopBoundBox.makeBoxSendingValue(nil as (any PushTransport)?, eventLoop: loop)
            _ = self.network.registry.acquire(address.identity) { [bound, network, events] lease in
                loop.execute {
                    let push = address.makeTransport(
                        PushAttempt(
                            number: 1, tracks: tracks, network: network, eventLoop: loop, connectTimeout: limit, lease: lease,
                            report: { event in
                                switch event {
                                case .connected: events.add(.connected)
                                case .accepted: events.add(.accepted)
                                case .acknowledged: break
                                case .wrote(let count): events.add(.wrote(count))
                                case .failed(let failure): events.add(.failed(failure))
                                case .closed(let failure): events.add(.closed(failure))
                                }
                            }))
                    bound.value = push
                    push.open()
                }
            }
        }

        func tell(_ body: @escaping @Sendable (any PushTransport) -> Void) {
            self.loop.execute { [bound] in if let push = bound.value { body(push) } }
        }

        /// What `send` made of it, in bytes.
        func send(_ items: [StreamItem]) async throws -> Int {
            try await self.loop.submit { [bound] in bound.value?.send(items) ?? -1 }.get()
        }

        func goLive() async {
            #expect(await self.events.next() == .connected)
            #expect(await self.events.next() == .accepted)
        }
    }

    /// One NAL unit, behind its length.
    private static func picture(at milliseconds: Int64, key: Bool, bytes: Int = 100) -> StreamItem {
        var frame = Frames.picture(at: milliseconds, key: key)
        frame.payload = ByteBuffer(integer: UInt32(bytes))
        frame.payload.writeInteger(UInt8(key ? 0x65 : 0x41))
        frame.payload.writeRepeatingByte(0xAB, count: bytes - 1)
        return .frame(frame)
    }

    @Test func whatIsSentArrivesIsConfirmedAndTheEndIsTold() async throws {
        let peer = try SRTPeer()
        let driven = try Driven("srt://127.0.0.1:\(peer.port)?streamid=publish:demo", on: self.loop)
        await driven.goLive()
        let socket = try #require(await peer.arrivals.next())
        async let read = SRTPeer.read(socket)
        let count = try await driven.send([.tracks([Frames.video]), Self.picture(at: 0, key: true, bytes: 20_000)])
        #expect(count > 20_000 && count % 188 == 0)
        #expect(await driven.events.next() == .wrote(count))
        let datagrams = UInt64((count + 1_315) / 1_316)
        while true {
            let delivery = EventLog<Delivery?>()
            driven.tell { delivery.add($0.delivery()) }
            let now = try #require(await delivery.next() ?? nil)
            if !now.isOutstanding {
                #expect(now.acknowledged == datagrams)
                break
            }
            #expect(now.acknowledged < datagrams)
        }
        driven.tell { $0.finish() }
        #expect(await driven.events.next() == .closed(.closedByPeer))
        #expect(driven.network.registry.openCount == 0)
        #expect(await read == count)
        await peer.stop()
    }

    /// A receiver of libsrt's own makers, and media that is decoded again.
    @Test func srtLiveTransmitGetsAPlayableStream() async throws {
        let folder = try TestFolder("srt-push")
        let port = try freePort()
        let file = folder.path("received.ts")
        let output = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
        try #require(output >= 0)
        let receiver = try Tool.spawn(
            "srt-live-transmit", ["-q", "-a", "no", "srt://127.0.0.1:\(port)?mode=listener", "file://con"], output: output, errors: STDERR_FILENO)
        close(output)
        let made = try await Tool.run(
            "ffmpeg",
            [
                "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=4", "-f", "lavfi", "-i", "sine=duration=4", "-c:v",
                "libx264",
                "-g", "25", "-c:a", "aac", folder.path("in.mp4"),
            ])
        #expect(made.status == 0, "\(made.output)")
        let reader = try FrameReader(Demuxer(path: folder.path("in.mp4")))
        // What is later is left out; more than this the goodbye does not wait for.
        let driven = try Driven("srt://127.0.0.1:\(port)?latency=480", on: self.loop)
        await driven.goLive()
        var sent = 0
        while let item = try reader.next() {
            let count =
                switch item {
                case .tracks(let tracks): try await driven.send([.tracks(tracks)])
                case .frame(let frame): try await driven.send([.frame(frame)])
                }
            guard count > 0 else { continue }
            try #require(await driven.events.next() == .wrote(count))
            sent += count
        }
        // It has it all when it has written it all, but for what its output holds back until it ends.
        try await eventually("it has come") {
            try #require(try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) >= sent - 16_384
        }
        driven.tell { $0.finish() }
        #expect(await driven.events.next() == .closed(.closedByPeer))
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                _ = Tool.wait(for: receiver)
                continuation.resume()
            }
        }
        let probe = try await Tool.run(
            "ffprobe", ["-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0", file])
        #expect(probe.output.contains("h264,100") && probe.output.contains("aac"), "\(probe.output)")
    }

    @Test(arguments: [
        (SRTRejection.forbidden, DestinationFailure.refused("forbidden (1403)")), (.overload, .connectFailed("overload (1402)")),
        (.unavailable, .connectFailed("unavailable (1503)")), (.init(code: 2_017), .refused("rejected (2017)")),
    ])
    func aRejectionIsToldWithItsReasonAndItsKind(reason: SRTRejection, failure: DestinationFailure) async throws {
        let peer = try SRTPeer(.reject(reason))
        let driven = try Driven("srt://127.0.0.1:\(peer.port)?streamid=publish:demo", on: self.loop)
        #expect(await driven.events.next() == .closed(failure))
        #expect(driven.network.registry.openCount == 0)
        await peer.stop()
    }

    @Test(arguments: ["?passphrase=another%20passphrase", ""]) func aWrongPassphraseOrNoneIsARefusal(query: String) async throws {
        let peer = try SRTPeer(.accept(passphrase: "the right passphrase"))
        let driven = try Driven("srt://127.0.0.1:\(peer.port)\(query)", on: self.loop)
        guard case .closed(.refused) = await driven.events.next() else {
            Issue.record("not told as a refusal")
            return
        }
        await peer.stop()
    }

    @Test func theRightPassphraseIsLetIn() async throws {
        let peer = try SRTPeer(.accept(passphrase: "the right passphrase"))
        let driven = try Driven("srt://127.0.0.1:\(peer.port)?pbkeylen=32&passphrase=the%20right%20passphrase", on: self.loop)
        await driven.goLive()
        driven.tell { $0.abort() }
        #expect(await driven.events.next() == .closed(.closedByPeer))
        await peer.stop()
    }

    @Test func nobodyThereIsATimeOut() async throws {
        let silent = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let driven = try Driven("srt://127.0.0.1:\(try #require(silent.localAddress?.port))", on: self.loop, within: .milliseconds(300))
        #expect(await driven.events.next() == .closed(.connectTimedOut))
        try await silent.close()
    }

    @Test func aNameThatNobodyKnowsIsTold() async throws {
        let driven = try Driven("srt://nowhere.invalid:4200", on: self.loop)
        guard case .closed(.nameNotFound) = await driven.events.next() else {
            Issue.record("not told as a name that is not found")
            return
        }
    }

    @Test func aPushThatIsAbortedWhileItConnectsEndsAtOnce() async throws {
        let silent = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let driven = try Driven("srt://127.0.0.1:\(try #require(silent.localAddress?.port))", on: self.loop, within: .hours(1))
        driven.tell { $0.abort() }
        #expect(await driven.events.next() == .closed(.closedByPeer))
        try await silent.close()
    }

    /// Again and again, because the thread may or may not have begun to connect by then.
    @Test func aWorkerThatIsAbortedAtOnceTellsTheSameWhereverItsThreadIs() async throws {
        let silent = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(silent.localAddress?.withSockAddr { SRTAddress($0, length: $1) })
        for _ in 0..<20 {
            let events = EventLog<DestinationFailure?>()
            let worker = SRTPushWorker(parameters: SRTParameters()) { event in
                if case .ended(let failure) = event { events.add(failure) } else { events.add(nil) }
            }
            #expect(worker.connect(to: [address], within: 60_000))
            worker.abort()
            let end = try #require(await events.next())
            #expect(end == .closedByPeer)
        }
        try await silent.close()
    }

    @Test func aPeerThatGoesAwayEndsThePushAlsoWhenNothingIsSent() async throws {
        let peer = try SRTPeer()
        let driven = try Driven("srt://127.0.0.1:\(peer.port)", on: self.loop)
        await driven.goLive()
        try #require(await peer.arrivals.next()).close()
        #expect(await driven.events.next() == .closed(.closedByPeer))
        #expect(driven.network.registry.openCount == 0)
        await peer.stop()
    }

    @Test func whatATransportStreamCannotCarryIsToldBeforeAnybodyIsAsked() async throws {
        let vp9 = Track(id: .video, codec: .vp9, configuration: [], format: Frames.video.format)
        let before = try Driven("srt://127.0.0.1:9", tracks: [vp9, Frames.audio], on: self.loop)
        #expect(await before.events.next() == .closed(.unsupportedCodec("a transport stream cannot carry vp9")))

        let peer = try SRTPeer()
        let driven = try Driven("srt://127.0.0.1:\(peer.port)", tracks: [Frames.video], on: self.loop)
        await driven.goLive()
        #expect(try await driven.send([.tracks([vp9])]) == 0)
        let failure = DestinationFailure.unsupportedCodec("a transport stream cannot carry vp9")
        #expect(await driven.events.next() == .failed(failure))
        driven.tell { $0.abort() }
        #expect(await driven.events.next() == .closed(failure))
        await peer.stop()
    }

    @Test func theFeedBeginsWithTablesAndAKeyframe() throws {
        let feed = SRTPushFeed()
        var out = ByteBuffer()
        feed.write(.tracks([Frames.video, Frames.audio]), into: &out)
        feed.write(Self.picture(at: 0, key: false), into: &out)
        feed.write(.frame(Frames.sound(at: 5)), into: &out)
        #expect(out.readableBytes == 0, "nothing that cannot be decoded")
        feed.write(Self.picture(at: 40, key: true), into: &out)
        let first = out
        feed.write(.frame(Frames.sound(at: 45)), into: &out)
        feed.write(Self.picture(at: 80, key: false), into: &out)
        #expect(first.readableBytes % 188 == 0 && out.readableBytes % 188 == 0 && out.readableBytes > first.readableBytes)
        // Service description, program association and program map.
        let tables = (0..<3).compactMap { first.getInteger(at: $0 * 188, as: UInt32.self) }.map { $0 >> 8 & 0x1FFF }
        #expect(tables == [0x11, 0, 0x1000])
        feed.write(.discontinuity, into: &out)
        let before = out.readableBytes
        feed.write(Self.picture(at: 120, key: false), into: &out)
        #expect(out.readableBytes == before, "another publisher's pictures begin with a keyframe")
        #expect(feed.problem == nil && feed.unsendable == 0)
    }
}
