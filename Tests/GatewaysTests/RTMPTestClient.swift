import Glibc
import Media
import NIOCore
import NIOPosix
import NIOSSL
import RTMP
import Testing

/// Opens connections for tests of the gateway over real sockets.
enum RTMPTestClient {
    /// The server has closed before the awaited message came.
    struct Ended: Error {}

    /// With `context`: by TLS.
    static func open(port: Int, context: NIOSSLContext? = nil) async throws -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: "localhost"))
                    }
                    return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                }
            }
    }
}

/// The steps, over one connection that is closed at the end of `body`.
struct RTMPTestConnection {
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var decoder = ChunkDecoder()
    private var buffer = ByteBuffer()
    private(set) var isClosed = false

    static func with<Result>(
        port: Int, context: NIOSSLContext? = nil, _ body: (inout RTMPTestConnection) async throws -> Result
    ) async throws -> Result {
        let channel = try await RTMPTestClient.open(port: port, context: context)
        return try await channel.executeThenClose { inbound, outbound in
            var connection = RTMPTestConnection(inbound: inbound.makeAsyncIterator(), outbound: outbound)
            return try await body(&connection)
        }
    }

    private init(inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator, outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>) {
        self.inbound = inbound
        self.outbound = outbound
    }

    var feed: RTMPTestFeed { RTMPTestFeed(outbound: self.outbound) }

    func write(_ bytes: ByteBuffer) async throws { try await self.outbound.write(bytes) }

    private mutating func more() async throws -> Bool {
        do {
            guard var next = try await self.inbound.next() else {
                self.isClosed = true
                return false
            }
            self.buffer.writeBuffer(&next)
            return true
        } catch let error as IOError where error.errnoCode == ECONNRESET {
            // The server closed while bytes of ours were still unread.
            self.isClosed = true
            return false
        }
    }

    mutating func shakeHands() async throws {
        var generator = SystemRandomNumberGenerator()
        try await self.write(ClientHandshake.start(using: &generator))
        var handshake = ClientHandshake()
        while true {
            switch try handshake.received(&self.buffer) {
            case .needsMore: guard try await self.more() else { throw RTMPTestClient.Ended() }
            case .send(let bytes, let finished):
                try await self.write(bytes)
                if finished { return }
            case .finished: return
            }
        }
    }

    func command(_ name: String, _ transaction: Double, _ values: [AMF0Value], on messageStreamID: UInt32 = 0) async throws {
        try await self.write(RTMPCommand(name, transaction: transaction, values).payload, .commandAMF0, on: messageStreamID)
    }

    func write(_ payload: ByteBuffer, _ type: MessageType, timestamp: UInt32 = 0, on messageStreamID: UInt32 = 1) async throws {
        var out = ByteBuffer()
        try ChunkEncoder.encode(
            payload: payload, timestamp: timestamp, type: type, chunkStreamID: 4, messageStreamID: messageStreamID, chunkSize: 128, into: &out)
        try await self.write(out)
    }

    /// The next message; nil when the server has closed.
    mutating func next() async throws -> RTMPMessage? {
        while true {
            if let message = try self.decoder.next(from: &self.buffer) { return message }
            guard try await self.more() else { return nil }
        }
    }

    /// Skips to the status with this code, or to any of a level `error`.
    mutating func status() async throws -> String {
        while let message = try await self.next() {
            guard message.type == .commandAMF0 else { continue }
            let command = try RTMPCommand(message)
            if command.name == "onStatus", let code = command.value(1)?.object?["code"]?.string { return code }
        }
        throw RTMPTestClient.Ended()
    }

    mutating func connect(app: String = "live") async throws {
        try await self.shakeHands()
        try await self.command("connect", 1, [.object(["app": .string(app), "tcUrl": .string("rtmp://localhost/\(app)")])])
        try await self.command("createStream", 2, [.null])
        while let message = try await self.next() {
            guard message.type == .commandAMF0 else { continue }
            if try RTMPCommand(message).transaction == 2 { return }
        }
        throw RTMPTestClient.Ended()
    }

    /// Returns the code of the server's answer.
    mutating func publish(_ id: String, app: String = "live") async throws -> String {
        try await self.connect(app: app)
        try await self.command("publish", 3, [.null, .string(id), "live"], on: 1)
        return try await self.status()
    }

    mutating func play(_ id: String, app: String = "live") async throws -> String {
        try await self.connect(app: app)
        try await self.command("play", 3, [.null, .string(id)], on: 1)
        return try await self.status()
    }
}

/// Sends tracks and frames; may be used beside the connection that reads.
struct RTMPTestFeed: Sendable {
    let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

    func send(_ track: Track) async throws {
        guard let header = FLVTag.configurationHeader(track) else { return }
        try await self.send(header, ByteBuffer(bytes: track.configuration), track.kind == .video ? .video : .audio, timestamp: 0)
    }

    func send(_ frame: EncodedFrame, in track: Track) async throws {
        let header = try #require(FLVTag.header(of: frame, in: track))
        try await self.send(header, frame.payload, frame.kind == .video ? .video : .audio, timestamp: FLVTag.timestamp(of: frame))
    }

    private func send(_ header: FLVHeader, _ payload: ByteBuffer, _ type: MessageType, timestamp: UInt32) async throws {
        var out = ByteBuffer()
        try ChunkEncoder.encode(
            header: header, payload: payload, timestamp: timestamp, type: type, chunkStreamID: 4, messageStreamID: 1, chunkSize: 128, into: &out)
        try await self.outbound.write(out)
    }
}
