import NIOCore
import NIOTLS
import Synchronization

/// Stands where the protocol's handlers will be, until it is known which; then hands over what it holds and leaves.
final class ProtocolChooser: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    enum Kind: Sendable {
        case http1
        case http2
    }

    enum Mode {
        /// Plain: HTTP/2 clients that know of it beforehand begin with its preface (RFC 9113 §3.4), which no HTTP/1 request does.
        case firstBytes
        /// Secure: the protocol negotiated, HTTP/1.1 when none was.
        case handshake
        /// Answered with 503.
        case refuse
        /// Closed at once.
        case refuseSilently
    }

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private let mode: Mode
    private let limits: HTTPLimits
    private let counters: HTTPCounters
    /// Adds the handlers behind this one. Called exactly once; nil when the connection ends before.
    private var choose: ((Kind?, any Channel) -> Void)?
    private var held: ByteBuffer?
    private var timer: Scheduled<Void>?

    init(mode: Mode, limits: HTTPLimits, counters: HTTPCounters, choose: @escaping (Kind?, any Channel) -> Void) {
        self.mode = mode
        self.limits = limits
        self.counters = counters
        self.choose = choose
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { self.begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        self.begin(context)
    }

    private func begin(_ context: ChannelHandlerContext) {
        switch self.mode {
        case .firstBytes: self.arm(context, in: self.limits.idleTimeout)
        case .handshake: self.arm(context, in: self.limits.headTimeout)
        case .refuse: self.decide(.http1, context)
        case .refuseSilently: context.close(promise: nil)
        }
    }

    private func arm(_ context: ChannelHandlerContext, in time: TimeAmount) {
        self.timer?.cancel()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        self.timer = context.eventLoop.scheduleTask(in: time) { bound.value.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .handshake = self.mode, self.choose != nil { self.counters.failedHandshakes.wrappingAdd(1, ordering: .relaxed) }
        self.ended(context)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.ended(context)
    }

    private func ended(_ context: ChannelHandlerContext) {
        self.timer?.cancel()
        self.timer = nil
        guard let choose = self.choose else { return }
        self.choose = nil
        choose(nil, context.channel)
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard self.choose != nil else { return context.fireChannelRead(data) }
        var buffer = ProtocolChooser.unwrapInboundIn(data)
        guard case .firstBytes = self.mode else {
            // TLS gives nothing before its handshake is told of.
            return context.close(promise: nil)
        }
        let isFirst = self.held == nil
        if isFirst {
            self.held = buffer
        } else {
            self.held?.writeBuffer(&buffer)
        }
        guard let bytes = self.held?.readableBytesView, !bytes.isEmpty else { return }
        if !bytes.prefix(Self.preface.count).elementsEqual(Self.preface.prefix(bytes.count)) {
            self.decide(.http1, context)
        } else if bytes.count >= Self.preface.count {
            self.decide(.http2, context)
        } else if isFirst {
            self.arm(context, in: self.limits.headTimeout)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard self.choose != nil else { return context.fireUserInboundEventTriggered(event) }
        switch event {
        case TLSUserEvent.handshakeCompleted(let negotiated):
            self.counters.handshakes.wrappingAdd(1, ordering: .relaxed)
            self.decide(negotiated == "h2" ? .http2 : .http1, context)
        case is ChannelShouldQuiesceEvent, ChannelEvent.inputClosed:
            context.close(promise: nil)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard self.choose != nil else { return context.fireErrorCaught(error) }
        // A failed handshake, or the socket's error. Nobody is listening yet.
        context.close(promise: nil)
    }

    private func decide(_ kind: Kind, _ context: ChannelHandlerContext) {
        guard let choose = self.choose else { return }
        self.choose = nil
        self.timer?.cancel()
        self.timer = nil
        choose(kind, context.channel)
        if let held = self.held {
            self.held = nil
            context.fireChannelRead(ProtocolChooser.wrapInboundOut(held))
        }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }
}
