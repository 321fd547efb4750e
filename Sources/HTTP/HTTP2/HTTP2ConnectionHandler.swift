import CNGHTTP2
import NIOCore
import Synchronization

/// One HTTP/2 connection (RFC 9113): bytes go into nghttp2 and come out of it; every request is put to the `ReadyResponder` first, and what it does
/// not answer gets an `HTTP2StreamChannel` of its own for the router. Confined to its event loop.
///
/// Nothing is produced that the socket does not take: nghttp2 is asked for output only while the channel is writable, in batches, so what waits is
/// bounded by one batch for the connection and one stretch of body for each routed answer.
final class HTTP2ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        case open
        /// The last frame is on its way; what comes in is thrown away.
        case closing
        case closed
    }

    let responder: any ReadyResponder
    let settings: HTTPConnectionSettings
    let routed: HTTP2RoutedStreams
    /// nil when the library had no memory for it, and after the end.
    var session: OpaquePointer?
    var context: ChannelHandlerContext?
    var phase = Phase.open
    private(set) var streams: [Int32: HTTP2Stream] = [:]
    /// The one looked up last, which nearly always is the next to be asked for.
    private var recent: HTTP2Stream?
    var fieldBlock = HTTP2FieldBlock()
    var output = ByteBuffer()
    /// Bytes of the last batch: the next one will be about as large.
    var lastBatch = 0
    /// The time, asked for once a pump, and once a read.
    var pumpedAt = NIODeadline.uptimeNanoseconds(0)
    private var readAt = NIODeadline.uptimeNanoseconds(0)
    var remoteAddress = ""

    /// Within nghttp2, which must not be entered again.
    var isInSession = false
    /// Within a read: answers to what came together leave together.
    var isReading = false
    var isPumping = false
    var inputIsClosed = false
    private var budget: HTTP2Budget
    private var isFlooded = false
    /// Streams begun, and of them answered at once, that the counters all loops share have not been told of yet.
    var uncounted: (streams: UInt64, ready: UInt64) = (0, 0)
    /// Bytes handed to the channel so far; what of them it still holds tells how much the client took.
    var writtenBytes: UInt64 = 0
    /// Since when the channel holds bytes of which the client took none.
    var blocked: (since: NIODeadline, taken: UInt64)?
    /// Without a request since `idleSince`; whatever else a client sends does not count.
    var isIdle = true
    var idleSince = NIODeadline.uptimeNanoseconds(0)
    /// Since when a head is being received.
    var headSince: NIODeadline?
    var timer: Scheduled<Void>?
    var timerAt = NIODeadline.distantFuture

    init(responder: any ReadyResponder, settings: HTTPConnectionSettings, routed: HTTP2RoutedStreams, now: NIODeadline) throws {
        self.responder = responder
        self.settings = settings
        self.routed = routed
        self.budget = HTTP2Budget(burst: settings.limits.controlFrameBurst, perSecond: settings.limits.controlFramesPerSecond, now: now)
        self.session = try HTTP2Callbacks.makeSession(for: self)
    }

    deinit {
        if let session = self.session { nghttp2_session_del(session) }
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.remoteAddress = context.remoteAddress?.ipAddress ?? "unknown"
        self.idleSince = context.eventLoop.now
        self.settings.counters.http2Connections.wrappingAdd(1, ordering: .relaxed)
        self.sendSettings()
        self.armTimer(within: self.settings.limits.headTimeout)
        self.pump()
    }

    private func sendSettings() {
        let limits = self.settings.limits
        func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
            nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(clamping: value))
        }
        let entries = [
            entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams),
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, min(limits.streamWindow, Int(Int32.max))),
            entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.headBytes),
            // The tree of priorities of RFC 7540 costs more than it is worth; urgencies (RFC 9218) are kept to.
            entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
        ]
        nghttp2_submit_settings(self.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count)
        nghttp2_session_set_local_window_size(self.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(clamping: limits.connectionWindow))
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.end()
        self.context = nil
    }

    /// Everything that waits for the client is given up.
    private func end() {
        self.phase = .closed
        self.timer?.cancel()
        self.timer = nil
        self.tellCounters()
        let streams = self.streams
        self.streams = [:]
        self.recent = nil
        for stream in streams.values {
            stream.release()
            stream.channel?.streamClosed()
            stream.channel = nil
        }
        self.routed.end()
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .open = self.phase, let session = self.session else { return }
        self.isReading = true
        self.readAt = context.eventLoop.now
        let buffer = HTTP2ConnectionHandler.unwrapInboundIn(data)
        self.isInSession = true
        let taken = buffer.withUnsafeReadableBytes { bytes in
            nghttp2_session_mem_recv(session, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
        }
        self.isInSession = false
        if self.isFlooded {
            self.settings.counters.http2Floods.wrappingAdd(1, ordering: .relaxed)
            nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
            self.sayGoodbye()
        } else if taken < 0 {
            let isFlood = taken == Int(NGHTTP2_ERR_FLOODED.rawValue)
            if isFlood {
                self.settings.counters.http2Floods.wrappingAdd(1, ordering: .relaxed)
            } else {
                self.settings.counters.http2ProtocolErrors.wrappingAdd(1, ordering: .relaxed)
            }
            nghttp2_session_terminate_session(session, (isFlood ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR).rawValue)
            self.sayGoodbye()
        }
    }

    /// What is ready leaves, a GOAWAY at its end, and then nothing more.
    private func sayGoodbye() {
        self.isReading = false
        self.pump()
        self.beginClosing()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.isReading = false
        self.pump()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.pump() }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Of the socket or of TLS: nothing can be said any more.
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            // No client shuts one direction only: RFC 9113 §5.4.1 has GOAWAY for a graceful end.
            self.inputIsClosed = true
            context.close(promise: nil)
        case is ChannelShouldQuiesceEvent:
            guard let session = self.session, case .open = self.phase else { return }
            nghttp2_submit_goaway(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nghttp2_session_get_last_proc_stream_id(session), NGHTTP2_NO_ERROR.rawValue, nil, 0)
            self.pump()
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// The time; of all that comes with one read, that of the read.
    func now(_ context: ChannelHandlerContext) -> NIODeadline { self.isReading ? self.readAt : context.eventLoop.now }

    // MARK: What nghttp2 tells

    /// A frame's header has come: what costs work and brings nothing is counted.
    func began(_ header: nghttp2_frame_hd) {
        let isUseful: Bool
        switch UInt32(header.type) {
        case NGHTTP2_DATA.rawValue:
            isUseful = header.length > 0 || header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_WINDOW_UPDATE.rawValue:
            isUseful = true
        default:
            isUseful = false
        }
        if !isUseful { self.spend(1) }
    }

    /// A stream is reset for it, so it costs what a reset costs, many times over.
    func receivedInvalidFrame() {
        self.spend(10)
    }

    private func spend(_ amount: Int) {
        guard let context = self.context else { return }
        if !self.budget.spend(amount, now: context.eventLoop.now) { self.isFlooded = true }
    }

    // MARK: Streams

    func stream(_ id: Int32) -> HTTP2Stream? {
        if let recent = self.recent, recent.id == id { return recent }
        let stream = self.streams[id]
        if stream != nil { self.recent = stream }
        return stream
    }

    func streamBegan(_ id: Int32) {
        let stream = HTTP2Stream(id: id)
        self.streams[id] = stream
        self.recent = stream
    }

    func streamClosed(_ id: Int32, code: UInt32) {
        guard let stream = self.streams.removeValue(forKey: id) else { return }
        if self.recent === stream { self.recent = nil }
        stream.release()
        stream.channel?.streamClosed()
        stream.channel = nil
    }

    func tellCounters() {
        guard self.uncounted.streams > 0 else { return }
        self.settings.counters.http2Streams.wrappingAdd(self.uncounted.streams, ordering: .relaxed)
        self.settings.counters.readyRequests.wrappingAdd(self.uncounted.ready, ordering: .relaxed)
        self.uncounted = (0, 0)
    }
}
