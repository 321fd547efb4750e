import Logging
import Media
import NIOCore
import NIOPosix
import RTMP
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Gateways

/// Lets everybody in but the ids it knows as forbidden.
struct TestGate: PublishGate, PlayGate {
    let streams: StreamDirectory
    let requests = RequestLog()

    final class RequestLog: Sendable {
        let published = Mutex<[PublishRequest]>([])
    }

    func admit(_ request: PublishRequest, stop: @escaping @Sendable (PublishStop) -> Void) async -> Result<Publisher, PublishRefusal> {
        self.requests.published.withLock { $0.append(request) }
        guard request.id != "forbidden" else { return .failure(.notRegistered) }
        let source = PublishSource(
            type: .rtmp, remoteAddress: request.remoteAddress, credential: request[parameter: "token"], wrapPeriod: PublishSource.rtmpWrapPeriod,
            startedAtMilliseconds: 0, stop: stop)
        return self.streams.publish(StreamKey(request.id), source: source, now: .now())
    }

    func admit(_ request: PlayRequest) async -> Result<StreamKey, PlayRefusal> {
        request.id == "forbidden" ? .failure(.notAuthorised) : .success(StreamKey(request.id))
    }
}

@Suite(.againstHanging) struct RTMPGatewayTests {
    /// Whoever is silent stays, here and below: a busy machine must not decide a test.
    let streams = StreamDirectory(configuration: .init(takeoverSilence: .hours(1)))

    func with(
        _ change: (inout RTMPGateway.Configuration) -> Void = { _ in }, _ body: (RTMPGateway, Int, TestGate) async throws -> Void
    ) async throws {
        var configuration = RTMPGateway.Configuration()
        configuration.host = "127.0.0.1"
        configuration.port = 0
        configuration.apps = ["live", "two/parts"]
        configuration.handshakeTimeout = .minutes(5)
        configuration.idleTimeout = .minutes(5)
        change(&configuration)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let gate = TestGate(streams: self.streams)
        let gateway = RTMPGateway(
            configuration: configuration, gate: gate, playGate: gate, streams: self.streams, group: MultiThreadedEventLoopGroup.singleton,
            logger: logger)
        let port = try await gateway.start()
        do {
            try await body(gateway, port, gate)
        } catch {
            await gateway.stop()
            throw error
        }
        await gateway.stop()
    }

    /// `picture` with NAL units that parse.
    func picture(at milliseconds: Int64, key: Bool = false, bytes: Int = 100) -> EncodedFrame {
        var frame = Frames.picture(at: milliseconds, key: key)
        var payload = ByteBuffer()
        payload.writeInteger(UInt32(bytes))
        payload.writeInteger(UInt8(key ? 0x65 : 0x41))
        payload.writeRepeatingByte(0xab, count: bytes - 1)
        frame.payload = payload
        return frame
    }

    func publish(_ feed: RTMPTestFeed, frames: Range<Int>, bytes: Int = 100) async throws {
        try await feed.send(Frames.video)
        try await feed.send(Frames.audio)
        for step in frames {
            try await feed.send(self.picture(at: Int64(step) * 40, key: step % 25 == 0, bytes: bytes), in: Frames.video)
            try await feed.send(Frames.sound(at: Int64(step) * 40 + 5), in: Frames.audio)
        }
    }

    /// `#expect` cannot call a mutating method that throws.
    func check<Value: Equatable>(_ value: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(value == expected, sourceLocation: sourceLocation)
    }

    func check(_ condition: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(condition, sourceLocation: sourceLocation)
    }

    /// Waits until the stream has been sent `count` frames.
    func waitForFrames(_ id: String, _ count: UInt64) async throws {
        try await eventually("the frames arrive") { (self.streams.find(StreamKey(id))?.snapshot(now: .now())?.receivedFrames ?? 0) >= count }
    }

    @Test func aPlayerGetsHeadersThenTheGroupThenWhatFollows() async throws {
        try await self.with { _, port, _ in
            try await RTMPTestConnection.with(port: port) { publisher in
                self.check(try await publisher.publish("demo"), "NetStream.Publish.Start")
                try await self.publish(publisher.feed, frames: 0..<30)
                try await self.waitForFrames("demo", 60)
                try await RTMPTestConnection.with(port: port) { player in
                    self.check(try await player.play("demo"), "NetStream.Play.Reset")
                    self.check(try await player.status(), "NetStream.Play.Start")
                    var seen: [String] = []
                    while seen.count < 11, let message = try await player.next() {
                        guard message.type == .video || message.type == .audio else { continue }
                        seen.append(
                            "\(message.type == .video ? "v" : "a")\(message.timestamp)/\(message.payload.getInteger(at: message.payload.readerIndex + 1, as: UInt8.self) ?? 9)"
                        )
                    }
                    #expect(
                        seen == [
                            "v1000/0", "a1000/0", "v1000/1", "a1005/1", "v1040/1", "a1045/1", "v1080/1", "a1085/1", "v1120/1", "a1125/1", "v1160/1",
                        ])
                    try await self.publish(publisher.feed, frames: 30..<32)
                    var last: UInt32 = 0
                    while last < 1240, let message = try await player.next() { if message.type == .video { last = message.timestamp } }
                    #expect(last == 1240)
                }
            }
        }
    }

    @Test func aPlayerOfAnIdleStreamWaitsAndIsToldWhenItEnds() async throws {
        try await self.with { _, port, _ in
            try await RTMPTestConnection.with(port: port) { player in
                self.check(try await player.play("later"), "NetStream.Play.Reset")
                self.check(try await player.status(), "NetStream.Play.Start")
                try await RTMPTestConnection.with(port: port) { publisher in
                    self.check(try await publisher.publish("later"), "NetStream.Publish.Start")
                    try await self.publish(publisher.feed, frames: 0..<3)
                    var isThere = false
                    while !isThere, let message = try await player.next() { isThere = message.type == .video && message.timestamp == 80 }
                    #expect(isThere)
                }
                self.check(try await player.status(), "NetStream.Play.UnpublishNotify")
                try await RTMPTestConnection.with(port: port) { publisher in
                    self.check(try await publisher.publish("later"), "NetStream.Publish.Start")
                    try await self.publish(publisher.feed, frames: 0..<3)
                    self.check(try await player.status(), "NetStream.Play.PublishNotify")
                }
            }
        }
    }

    @Test func whoeverIsRefusedIsToldWhyAndClosed() async throws {
        try await self.with { gateway, port, _ in
            try await RTMPTestConnection.with(port: port) { publisher in
                self.check(try await publisher.publish("forbidden"), "NetStream.Publish.BadName")
                self.check(try await publisher.next() == nil)
            }
            try await RTMPTestConnection.with(port: port) { player in
                self.check(try await player.play("forbidden"), "NetStream.Play.Failed")
                self.check(try await player.next() == nil)
            }
            #expect(gateway.statistics.refusedTotal == 2)
        }
    }

    @Test func aSecondPublisherIsRefusedUnlessItPresentsTheSameToken() async throws {
        try await self.with { _, port, _ in
            try await RTMPTestConnection.with(port: port) { first in
                self.check(try await first.publish("demo?token=s3cret&name=x"), "NetStream.Publish.Start")
                try await RTMPTestConnection.with(port: port) { second in
                    self.check(try await second.publish("demo"), "NetStream.Publish.BadName")
                }
                try await RTMPTestConnection.with(port: port) { third in
                    self.check(try await third.publish("demo/s3cret"), "NetStream.Publish.Start")
                    self.check(try await first.status(), "NetStream.Publish.BadName")
                    while try await first.next() != nil {}
                }
            }
        }
    }

    @Test func anApplicationMayHaveSeveralSegments() async throws {
        try await self.with { _, port, gate in
            try await RTMPTestConnection.with(port: port) { publisher in
                self.check(try await publisher.publish("key", app: "two/parts"), "NetStream.Publish.Start")
            }
            let request = try #require(gate.requests.published.withLock { $0.last })
            #expect(request.app == "two/parts" && request.id == "key")
        }
    }

    @Test func aConnectionThatSaysNothingIsClosedInTime() async throws {
        try await self.with({ $0.handshakeTimeout = .milliseconds(100) }) { gateway, port, _ in
            try await RTMPTestConnection.with(port: port) { silent in
                do {
                    try await silent.write(ByteBuffer(bytes: [3]))
                } catch ChannelError.ioOnClosedChannel {
                    // On a busy machine the time is over before the client has said anything.
                }
                self.check(try await silent.next() == nil)
            }
            try await RTMPTestConnection.with(port: port) { halfway in
                do {
                    try await halfway.connect()
                    while try await halfway.next() != nil {}
                } catch is RTMPTestClient.Ended {
                    // On a busy machine the time is over before the client has said anything.
                } catch ChannelError.ioOnClosedChannel {
                }
                try await eventually("it is let go") { gateway.statistics.connections == 0 }
            }
        }
    }

    @Test func aSilentPublisherIsGivenUp() async throws {
        try await self.with({ $0.idleTimeout = .milliseconds(200) }) { _, port, _ in
            try await RTMPTestConnection.with(port: port) { publisher in
                self.check(try await publisher.publish("quiet"), "NetStream.Publish.Start")
                while try await publisher.next() != nil {}
                #expect(publisher.isClosed)
            }
            #expect(self.streams.find(StreamKey("quiet")) == nil)
        }
    }

    @Test func malformedBytesEndOneConnectionOnly() async throws {
        try await self.with { gateway, port, _ in
            try await RTMPTestConnection.with(port: port) { publisher in
                self.check(try await publisher.publish("demo"), "NetStream.Publish.Start")
                for bytes in ["GET / HTTP/1.1\r\n\r\n", "\u{6}hello"] {
                    try await RTMPTestConnection.with(port: port) { other in
                        try await other.write(ByteBuffer(string: bytes))
                        self.check(try await other.next() == nil)
                    }
                }
                try await RTMPTestConnection.with(port: port) { other in
                    try await other.connect()
                    try await other.write(ByteBuffer(repeating: 0xff, count: 4_000))
                    while try await other.next() != nil {}
                    #expect(other.isClosed)
                }
                try await self.publish(publisher.feed, frames: 0..<2)
                try await self.waitForFrames("demo", 4)
            }
            #expect(gateway.statistics.protocolErrorsTotal == 3)
        }
    }

    @Test func aPlayerThatNeverReadsCostsTheOthersNothingAndIsGivenUp() async throws {
        try await self.with({ $0.idleTimeout = .seconds(8) }) { _, port, _ in
            try await RTMPTestConnection.with(port: port) { publisher in
                self.check(try await publisher.publish("demo"), "NetStream.Publish.Start")
                try await self.publish(publisher.feed, frames: 0..<1)
                try await self.waitForFrames("demo", 2)
                try await RTMPTestConnection.with(port: port) { stalled in
                    self.check(try await stalled.play("demo"), "NetStream.Play.Reset")
                    try await RTMPTestConnection.with(port: port) { player in
                        self.check(try await player.play("demo"), "NetStream.Play.Reset")
                        // More than the sockets' buffers hold.
                        // The reader keeps up with each second of it, as it would in real time.
                        var next: UInt32 = 40
                        for start in stride(from: 1, to: 600, by: 20) {
                            let end = min(start + 20, 600)
                            try await self.publish(publisher.feed, frames: start..<end, bytes: 50_000)
                            while next < UInt32(end) * 40, let message = try await player.next() {
                                let packetType = message.payload.getInteger(at: message.payload.readerIndex + 1, as: UInt8.self)
                                guard message.type == .video, packetType == 1, message.timestamp != 0 else { continue }
                                #expect(message.timestamp == next)
                                next = message.timestamp + 40
                            }
                        }
                        #expect(next == 600 * 40)
                        // The stalled one is cut off; the other one is not.
                        let stream = try #require(self.streams.find(StreamKey("demo")))
                        try await eventually("the stalled one is let go") {
                            try await self.publish(publisher.feed, frames: 600..<601)
                            return stream.rtmpViewers.load(ordering: .relaxed) <= 1
                        }
                    }
                }
            }
        }
    }

    @Test func aStopRequestTellsThePublisherAndCloses() async throws {
        try await self.with { _, port, _ in
            try await RTMPTestConnection.with(port: port) { publisher in
                self.check(try await publisher.publish("demo"), "NetStream.Publish.Start")
                #expect(self.streams.stop(StreamKey("demo"), reason: .stoppedByUser))
                self.check(try await publisher.status(), "NetStream.Unpublish.Success")
                while try await publisher.next() != nil {}
                #expect(publisher.isClosed)
            }
        }
    }

    @Test func aPlayerMayDoWithoutPictures() async throws {
        try await self.with { _, port, _ in
            try await RTMPTestConnection.with(port: port) { publisher in
                self.check(try await publisher.publish("demo"), "NetStream.Publish.Start")
                try await self.publish(publisher.feed, frames: 0..<2)
                try await self.waitForFrames("demo", 4)
                try await RTMPTestConnection.with(port: port) { player in
                    self.check(try await player.play("demo"), "NetStream.Play.Reset")
                    try await player.command("receiveVideo", 0, [.null, false], on: 1)
                    var isDone = false
                    // Until the switch has been heeded pictures may come.
                    var soundsInARow = 0
                    var step = 2
                    while !isDone {
                        try await self.publish(publisher.feed, frames: step..<step + 1)
                        step += 1
                        guard let message = try await player.next() else { break }
                        if message.type == .video { soundsInARow = 0 }
                        if message.type == .audio { soundsInARow += 1 }
                        isDone = soundsInARow > 5
                    }
                    #expect(isDone)
                }
            }
        }
    }

    @Test func connectionsBeyondTheLimitAreRefused() async throws {
        try await self.with({ $0.maxConnections = 1 }) { gateway, port, _ in
            try await RTMPTestConnection.with(port: port) { first in
                try await first.connect()
                try await RTMPTestConnection.with(port: port) { second in self.check(try await second.next() == nil) }
                #expect(gateway.statistics.refusedTotal == 1)
            }
        }
    }

    @Test func stoppingTheGatewayClosesEverybody() async throws {
        try await self.with { gateway, port, _ in
            try await RTMPTestConnection.with(port: port) { publisher in
                self.check(try await publisher.publish("demo"), "NetStream.Publish.Start")
                await gateway.stop()
                while try await publisher.next() != nil {}
                #expect(publisher.isClosed)
                #expect(gateway.statistics.connections == 0)
            }
        }
    }
}
