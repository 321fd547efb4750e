import Glibc
import Logging
import NIOCore
import RTMP
import Streams
import Synchronization

/// One RTMP connection: hands bytes to the machines of the RTMP room and carries out what they order. Confined to its event loop.
///
/// ```
/// handshake → commands → publishing | playing → closed
/// ```
final class RTMPConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the connection is for, once the gate has let it in.
    enum Role {
        case none
        case publisher(Publisher, RTMPIngest)
        case player(RTMPPlayer, PlayerLane, StreamFanOut)
    }

    let gateway: RTMPGateway
    let loop: RTMPLoop
    var session: ServerSession
    var role = Role.none
    /// Names what is published or played in log lines; the id as the client said it, shortened.
    var subject = ""
    var context: ChannelHandlerContext?
    var remoteAddress = ""

    private var handshake: ServerHandshake? = ServerHandshake()
    private var decoder = ChunkDecoder()
    /// Read while a gate was being asked; bounded, because reading stops then.
    private var waiting: ByteBuffer?
    var isWaitingForGate = false
    private var isReading = false
    private var isAutoReading = true
    /// The loop reads the socket at its own pace.
    var isPolled = false {
        didSet { self.updateAutoRead() }
    }
    /// Encrypted by a handler before this one, past which nothing may be read or written.
    let isSecure: Bool
    /// The channel's socket; nil when it must not be used. Used only on the event loop that closes it, and only while the channel is active: it
    /// cannot be another's by then.
    private(set) var socket: NIOBSDSocket.Handle?
    private var isClosing = false
    private var needsFlush = false
    /// Writes that the channel has not handed to the socket yet. While there are any, nothing may go past the channel.
    private(set) var unfinishedWrites = 0
    private let id: UInt64
    private var port = 0
    private let acceptedAt = NIODeadline.now()
    private var lastReceived = NIODeadline.now()
    /// Since when the socket has not taken what waits for it; nil while it takes all.
    private var blockedSince: NIODeadline?

    init(id: UInt64, gateway: RTMPGateway, loop: RTMPLoop, isSecure: Bool) {
        self.id = id
        self.isSecure = isSecure
        self.gateway = gateway
        self.loop = loop
        self.session = ServerSession(configuration: .init(chunkSize: gateway.configuration.chunkSize))
    }

    /// Made when it is needed: ten thousand connections would hold as many copies of its texts.
    var logger: Logger {
        var logger = self.gateway.logger
        logger[metadataKey: "connection"] = "r\(self.id)"
        logger[metadataKey: "peer"] = "\(self.remoteAddress):\(self.port)"
        return logger
    }

    // MARK: Channel

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        do {
            self.socket =
                self.isSecure ? nil : try context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        } catch {
            // A channel that is closing already; everything goes through it, then.
            self.socket = nil
        }
        self.remoteAddress = context.remoteAddress?.ipAddress ?? "unknown"
        self.port = context.remoteAddress?.port ?? 0
        let open = self.gateway.counters.connections.wrappingAdd(1, ordering: .relaxed).newValue
        self.gateway.counters.connectionsTotal.wrappingAdd(1, ordering: .relaxed)
        self.loop.add(self)
        if open > self.gateway.configuration.maxConnections {
            self.gateway.counters.refused.wrappingAdd(1, ordering: .relaxed)
            self.logger.warning("RTMP connection refused: too many connections")
            return self.close()
        }
        self.logger.debug("RTMP connection accepted")
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.leaveRole(.lost)
        self.context = nil
        self.loop.remove(self)
        self.gateway.counters.connections.wrappingSubtract(1, ordering: .relaxed)
        self.logger.debug("RTMP connection closed")
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isClosing else { return }
        var buffer = self.unwrapInboundIn(data)
        self.lastReceived = NIODeadline.now()
        self.session.receivedBytes(count: buffer.readableBytes)
        if self.isWaitingForGate {
            if self.waiting == nil { self.waiting = buffer } else { self.waiting?.writeBuffer(&buffer) }
            return
        }
        self.read(&buffer)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.flushIfNeeded()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            if self.unfinishedWrites == 0 { self.blockedSince = nil }
        } else {
            self.blockedSince = self.blockedSince ?? NIODeadline.now()
        }
        // A peer that asks and never reads would let the answers pile up.
        self.updateAutoRead()
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Connection resets are how many players leave.
        self.logger.debug("RTMP connection failed", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    // MARK: Reading

    /// Takes what has come into `scratch`, whose bytes are not kept. On the loop, for publishers that it reads at its own pace.
    func poll(_ scratch: inout ByteBuffer, now: NIODeadline) {
        guard self.isPolled, !self.isWaitingForGate, !self.isClosing, let socket = self.socket, let channel = self.context?.channel,
            channel.isActive, channel.isWritable
        else { return }
        scratch.clear()
        var count = 0
        scratch.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.pollBytes) { bytes in
            count = recv(socket, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
            return max(0, count)
        }
        if count > 0 {
            self.lastReceived = now
            self.session.receivedBytes(count: count)
            self.read(&scratch)
            self.flushIfNeeded()
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            self.context?.close(promise: nil)
        }
    }

    private static let pollBytes = 64 << 10

    private func read(_ buffer: inout ByteBuffer) {
        let start = buffer
        self.isReading = true
        defer { self.isReading = false }
        do {
            guard try self.shakeHands(&buffer) else { return }
            while !self.isClosing, !self.isWaitingForGate, let message = try self.decoder.next(from: &buffer) {
                switch try self.session.received(message) {
                case .media(let message): self.take(message)
                case .nothing: break
                case .orders: self.carryOutOrders()
                }
            }
            if self.isWaitingForGate, buffer.readableBytes > 0 { self.waiting = buffer }
            self.carryOutOrders()
        } catch {
            self.fail(error, bytes: start)
        }
    }

    private func shakeHands(_ buffer: inout ByteBuffer) throws -> Bool {
        while var handshake = self.handshake {
            var generator = SystemRandomNumberGenerator()
            let result = try handshake.received(&buffer, using: &generator)
            self.handshake = handshake
            switch result {
            case .needsMore: return false
            case .send(let bytes, let finished):
                self.send(bytes)
                if finished { self.handshake = nil } else { return false }
            case .finished: self.handshake = nil
            }
        }
        return true
    }

    private func fail(_ error: any Error, bytes: ByteBuffer) {
        self.gateway.counters.protocolErrors.wrappingAdd(1, ordering: .relaxed)
        var metadata: Logger.Metadata = ["error": "\(error)"]
        // Only what came instead of a handshake is shown: a later read may begin in the middle of a stream key.
        if self.handshake != nil {
            let head = bytes.readableBytesView.prefix(16).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
            metadata["bytes"] = "\(head.joined())"
        }
        self.logger.info("RTMP connection closed: protocol error", metadata: metadata)
        self.close()
    }

    func carryOutOrders() {
        while let order = self.session.nextOrder() {
            switch order {
            case .send(let bytes): self.send(bytes)
            case .media(let message): self.take(message)
            case .metadata(let metadata):
                if case .publisher(_, let ingest) = self.role { ingest.received(metadata) }
            case .authorizePublish(let command): self.authorize(command)
            case .authorizePlay(let command): self.authorize(command)
            case .endPublish, .endPlay: self.leaveRole(.finished)
            case .pause(let isPaused): self.withPlayer { player, _ in player.isPaused = isPaused }
            case .receiveAudio(let wanted): self.withPlayer { player, _ in player.receivesAudio = wanted }
            case .receiveVideo(let wanted): self.withPlayer { player, _ in player.receivesVideo = wanted }
            case .close(let reason):
                self.logger.debug("RTMP connection is being closed", metadata: ["reason": "\(reason)"])
                self.close()
            }
        }
        if !self.isReading { self.flushIfNeeded() }
    }

    private func take(_ message: RTMPMessage) {
        guard case .publisher(let publisher, var ingest) = self.role else { return }
        // Moved out and back, so that the copy in the enum is not a second owner.
        self.role = .none
        if message.type == .video {
            ingest.receivedVideo(message.payload, timestamp: message.timestamp, now: self.lastReceived)
        } else {
            ingest.receivedAudio(message.payload, timestamp: message.timestamp, now: self.lastReceived)
        }
        if ingest.newProblem != nil, let problem = ingest.takeProblem() {
            self.logger.warning("RTMP publisher sends what is skipped", metadata: ["stream": "\(self.subject)", "problem": "\(problem)"])
        }
        self.role = .publisher(publisher, ingest)
    }

    private func withPlayer(_ body: (RTMPPlayer, PlayerLane) -> Void) {
        guard case .player(let player, let lane, _) = self.role else { return }
        body(player, lane)
        lane.serve(player)
    }

    // MARK: Gates

    /// Stops reading until the gate has answered, so that what a client sends meanwhile stays bounded.
    func beginWaiting() {
        self.isWaitingForGate = true
        self.updateAutoRead()
    }

    /// What was read meanwhile is taken up. On the loop, after the session has been told the answer.
    func endWaiting() {
        self.isWaitingForGate = false
        self.carryOutOrders()
        if var buffer = self.waiting {
            self.waiting = nil
            self.read(&buffer)
        }
        self.flushIfNeeded()
        self.updateAutoRead()
    }

    /// Reads only while what a peer asks for can be answered.
    private func updateAutoRead() {
        guard let channel = self.context?.channel else { return }
        let wanted = !self.isWaitingForGate && channel.isWritable && !self.isPolled
        guard wanted != self.isAutoReading else { return }
        self.isAutoReading = wanted
        do {
            try channel.syncOptions?.setOption(.autoRead, value: wanted)
        } catch {
            self.logger.debug("RTMP connection was closed meanwhile", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Leaving

    /// Undoes what `role` stands for; calling it again does nothing.
    func leaveRole(_ end: PublishEnd) {
        let role = self.role
        self.role = .none
        switch role {
        case .none: return
        case .publisher(let publisher, _):
            self.loop.removePublisher(self)
            publisher.end(end)
            self.logger.info("RTMP publish ended", metadata: ["stream": "\(self.subject)", "reason": "\(end)"])
        case .player(let player, let lane, let fanOut):
            lane.remove(player)
            self.gateway.counters.playerSkips.wrappingAdd(player.skips, ordering: .relaxed)
            self.gateway.table.leave(fanOut)
            self.logger.info("RTMP play ended", metadata: ["stream": "\(self.subject)", "skips": "\(player.skips)"])
        }
    }

    /// Asks the peer to leave, and closes. On the loop.
    func stop(_ reason: PublishStop) {
        guard !self.isClosing else { return }
        self.leaveRole(.stopped(reason))
        self.session.stop(reason.status)
        self.carryOutOrders()
        self.close()
    }

    /// Closes at once. On the loop.
    func abort() {
        self.context?.close(promise: nil)
    }

    /// Closes behind what has been written; a peer that does not take it is cut off by `checkDeadlines`.
    func close() {
        guard !self.isClosing else { return }
        self.isClosing = true
        self.leaveRole(.lost)
        self.waiting = nil
        self.blockedSince = self.blockedSince ?? NIODeadline.now()
        guard let context = self.context else { return }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer())).whenComplete { _ in bound.value.close(promise: nil) }
    }

    func checkDeadlines(now: NIODeadline) {
        let configuration = self.gateway.configuration
        if let since = self.blockedSince, now - since > configuration.idleTimeout {
            if !self.isClosing { self.logger.info("RTMP connection closed: the peer takes nothing", metadata: ["stream": "\(self.subject)"]) }
            return self.abort()
        }
        switch self.role {
        case .publisher:
            guard now - self.lastReceived > configuration.idleTimeout else { return }
            self.logger.info("RTMP connection closed: the publisher is silent", metadata: ["stream": "\(self.subject)"])
            self.close()
        case .player: return
        case .none:
            guard !self.isWaitingForGate, now - max(self.acceptedAt, self.idleSince) > configuration.handshakeTimeout else { return }
            self.logger.debug("RTMP connection closed: nothing was asked for in time")
            self.abort()
        }
    }

    /// When the connection was last of use.
    var idleSince = NIODeadline.uptimeNanoseconds(0)

    // MARK: Writing

    private func send(_ bytes: ByteBuffer) {
        self.write(bytes)
        self.needsFlush = true
    }

    /// What a player's socket did not take at once. The player is served again when this has been written.
    func writeMedia(_ bytes: ByteBuffer) {
        self.blockedSince = self.blockedSince ?? NIODeadline.now()
        self.write(bytes)
        self.context?.flush()
    }

    private func write(_ bytes: ByteBuffer) {
        guard let context = self.context else { return }
        self.unfinishedWrites += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { _ in bound.value.finishedWrite() }
        context.write(self.wrapOutboundOut(bytes), promise: promise)
    }

    private func finishedWrite() {
        self.unfinishedWrites -= 1
        guard self.unfinishedWrites == 0, !self.isClosing else { return }
        self.blockedSince = nil
        if case .player(let player, let lane, _) = self.role { lane.serve(player) }
    }

    func flushIfNeeded() {
        guard self.needsFlush else { return }
        self.needsFlush = false
        self.context?.flush()
    }
}

extension PublishStop {
    /// What the publisher is told.
    var status: StatusMessage {
        switch self {
        case .replaced: .publishBadName("Another publisher has taken over.")
        case .stoppedByUser: .unpublishSuccess("The stream was stopped and")
        case .deleted: .unpublishSuccess("The stream was deleted and")
        case .tooHigh: .failed("The picture is higher than this server accepts.")
        case .tooFast: .failed("The bitrate is higher than this server accepts.")
        case .shuttingDown: .unpublishSuccess("The server is shutting down; the stream")
        }
    }
}
