import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Synchronization

/// One routed request as a channel of its own, so that the router's asynchronous channel works on it as on a connection: `HTTPRequestPart`s come in
/// as they are asked for, `HTTPResponsePart`s go out, and it is not writable while too much of the answer waits for the client.
///
/// `@unchecked Sendable`: all mutable state but the two atomics is used on the event loop only, where the pipeline and the connection call it.
final class HTTP2StreamChannel: Channel, ChannelCore, @unchecked Sendable {
    /// Bytes of the answer that wait for the client, from which on the router waits too, and at which it goes on.
    private static let highWater = 64 << 10
    private static let lowWater = 32 << 10

    let allocator = ByteBufferAllocator()
    let eventLoop: any EventLoop
    let parent: (any Channel)?
    let localAddress: SocketAddress?
    let remoteAddress: SocketAddress?
    private let id: Int32
    private let closePromise: EventLoopPromise<Void>
    private let activeFlag = Atomic<Bool>(true)
    private let writableFlag = Atomic<Bool>(true)

    /// Set at the end of the initialiser, because it is made from the channel itself.
    private var ownPipeline: ChannelPipeline!
    /// nil when the stream is closed.
    private var connection: HTTP2ConnectionHandler?
    private var inbound = CircularBuffer<HTTPRequestPart>()
    private var isReadWanted = false
    private var isDelivering = false
    private var autoRead = true
    private var hasBegun = false
    private var requestIsComplete = false
    private var answerIsComplete = false
    /// Since when a body is being waited for; nil while it is not.
    private(set) var waitsForBodySince: NIODeadline?

    /// It waits until `begin()`; what comes of the body until then is kept, as far as the stream's window goes.
    init(parent: any Channel, connection: HTTP2ConnectionHandler, id: Int32, request: HTTPRequest) {
        self.parent = parent
        self.eventLoop = parent.eventLoop
        self.localAddress = parent.localAddress
        self.remoteAddress = parent.remoteAddress
        self.connection = connection
        self.id = id
        self.closePromise = parent.eventLoop.makePromise()
        self.ownPipeline = ChannelPipeline(channel: self)
        self.inbound.append(.head(request))
    }

    var closeFuture: EventLoopFuture<Void> { self.closePromise.futureResult }
    var isActive: Bool { self.activeFlag.load(ordering: .relaxed) }
    var isWritable: Bool { self.writableFlag.load(ordering: .relaxed) }
    var _channelCore: any ChannelCore { self }
    var pipeline: ChannelPipeline { self.ownPipeline }

    // MARK: From the connection

    /// The handlers are in place: the request's head is the first thing they read.
    func begin() {
        self.hasBegun = true
        self.connection?.routerTakes(self.id)
        self.pipeline.fireChannelRegistered()
        self.pipeline.fireChannelActive()
        if self.autoRead { self.pipeline.read() }
    }

    func receivedBody(_ buffer: ByteBuffer) {
        guard !self.requestIsComplete else { return }
        self.waitsForBodySince = nil
        self.inbound.append(.body(buffer))
        self.deliver()
    }

    func receivedEnd() {
        guard !self.requestIsComplete else { return }
        self.requestIsComplete = true
        self.waitsForBodySince = nil
        self.inbound.append(.end(nil))
        self.deliver()
    }

    /// The router cannot be given it.
    func fail() {
        self.connection?.giveUp(self.id)
    }

    /// So much of the answer still waits.
    func drained(to bytes: Int) {
        guard bytes <= Self.lowWater, !self.isWritable else { return }
        self.writableFlag.store(true, ordering: .relaxed)
        // Not within nghttp2, which calls this: the router would be let in.
        self.eventLoop.execute { [self] in
            if self.isActive { self.pipeline.fireChannelWritabilityChanged() }
        }
    }

    /// The stream is closed, whoever closed it.
    func streamClosed() {
        guard let connection = self.connection else { return }
        if !self.hasBegun { connection.routed.leave(self) }
        connection.discarded(self.inbound.reduce(0) { if case .body(let buffer) = $1 { $0 + buffer.readableBytes } else { $0 } })
        // What the request's reader has not taken is still given to it when all of it has come; else it learns that there is no more.
        self.connection = nil
        self.waitsForBodySince = nil
        self.activeFlag.store(false, ordering: .relaxed)
        self.eventLoop.execute { [self] in
            self.inbound.removeAll()
            self.pipeline.fireChannelInactive()
            self.pipeline.fireChannelUnregistered()
            // The pipeline holds the channel and the channel the pipeline: this parts them.
            self.removeHandlers(pipeline: self.pipeline)
            self.closePromise.succeed()
        }
    }

    // MARK: Reading

    private func deliver() {
        guard self.isReadWanted, !self.inbound.isEmpty, !self.isDelivering else { return }
        self.isDelivering = true
        while self.isReadWanted, !self.inbound.isEmpty {
            self.isReadWanted = false
            while let part = self.inbound.popFirst() {
                let connection = self.connection
                self.pipeline.fireChannelRead(part)
                if case .body(let buffer) = part { connection?.consumed(buffer.readableBytes, on: self.id) }
            }
            self.pipeline.fireChannelReadComplete()
            if self.autoRead { self.pipeline.read() }
        }
        self.isDelivering = false
        if self.isReadWanted, !self.requestIsComplete { self.waitsForBodySince = self.eventLoop.now }
    }

    func read0() {
        self.isReadWanted = true
        if self.inbound.isEmpty, !self.requestIsComplete, self.waitsForBodySince == nil { self.waitsForBodySince = self.eventLoop.now }
        self.deliver()
    }

    // MARK: Writing

    func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part = self.unwrapData(data, as: HTTPResponsePart.self)
        guard let connection = self.connection, connection.write(part, on: self.id) else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        if case .end = part { self.answerIsComplete = true }
        if self.isWritable, connection.queuedBytes(on: self.id) >= Self.highWater {
            self.writableFlag.store(false, ordering: .relaxed)
            self.pipeline.fireChannelWritabilityChanged()
        }
        promise?.succeed()
    }

    func flush0() {
        self.connection?.pump()
    }

    func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .output:
            self.giveUp()
            promise?.succeed()
        case .input:
            self.requestIsComplete = true
            self.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            promise?.succeed()
        case .all:
            if let promise { self.closeFuture.cascade(to: promise) }
            self.giveUp()
        }
    }

    /// An answer without an end is told as such; nothing happens after a whole one, which is still on its way.
    private func giveUp() {
        guard let connection = self.connection, !self.answerIsComplete else { return }
        self.answerIsComplete = true
        connection.giveUp(self.id)
    }

    // MARK: What a stream has not

    func localAddress0() throws -> SocketAddress { try self.localAddress ?? { throw ChannelError.unknownLocalAddress }() }
    func remoteAddress0() throws -> SocketAddress { try self.remoteAddress ?? { throw ChannelError.operationUnsupported }() }
    func register0(promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }
    func bind0(to: SocketAddress, promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }
    func connect0(to: SocketAddress, promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }
    func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }
    func channelRead0(_ data: NIOAny) {}
    func errorCaught0(error: any Error) {}

    // MARK: Options

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
        self.eventLoop.submit {
            guard option is ChannelOptions.Types.AutoReadOption, let value = value as? Bool else { throw ChannelError.operationUnsupported }
            self.autoRead = value
            if value { self.pipeline.read() }
        }
    }

    func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
        self.eventLoop.submit {
            if option is ChannelOptions.Types.AutoReadOption, let value = self.autoRead as? Option.Value { return value }
            if option is ChannelOptions.Types.AllowRemoteHalfClosureOption, let value = true as? Option.Value { return value }
            throw ChannelError.operationUnsupported
        }
    }
}
