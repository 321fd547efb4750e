public import NIOCore

/// A client that publishes to another server, from the handshake on. Owned by one push connection; no I/O, no clock.
///
/// ```
/// handshake → connect → createStream → publish → publishing        any → closed
/// ```
///
/// A shell drives it like this:
///
///     var session = ClientSession(url: url)
///     write(session.start(now: .now(), using: &generator))          // connected (and TLS done)
///     // channelRead:      session.received(&buffer, now: .now());    carryOutOrders()
///     // channelInactive:  session.closed();                         carryOutOrders()
///     // timer at `session.deadline`: session.timedOut(now: .now()); carryOutOrders()
///     func carryOutOrders() { while let order = session.nextOrder() { switch order {
///         case .send(let bytes): write(bytes)
///         case .publishing: …                                        // from here on `append` frames and write them
///         case .failed(let failure): close, classify, back off
///     } } }
///     // frames:           try session.append(header, payload: …, timestamp: …, type: .video, into: &buffer)
///     // end:              write(session.stop()), then close
public struct ClientSession: Sendable {
    public struct Configuration: Sendable, Equatable {
        /// Bytes in one chunk of ours.
        public var chunkSize = 60000
        public var flashVersion = "FMLE/3.0 (compatible; Martlet)"
        /// FourCCs said in `connect`, for streams that need enhanced RTMP: `["hvc1"]`, `["Opus"]`, …
        public var fourCCs: [String] = []
        /// For each step from the handshake to the accepted publish.
        public var stepTimeout = TimeAmount.seconds(10)

        public init() {}
    }

    enum Phase: Sendable, Equatable {
        case idle
        case handshake(ClientHandshake)
        case connect
        case createStream
        case publish
        case publishing
        case closed
    }

    public let url: RTMPURL
    let configuration: Configuration
    var phase = Phase.idle
    private var decoder = ChunkDecoder()
    private var orders: [ClientOrder] = []
    var sendChunkSize = 128
    /// What the server calls our message stream.
    public internal(set) var messageStreamID: UInt32 = 0
    /// When `timedOut` is to be called; nil once publishing or closed.
    public internal(set) var deadline: NIODeadline?
    /// Bytes the server says it has received in all, and when it said so: a push that sends while this stands still is stalled. Servers that
    /// never acknowledge exist: nil until the first one.
    public private(set) var acknowledged: (byteCount: UInt64, at: NIODeadline)?
    private var receivedByteCount: UInt64 = 0
    private var acknowledgedByteCount: UInt64 = 0
    private var peerWindow: UInt32 = 0

    public init(url: RTMPURL, configuration: Configuration = Configuration()) {
        self.url = url
        self.configuration = configuration
    }

    public var isPublishing: Bool { self.phase == .publishing }

    /// C0 and C1.
    public mutating func start(now: NIODeadline, using generator: inout some RandomNumberGenerator) -> ByteBuffer {
        self.enter(.handshake(ClientHandshake()), now: now)
        return ClientHandshake.start(using: &generator)
    }

    public mutating func nextOrder() -> ClientOrder? { self.orders.isEmpty ? nil : self.orders.removeFirst() }

    /// Takes all bytes that have come.
    public mutating func received(_ buffer: inout ByteBuffer, now: NIODeadline) {
        do throws(RTMPError) {
            self.receivedByteCount &+= UInt64(buffer.readableBytes)
            try self.receivedHandshake(&buffer, now: now)
            guard self.hasHandshaken else { return }
            while self.phase != .closed, let message = try self.decoder.next(from: &buffer) {
                try self.received(message, now: now)
            }
            self.acknowledge()
        } catch {
            self.fail(.protocolError(error))
        }
    }

    /// The deadline has come. Nothing happens when the step was finished meanwhile.
    public mutating func timedOut(now: NIODeadline) {
        guard let deadline = self.deadline, now >= deadline else { return }
        switch self.phase {
        case .idle, .handshake: self.fail(.timedOut(.handshake))
        case .connect: self.fail(.timedOut(.connect))
        case .createStream: self.fail(.timedOut(.createStream))
        case .publish: self.fail(.timedOut(.publish))
        case .publishing, .closed: return
        }
    }

    /// The connection is gone.
    public mutating func closed() { self.fail(.closedByPeer) }

    /// Chunks one frame or configuration for this connection; `type` is audio or video.
    ///
    /// - Throws: `messageTooLarge` over 0xFFFFFF bytes; then nothing is written.
    public func append(
        _ header: FLVHeader, payload: ByteBuffer, timestamp: UInt32, type: MessageType, into out: inout ByteBuffer
    ) throws(RTMPError) {
        try ChunkEncoder.encode(
            header: header, payload: payload, timestamp: timestamp, type: type,
            chunkStreamID: type == .audio ? ChunkStreamID.audio : ChunkStreamID.video, messageStreamID: self.messageStreamID,
            chunkSize: self.sendChunkSize, into: &out)
    }

    /// Chunks `@setDataFrame onMetaData`.
    public func append(_ metadata: StreamMetadata, timestamp: UInt32, into out: inout ByteBuffer) throws(RTMPError) {
        try ChunkEncoder.encode(
            payload: metadata.payload(forServer: true), timestamp: timestamp, type: .dataAMF0, chunkStreamID: ChunkStreamID.data,
            messageStreamID: self.messageStreamID, chunkSize: self.sendChunkSize, into: &out)
    }

    // MARK: Bytes in

    private var hasHandshaken: Bool {
        switch self.phase {
        case .idle, .handshake: false
        default: true
        }
    }

    private mutating func receivedHandshake(_ buffer: inout ByteBuffer, now: NIODeadline) throws(RTMPError) {
        guard case .handshake(var handshake) = self.phase else { return }
        let result = try handshake.received(&buffer)
        self.phase = .handshake(handshake)
        switch result {
        case .needsMore: return
        case .send(let c2, let finished):
            self.orders.append(.send(c2))
            if finished { self.sendConnect(now: now) }
        case .finished: self.sendConnect(now: now)
        }
    }

    private mutating func received(_ message: RTMPMessage, now: NIODeadline) throws(RTMPError) {
        var payload = message.payload
        switch message.type {
        case .commandAMF0, .commandAMF3:
            self.received(try RTMPCommand(message), now: now)
        case .acknowledgement:
            guard let count = payload.readInteger(as: UInt32.self) else { throw .truncatedControl(message.type) }
            self.receivedAcknowledgement(count, now: now)
        case .windowAcknowledgementSize:
            guard let size = payload.readInteger(as: UInt32.self) else { throw .truncatedControl(message.type) }
            self.peerWindow = size
        case .setPeerBandwidth:
            guard let size = payload.readInteger(as: UInt32.self) else { throw .truncatedControl(message.type) }
            // RTMP 1.0 §5.4.5: answered with our window.
            self.send { chunkSize, out in ControlMessage.windowAcknowledgementSize(size).write(chunkSize: chunkSize, into: &out) }
        case .userControl:
            guard payload.readInteger(as: UInt16.self) == UserControl.pingRequest, let time = payload.readInteger(as: UInt32.self) else {
                return
            }
            self.send { chunkSize, out in ControlMessage.pingResponse(time).write(chunkSize: chunkSize, into: &out) }
        default:
            // Chunk sizes and aborts are the decoder's. Data messages and the rest are of no use to a publisher.
            return
        }
    }

    /// The wire's number has 32 bits; a stream of 10 Mb/s wraps it within the hour.
    private mutating func receivedAcknowledgement(_ count: UInt32, now: NIODeadline) {
        let before = self.acknowledged?.byteCount ?? 0
        let step = count &- UInt32(truncatingIfNeeded: before)
        self.acknowledged = (before &+ UInt64(step), now)
    }

    private mutating func acknowledge() {
        guard self.peerWindow > 0, self.receivedByteCount &- self.acknowledgedByteCount >= UInt64(self.peerWindow) else { return }
        self.acknowledgedByteCount = self.receivedByteCount
        let count = UInt32(truncatingIfNeeded: self.receivedByteCount)
        self.send { chunkSize, out in ControlMessage.acknowledgement(count).write(chunkSize: chunkSize, into: &out) }
    }

    // MARK: Orders

    mutating func enter(_ phase: Phase, now: NIODeadline) {
        self.phase = phase
        self.deadline = phase == .publishing ? nil : now + self.configuration.stepTimeout
    }

    mutating func order(_ order: ClientOrder) { self.orders.append(order) }

    /// Nothing after a failure: the rest of the read that brought it may still ask for answers.
    mutating func send(_ write: (_ chunkSize: Int, _ out: inout ByteBuffer) -> Void) {
        guard self.phase != .closed else { return }
        var out = ByteBuffer()
        if case .send(let last)? = self.orders.last {
            out = last
            self.orders.removeLast()
        }
        write(self.sendChunkSize, &out)
        self.orders.append(.send(out))
    }

    mutating func fail(_ failure: PushFailure) {
        guard self.phase != .closed else { return }
        self.phase = .closed
        self.deadline = nil
        self.orders.append(.failed(failure))
    }
}
