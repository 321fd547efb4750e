import NIOCore

/// The server's side of one connection after the handshake. Owned by the connection's handler; no I/O, no clock.
///
/// ```
/// waitingForConnect → connected ⇄ authorizingPublish → publishing
///                               ⇄ authorizingPlay    → playing       any → closed
/// ```
///
/// A shell drives it like this:
///
///     // channelRead; `handshake`, `decoder` and `session` are stored in the handler
///     if !handshaken { … handshake.received(&buffer, using: &generator) … }
///     session.receivedBytes(count: byteCount)
///     while let message = try decoder.next(from: &buffer) {
///         switch try session.received(message) {
///         case .media(let message): …                       // message.type is .audio or .video
///         case .nothing: break
///         case .orders: carryOutOrders()
///         }
///     }
///     carryOutOrders()                                       // an acknowledgement may be due
///
///     func carryOutOrders() { while let order = session.nextOrder() { switch order { … } } }
///
///     // when the gate has answered, on the event loop again
///     if session.publishAccepted(request) { carryOutOrders() } else { /* the client has left meanwhile: undo */ }
///
/// After a thrown error the connection is to be closed. Nothing is allocated for a media message.
public struct ServerSession: Sendable {
    public struct Configuration: Sendable, Equatable {
        /// Bytes in one chunk of ours; 128...65536 is what peers take.
        public var chunkSize = 60000
        /// The client acknowledges every so many bytes.
        public var windowAcknowledgementSize: UInt32 = 2_500_000

        public init(chunkSize: Int = 60000, windowAcknowledgementSize: UInt32 = 2_500_000) {
            self.chunkSize = max(128, min(65536, chunkSize))
            self.windowAcknowledgementSize = windowAcknowledgementSize
        }
    }

    public enum OnReceived: Sendable, Equatable {
        case nothing
        /// Audio or video of the publisher.
        case media(RTMPMessage)
        /// Something to do: call `nextOrder` until it answers nil.
        case orders
    }

    enum Phase: Sendable, Equatable {
        case waitingForConnect
        case connected
        case authorizingPublish(Pending)
        case publishing(Active)
        case authorizingPlay(Pending)
        case playing(Active)
        case closed
    }

    /// A request the shell has not answered yet.
    struct Pending: Sendable, Equatable {
        var request: Int
        var messageStreamID: UInt32
        var id: String
        /// The player wants `Play.Reset` first.
        var resets = false
    }

    struct Active: Sendable, Equatable {
        var messageStreamID: UInt32
        var id: String
    }

    /// The only message stream a play is answered on, so that all viewers of a stream get the very same bytes.
    public static let playMessageStreamID: UInt32 = 1

    let configuration: Configuration
    var phase = Phase.waitingForConnect
    var connect: ConnectRequest?
    var requests = 0
    /// Message streams the client has created, bit n - 1 for stream n.
    var createdStreams: UInt16 = 0
    var wantsFCPublishStatus = false
    /// What a publisher has sent while its request waits for the answer: sequence headers above all.
    var early: [ServerOrder] = []
    var earlyBytes = 0
    private var orders: [ServerOrder] = []
    private var ordersTaken = 0
    /// Chunk size of what we send: 128 until we have said otherwise.
    public internal(set) var sendChunkSize = 128
    private var receivedByteCount: UInt64 = 0
    private var acknowledgedByteCount: UInt64 = 0
    private var peerWindow: UInt32 = 0

    public init(configuration: Configuration = Configuration()) { self.configuration = configuration }

    public var isPublishing: Bool { if case .publishing = self.phase { true } else { false } }
    public var isPlaying: Bool { if case .playing = self.phase { true } else { false } }

    /// The next thing to do, in order; nil when there is nothing left.
    public mutating func nextOrder() -> ServerOrder? {
        guard self.ordersTaken < self.orders.count else {
            if self.ordersTaken > 0 {
                self.orders = []
                self.ordersTaken = 0
            }
            return nil
        }
        defer { self.ordersTaken += 1 }
        return self.orders[self.ordersTaken]
    }

    /// Counts what was read from the socket, handshake included, and queues an acknowledgement when the client's window asks for one.
    public mutating func receivedBytes(count: Int) {
        self.receivedByteCount &+= UInt64(max(0, count))
        // At half the window: some encoders stop sending when an acknowledgement comes late.
        guard self.peerWindow > 0, self.receivedByteCount &- self.acknowledgedByteCount >= UInt64(max(1, self.peerWindow / 2)) else { return }
        self.acknowledgedByteCount = self.receivedByteCount
        self.send(ControlMessage.acknowledgement(UInt32(truncatingIfNeeded: self.receivedByteCount)))
    }

    /// - Throws: what ends the connection: bytes that are no RTMP, or commands beyond the limits.
    public mutating func received(_ message: RTMPMessage) throws(RTMPError) -> OnReceived {
        switch message.type {
        case .audio, .video:
            if case .publishing = self.phase { return .media(message) }
            self.keepEarly(.media(message), byteCount: message.payload.readableBytes)
            return .nothing
        case .commandAMF0, .commandAMF3:
            try self.received(RTMPCommand(message), on: message.messageStreamID)
        case .dataAMF0, .dataAMF3:
            self.receivedData(message)
        case .aggregate:
            try self.receivedAggregate(message)
        case .userControl:
            self.receivedUserControl(message.payload)
        case .windowAcknowledgementSize:
            guard let size = message.payload.getInteger(at: message.payload.readerIndex, as: UInt32.self) else {
                throw .truncatedControl(message.type)
            }
            self.peerWindow = size
        default:
            // Chunk sizes and aborts are the decoder's; acknowledgements, bandwidths and shared objects have nothing to tell a server.
            guard (1...22).contains(message.type.rawValue) else { throw .unknownMessageType(message.type.rawValue) }
        }
        return self.ordersTaken < self.orders.count ? .orders : .nothing
    }

    private mutating func receivedUserControl(_ payload: ByteBuffer) {
        var payload = payload
        // Set Buffer Length, ping responses and events of other servers ask for nothing; a cut one neither (gortmplib@9781278).
        guard payload.readInteger(as: UInt16.self) == UserControl.pingRequest, let time = payload.readInteger(as: UInt32.self) else { return }
        self.send(ControlMessage.pingResponse(time))
    }

    /// Data that cannot be read is not worth a connection.
    private mutating func receivedData(_ message: RTMPMessage) {
        guard self.takesMedia else { return }
        let values: [AMF0Value]
        do throws(RTMPError) {
            values = try RTMPCommand.values(message, isAMF3: message.type == .dataAMF3, AMF0Decoder.Limits())
        } catch {
            return
        }
        guard let metadata = StreamMetadata(values) else { return }
        if self.isPublishing {
            self.order(.metadata(metadata))
        } else {
            self.keepEarly(.metadata(metadata), byteCount: message.payload.readableBytes)
        }
    }

    private mutating func receivedAggregate(_ message: RTMPMessage) throws(RTMPError) {
        guard self.takesMedia else { return }
        for part in try AggregateMessage.split(message) {
            switch part.type {
            case .audio, .video:
                if self.isPublishing {
                    self.order(.media(part))
                } else {
                    self.keepEarly(.media(part), byteCount: part.payload.readableBytes)
                }
            case .dataAMF0, .dataAMF3: self.receivedData(part)
            default: continue
            }
        }
    }

    private var takesMedia: Bool {
        switch self.phase {
        case .publishing, .authorizingPublish: true
        default: false
        }
    }

    /// Bounded by keeping the first: sequence headers and the first keyframe. What is dropped later is a gap, not a broken stream.
    private mutating func keepEarly(_ order: ServerOrder, byteCount: Int) {
        guard case .authorizingPublish = self.phase, self.early.count < 256, self.earlyBytes + byteCount <= 1 << 20 else { return }
        self.early.append(order)
        self.earlyBytes += byteCount
    }

    // MARK: Orders

    mutating func order(_ order: ServerOrder) {
        guard self.phase != .closed else { return }
        self.orders.append(order)
    }

    mutating func send(_ message: ControlMessage) {
        self.send { chunkSize, out in message.write(chunkSize: chunkSize, into: &out) }
    }

    /// Joins what is sent in one go: small writes are packets of their own with TCP_NODELAY.
    mutating func send(_ write: (_ chunkSize: Int, _ out: inout ByteBuffer) -> Void) {
        guard self.phase != .closed else { return }
        var out = ByteBuffer()
        if self.ordersTaken < self.orders.count, case .send(let last)? = self.orders.last {
            out = last
            self.orders.removeLast()
        }
        write(self.sendChunkSize, &out)
        self.orders.append(.send(out))
    }
}
