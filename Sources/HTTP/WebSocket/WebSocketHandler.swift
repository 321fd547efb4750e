import NIOCore
import NIOWebSocket

/// One WebSocket connection after its handshake: frames in, messages to the session, and the other way round. Confined to its event loop.
///
/// - `open`: messages go both ways.
/// - `closing`: our close frame is out; what still comes is read for the client's, and thrown away.
/// - `closed`: the session has been told.
///
/// It stands right behind the socket (or TLS). What HTTP has left in the pipeline behind it is given nothing any more and ends with the channel.
final class WebSocketHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private enum Phase {
        case open
        case closing(WebSocketCloseCode)
        case closed
    }

    private let limits: WebSocketLimits
    /// Given up at the end, since it may hold what holds this.
    private var session: (any WebSocketSession)?
    private var receiver: WebSocketReceiver
    private var phase = Phase.open
    private var socket: WebSocket?
    private var context: ChannelHandlerContext?
    private var pinger: RepeatedTask?
    private var closer: Scheduled<Void>?
    private var lastFrame = NIODeadline.uptimeNanoseconds(0)

    init(session: any WebSocketSession, limits: WebSocketLimits) {
        self.session = session
        self.limits = limits
        self.receiver = WebSocketReceiver(limits: limits)
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.lastFrame = context.eventLoop.now
        let socket = WebSocket(handler: self, eventLoop: context.eventLoop, queuedBytes: self.limits.queuedBytes)
        self.socket = socket
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        self.pinger = context.eventLoop.scheduleRepeatedTask(initialDelay: self.limits.pingInterval, delay: self.limits.pingInterval) { _ in
            bound.value.ping()
        }
        self.session?.opened(socket)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.end(.broken)
        self.closer?.cancel()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .closing(let code) = self.phase { self.end(code) } else { self.end(.broken) }
        context.fireChannelInactive()
    }

    private func end(_ code: WebSocketCloseCode) {
        if case .closed = self.phase { return }
        self.phase = .closed
        self.pinger?.cancel()
        self.closer?.cancel()
        self.socket?.ended()
        self.socket = nil
        let session = self.session
        self.session = nil
        session?.closed(code)
    }

    private func ping() {
        guard case .open = self.phase, let context = self.context else { return }
        guard context.eventLoop.now - self.lastFrame < self.limits.idleTimeout else { return self.close(.goingAway) }
        self.write(.ping, ByteBuffer(), context, nil)
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.lastFrame = context.eventLoop.now
        if case .closed = self.phase { return }
        do throws(WebSocketReceiver.Violation) {
            guard let event = try self.receiver.received(WebSocketHandler.unwrapInboundIn(data)) else { return }
            self.handle(event, context)
        } catch {
            self.violated(error.code, context)
        }
    }

    private func handle(_ event: WebSocketReceiver.Event, _ context: ChannelHandlerContext) {
        switch event {
        case .message(let message):
            if case .open = self.phase { self.session?.received(message) }
        case .ping(let data):
            guard case .open = self.phase else { return }
            // Pongs nobody reads are not piled up.
            if context.bufferedBytes <= self.limits.queuedBytes { self.write(.pong, data, context, nil) } else { self.close(.policy) }
        case .pong:
            break
        case .close(let code):
            if case .open = self.phase { self.sendClose(code == .none ? .normal : code, context) }
            self.end(code)
            self.closeWhenWritten(context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? NIOWebSocketError else { return context.close(promise: nil) }
        if case .invalidFrameLength = error { self.violated(.tooLarge, context) } else { self.violated(.protocolError, context) }
    }

    /// After a violation it is not known where the next frame begins: nothing more is read.
    private func violated(_ code: WebSocketCloseCode, _ context: ChannelHandlerContext) {
        if case .open = self.phase { self.sendClose(code, context) }
        self.end(code)
        self.closeWhenWritten(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent: self.close(.goingAway)
        case ChannelEvent.inputClosed: context.close(promise: nil)
        default: break
        }
    }

    // MARK: Out

    /// `done` is called in any case.
    func send(_ text: ByteBuffer, done: @escaping @Sendable () -> Void) {
        guard case .open = self.phase, let context = self.context else { return done() }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in done() }
        self.write(.text, text, context, written)
    }

    func close(_ code: WebSocketCloseCode) {
        guard case .open = self.phase, let context = self.context else { return }
        self.phase = .closing(code)
        self.sendClose(code, context)
        self.armCloser(context)
    }

    private func sendClose(_ code: WebSocketCloseCode, _ context: ChannelHandlerContext) {
        self.write(.connectionClose, ByteBuffer(integer: code.rawValue), context, nil)
    }

    private func write(_ opcode: WebSocketOpcode, _ data: ByteBuffer, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        context.writeAndFlush(WebSocketHandler.wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, data: data)), promise: promise)
    }

    /// A client that takes nothing does not hold the connection.
    private func closeWhenWritten(_ context: ChannelHandlerContext) {
        self.armCloser(context)
        // The socket shuts its output when what was written is through.
        context.close(mode: .output, promise: nil)
    }

    private func armCloser(_ context: ChannelHandlerContext) {
        self.closer?.cancel()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        self.closer = context.eventLoop.scheduleTask(in: self.limits.closeTimeout) { bound.value.close(promise: nil) }
    }
}
