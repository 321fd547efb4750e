import Logging
import Media
import NIOCore
import NIOEmbedded
import RTMP
import Streams
import TestSupport
import Testing

@testable import Gateways

/// One connection on a channel of the test's own, where what the socket would do comes when the test says so.
@Suite(.againstHanging) struct RTMPConnectionHandlerTests {
    /// Ends the channel within a flush, as a socket does that the peer has reset.
    private final class Resetting: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var isReset = false

        func flush(context: ChannelHandlerContext) {
            if self.isReset { context.close(promise: nil) } else { context.flush() }
        }
    }

    /// A client's side, bytes in and out.
    private struct Client {
        let channel: NIOAsyncTestingChannel
        private var decoder = ChunkDecoder()
        private var buffer = ByteBuffer()

        init(_ channel: NIOAsyncTestingChannel) {
            self.channel = channel
        }

        mutating func receive() async throws {
            while var bytes = try await self.channel.readOutbound(as: ByteBuffer.self) { self.buffer.writeBuffer(&bytes) }
        }

        mutating func shakeHands() async throws {
            var generator = SystemRandomNumberGenerator()
            try await self.channel.writeInbound(ClientHandshake.start(using: &generator))
            var handshake = ClientHandshake()
            while true {
                try await self.receive()
                switch try handshake.received(&self.buffer) {
                case .needsMore: continue
                case .send(let bytes, let isFinished):
                    try await self.channel.writeInbound(bytes)
                    if isFinished { return }
                case .finished: return
                }
            }
        }

        func command(_ name: String, _ transaction: Double, _ values: [AMF0Value], on messageStreamID: UInt32 = 0) async throws {
            var out = ByteBuffer()
            try ChunkEncoder.encode(
                payload: RTMPCommand(name, transaction: transaction, values).payload, timestamp: 0, type: .commandAMF0, chunkStreamID: 4,
                messageStreamID: messageStreamID, chunkSize: 128, into: &out)
            try await self.channel.writeInbound(out)
        }
    }

    /// The gate's answer comes when the peer has gone, which only the write that follows finds out.
    @Test func aPlayerWhoseConnectionIsFoundResetAsItIsLetInIsNotKept() async throws {
        let streams = StreamDirectory()
        let gate = TestGate(streams: streams)
        let key = StreamKey("demo")
        let publisher = try streams.publish(
            key, source: PublishSource(type: .rtmp, remoteAddress: "192.0.2.1", startedAtMilliseconds: 0, stop: { _ in }), now: .now()
        ).get()
        publisher.announce(Frames.video)

        let loop = NIOAsyncTestingEventLoop()
        let gateway = RTMPGateway(
            configuration: .init(), gate: gate, playGate: gate, streams: streams, group: loop, logger: Logger(label: "test"))
        let rtmpLoop = RTMPLoop(eventLoop: loop, mergeWindow: .zero, counters: gateway.counters)
        let channel = NIOAsyncTestingChannel(loop: loop)
        let resetting = try await channel.testingEventLoop.executeInContext {
            let resetting = Resetting()
            try channel.pipeline.syncOperations.addHandler(resetting)
            try channel.pipeline.syncOperations.addHandler(RTMPConnectionHandler(id: 1, gateway: gateway, loop: rtmpLoop, isSecure: false))
            return NIOLoopBound(resetting, eventLoop: loop)
        }
        try await channel.connect(to: SocketAddress(ipAddress: "192.0.2.7", port: 4711)).get()

        var client = Client(channel)
        try await client.shakeHands()
        try await client.command("connect", 1, [.object(["app": .string("live"), "tcUrl": .string("rtmp://localhost/live")])])
        try await client.command("createStream", 2, [.null])
        try await client.receive()
        try await channel.testingEventLoop.executeInContext { resetting.value.isReset = true }
        try await client.command("play", 3, [.null, .string("demo")], on: 1)
        try await eventually("the gate has answered and the write failed") {
            await loop.run()
            return !channel.isActive
        }
        await loop.run()

        let snapshot = try #require(streams.find(key)?.snapshot(now: .now()))
        #expect(snapshot.rtmpViewerCount == 0)
        // Whoever is served would be served now.
        for step in 0..<5 { publisher.publish(Frames.picture(at: Int64(step) * 40, key: step == 0), now: .now()) }
        await loop.run()
        publisher.end(.finished)
        await loop.run()
    }
}
