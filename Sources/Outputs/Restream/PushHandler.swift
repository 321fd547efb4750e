import NIOCore
import RTMP

/// The RTMP of one connection: hands bytes to `ClientSession` and tells `RTMPPush` what comes of it. Last in the channel's pipeline.
final class PushHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Event {
        case publishAccepted(PushFeed)
        case acknowledged(UInt32)
        case failed(DestinationFailure)
        case broken(any Error)
    }

    /// Bytes in one chunk of ours. Large, because nothing of ours is urgent enough to be put between the chunks of a picture.
    private static let chunkSize = 60_000

    private var session: ClientSession
    private let report: (Event) -> Void
    private var acknowledgedByteCount: UInt64 = 0
    /// The peer has said something: TLS is up, where there is any.
    private(set) var hasReceived = false

    /// - Parameter fourCCs: what the stream needs of enhanced RTMP; older servers see nothing new when it is empty.
    init(url: RTMPURL, fourCCs: [String], report: @escaping (Event) -> Void) {
        var configuration = ClientSession.Configuration()
        configuration.chunkSize = Self.chunkSize
        configuration.fourCCs = fourCCs
        self.session = ClientSession(url: url, configuration: configuration)
        self.report = report
    }

    /// Added to a connected channel: begins at once. TLS holds the bytes back until it is up.
    func handlerAdded(context: ChannelHandlerContext) {
        var random = SystemRandomNumberGenerator()
        context.writeAndFlush(self.wrapOutboundOut(self.session.start(now: .now(), using: &random)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.hasReceived = true
        var bytes = self.unwrapInboundIn(data)
        self.session.received(&bytes, now: .now())
        while let order = self.session.nextOrder() {
            switch order {
            case .send(let bytes):
                context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
            case .publishing:
                self.report(.publishAccepted(PushFeed(messageStreamID: self.session.messageStreamID, chunkSize: Self.chunkSize)))
            case .failed(let failure):
                self.report(.failed(DestinationFailure(failure)))
            }
        }
        if let count = self.session.acknowledged?.byteCount, count != self.acknowledgedByteCount {
            self.acknowledgedByteCount = count
            self.report(.acknowledged(UInt32(truncatingIfNeeded: count)))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.report(.broken(error))
    }

    /// What to say before hanging up; nil when the server knows of no publish.
    func goodbye() -> ByteBuffer? {
        let bytes = self.session.stop()
        return bytes.readableBytes > 0 ? bytes : nil
    }
}

extension DestinationFailure {
    init(_ failure: PushFailure) {
        self =
            switch failure {
            case .refusedConnect(let code, let description), .refusedKey(let code, let description): .refused("\(code) \(description)")
            case .ended(let code, let description): .ended("\(code) \(description)")
            case .protocolError(let error): .protocolViolated("\(error)")
            case .timedOut: .publishTimedOut
            case .closedByPeer: .closedByPeer
            }
    }
}
