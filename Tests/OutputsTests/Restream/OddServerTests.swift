import NIOCore
import NIOPosix
import RTMP
import Streams
import TestSupport
import Testing

@testable import Outputs

/// A server that answers every command with transaction id 0 and talks about other things first, as some platforms do.
private final class OddServerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let events: EventLog<RTMPMessage>
    private var handshake = ServerHandshake()
    private var isHandshaken = false
    private var decoder = ChunkDecoder()

    init(events: EventLog<RTMPMessage>) { self.events = events }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        do {
            if !self.isHandshaken {
                var random = SystemRandomNumberGenerator()
                switch try self.handshake.received(&bytes, using: &random) {
                case .needsMore: return
                case .send(let answer, let finished):
                    context.writeAndFlush(self.wrapOutboundOut(answer), promise: nil)
                    self.isHandshaken = finished
                case .finished: self.isHandshaken = true
                }
                guard self.isHandshaken else { return }
            }
            while let message = try self.decoder.next(from: &bytes) {
                self.events.add(message)
                if message.type == .commandAMF0 { try self.answer(RTMPCommand(message), context) }
            }
        } catch {
            Issue.record(error)
            context.close(promise: nil)
        }
    }

    private func answer(_ command: RTMPCommand, _ context: ChannelHandlerContext) throws {
        var out = ByteBuffer()
        func say(_ answer: RTMPCommand) throws {
            try ChunkEncoder().encode(
                RTMPMessage(chunkStreamID: 3, timestamp: 0, type: .commandAMF0, messageStreamID: 0, payload: answer.payload), into: &out)
        }
        switch command.name {
        case "connect":
            try say(RTMPCommand("onBWDone", [.null, 8192]))
            try say(RTMPCommand("_checkbw", transaction: 9, [.null]))
            try say(RTMPCommand("onPlatformNews", [.null, .object(["level": "status", "code": "Some.Thing"])]))
            // An unknown user control event, which must not end anything.
            try ChunkEncoder().encode(
                RTMPMessage(
                    chunkStreamID: 2, timestamp: 0, type: .userControl, messageStreamID: 0, payload: ByteBuffer(bytes: [0, 0x20, 1, 2, 3, 4])),
                into: &out)
            try say(
                RTMPCommand("_result", [.object(["fmsVer": "X/1"]), .object(["level": "status", "code": "NetConnection.Connect.Success"])]))
        case "releaseStream", "FCPublish":
            try say(
                RTMPCommand("_error", transaction: command.transaction, [.null, .object(["level": "error", "code": "NetConnection.Call.Failed"])]))
        case "createStream":
            try say(RTMPCommand("onBWDone", [.null]))
            try say(RTMPCommand("_result", [.null, 5]))
        case "publish":
            try say(RTMPCommand("onFCPublish", [.null, .object(["code": "NetStream.Publish.Start", "level": "status"])]))
            try say(RTMPCommand("onStatus", [.null, .object(["level": "status", "code": "NetStream.Publish.Start", "description": "go"])]))
        default: return
        }
        context.writeAndFlush(self.wrapOutboundOut(out), promise: nil)
    }
}

@Suite(.againstHanging) struct OddServerTests {
    @Test func answersWithTransactionZeroAmongOtherTalkAreUnderstood() async throws {
        let events = EventLog<RTMPMessage>()
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(OddServerHandler(events: events)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let show = try TestPublisher()
        show.run(2)
        // No app at all in the URL.
        let bench = DestinationBench("rtmp://127.0.0.1:\(server.localAddress?.port ?? 0)/streamkey?a=1", stream: show.stream)
        await bench.reaches(.live)

        var commands: [RTMPCommand] = []
        var media: [RTMPMessage] = []
        while media.count < 4, let message = await events.next() {
            if message.type == .commandAMF0 { commands.append(try RTMPCommand(message)) }
            if message.type == .video || message.type == .audio { media.append(message) }
        }
        #expect(commands.map(\.name) == ["connect", "releaseStream", "FCPublish", "createStream", "publish"])
        #expect(commands.first?.value(0)?.object?["app"]?.string == "")
        #expect(commands.last?.value(1)?.string == "streamkey?a=1")
        #expect(commands.last?.value(2)?.string == "live", "YouTube rejects anything else there")
        #expect(media.allSatisfy { $0.messageStreamID == 5 })

        await bench.destination.stop()
        var goodbyes: [String] = []
        while goodbyes.count < 2, let message = await events.next() {
            if message.type == .commandAMF0 { goodbyes.append(try RTMPCommand(message).name) }
        }
        #expect(goodbyes == ["FCUnpublish", "deleteStream"])
        try await server.close()
    }
}
