import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// One HTTP/1.x connection: asks the `ReadyResponder` first, passes what it does not want to the router behind it, and keeps the answers in order.
///
/// Sits between the request parser and Hummingbird's codec. One request is being answered at a time:
/// - `idle`: between requests.
/// - `ready`: the responder promised an answer for later.
/// - `routed`: the router is answering.
/// - `draining`: the answer is written, but the socket has not taken enough of it to begin another.
/// - `closing`: the last answer is written; what still comes in is thrown away until the client closes or `lingerTimeout` is over, because
///   closing with unread input would destroy the answer on its way (RFC 9112 §9.6).
/// - `upgraded`: the connection is a WebSocket; `WebSocketHandler` has it.
/// Requests sent ahead wait in `waiting`, and nothing more is read from the socket while any waits.
final class HTTP1ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = IOData

    enum Phase {
        case idle
        case ready
        case routed(RoutedResponse)
        case draining
        case closing
        case upgraded
    }

    let responder: any ReadyResponder
    let settings: HTTPConnectionSettings
    let tap: WireTap
    let isRefused: Bool

    var phase = Phase.idle
    /// Counts requests, so that a late answer to an earlier one is recognised.
    var exchange: UInt64 = 0
    var isHead = false
    var version = HTTPVersion.http1_1
    var closesAfterResponse = false
    /// The current request's `end` part has come.
    var requestIsComplete = true
    var inputIsClosed = false
    /// The parser gave up; answered when it is this request's turn.
    var refusal: RequestCheck.Refusal?
    var waiting = CircularBuffer<HTTPServerRequestPart>()
    var waitingHeads = 0
    var readIsHeld = false
    var readIsOutstanding = false
    var isReading = false
    /// Something of the current read went to the router.
    var hasPassedOn = false
    var needsFlush = false
    var isProceeding = false
    /// Bytes on their way or sent so far; what of them the channel still holds tells how much the client took.
    var writtenBytes: UInt64 = 0
    /// The channel's socket, to send past it; nil where TLS is between. Used only on the event loop that closes it, and only while the channel is
    /// active: it cannot be another's by then.
    private(set) var socket: NIOBSDSocket.Handle?
    /// Short answers that leave together with the next flush.
    var gathered = ByteBuffer()
    /// The channel was given something, and nobody has looked since whether it is gone.
    var channelMayHold = false
    var remoteAddress = ""
    /// For what does not come through the parser.
    var context: ChannelHandlerContext?
    /// The responder has been asked about the request that the parser is given now, and did not want it.
    var isDeclined = false

    var headTimer: Scheduled<Void>?
    var idleTimer: Scheduled<Void>?
    var stallTimer: Scheduled<Void>?
    var lingerTimer: Scheduled<Void>?
    var idleSince = NIODeadline.uptimeNanoseconds(0)

    init(responder: any ReadyResponder, settings: HTTPConnectionSettings, tap: WireTap, isRefused: Bool) {
        self.responder = responder
        self.settings = settings
        self.tap = tap
        self.isRefused = isRefused
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { self.begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        self.begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        self.remoteAddress = context.remoteAddress?.ipAddress ?? "unknown"
        self.idleSince = context.eventLoop.now
        do {
            self.socket =
                self.settings.isSecure
                ? nil : try context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        } catch {
            // A channel that is closing already; everything goes through it, then.
            self.socket = nil
        }
        self.armIdleTimer(context, in: self.settings.limits.idleTimeout)
        if self.isRefused { self.refuse(.unavailable, context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.phase = .closing
        self.socket = nil
        self.gathered = ByteBuffer()
        self.waiting.removeAll()
        self.cancelTimers()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.cancelTimers()
        self.context = nil
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.isReading = true
        let part = HTTP1ConnectionHandler.unwrapInboundIn(data)
        if case .head = part { self.tap.headCompleted() }
        if case .closing = self.phase { return }
        if self.requestIsComplete, !self.waiting.isEmpty || !self.isIdle {
            self.wait(part)
        } else {
            self.take(part, context)
        }
    }

    /// Behind a request that is still being answered.
    private func wait(_ part: HTTPServerRequestPart) {
        if case .head = part { self.waitingHeads += 1 }
        guard self.waitingHeads <= self.settings.limits.pipelinedRequests else {
            // Everything up to the limit is answered, then the connection ends.
            self.refusal = self.refusal ?? .badRequest
            return
        }
        self.waiting.append(part)
    }

    func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head):
            self.requestIsComplete = false
            self.start(head, context)
            return
        case .body:
            break
        case .end:
            self.requestIsComplete = true
        }
        if case .routed = self.phase { self.passOn(part, context) }
    }

    func passOn(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        self.hasPassedOn = true
        context.fireChannelRead(HTTP1ConnectionHandler.wrapInboundOut(part))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.isReading = false
        self.readIsOutstanding = false
        self.flushIfNeeded(context)
        self.armHeadTimerIfNeeded(context)
        if !self.isIdle { self.hasPassedOn = true }
        self.completePassedOn(context)
    }

    /// The router looks at what it was given only when it hears that this was all for now. After requests that were answered before it, it need not.
    func completePassedOn(_ context: ChannelHandlerContext) {
        guard self.hasPassedOn else { return }
        self.hasPassedOn = false
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if self.waiting.isEmpty {
            self.readIsOutstanding = true
            context.read()
        } else {
            self.readIsHeld = true
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else {
            // The socket's own errors end in channelInactive; a router that is waiting for a body must hear of them.
            if case .routed = self.phase { context.fireErrorCaught(error) }
            return
        }
        let refusal: RequestCheck.Refusal =
            switch error {
            case .headerOverflow: self.tap.requestLineBytes > self.settings.limits.targetBytes ? .uriTooLong : .headerFieldsTooLarge
            default: .badRequest
            }
        if case .routed = self.phase, !self.requestIsComplete {
            self.closesAfterResponse = true
            context.fireErrorCaught(error)  // Hummingbird answers 400 unless it has begun to answer
        } else if self.isIdle && self.waiting.isEmpty {
            self.refuse(refusal, context)
        } else {
            self.refusal = refusal
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            self.inputIsClosed = true
            self.closesAfterResponse = true
            switch self.phase {
            case .idle: self.finish(context)
            case .routed: context.fireUserInboundEventTriggered(event)
            case .closing: self.closeNow(context)
            case .ready, .draining, .upgraded: break
            }
        case is ChannelShouldQuiesceEvent:
            self.closesAfterResponse = true
            if self.isIdle && self.requestIsComplete && self.tap.bytesSinceHead == 0 { context.close(promise: nil) }
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, case .draining = self.phase { self.proceed(context) }
        context.fireChannelWritabilityChanged()
    }

    var isIdle: Bool {
        if case .idle = self.phase { true } else { false }
    }
}
