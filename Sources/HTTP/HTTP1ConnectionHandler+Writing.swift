import NIOCore
import NIOHTTP1

/// Answers on their way out.
extension HTTP1ConnectionHandler {
    // MARK: The fast path's

    func write(_ response: ReadyResponse, _ context: ChannelHandlerContext) {
        var response = response
        var file: FileBody?
        if case .file(let path, let offset, let length) = response.body, !self.isHead, length > 0 {
            file = FileBody.open(path: path, offset: offset, length: length)
            if file == nil { response = .text(status: 404, "Not Found") }
        }
        let framing = ResponseFraming.choose(
            status: response.status, isHead: self.isHead, length: response.body.length, version: self.version)
        var shortBody: ByteBuffer?
        if framing != .noBody, case .buffer(let body) = response.body, body.readableBytes <= Self.shortBodyBytes { shortBody = body }
        var head = context.channel.allocator.buffer(
            capacity: 256 + (response.common?.lines.count ?? 0) + 64 * response.headers.count + (shortBody?.readableBytes ?? 0))
        ResponseHead.begin(status: response.status, into: &head)
        if let common = response.common { ResponseHead.fields(common, into: &head) }
        for (name, value) in response.headers { ResponseHead.field(name, value, into: &head) }
        if framing == .untilClose { self.closesAfterResponse = true }
        if framing == .chunked {
            ResponseHead.field("Transfer-Encoding", "chunked", into: &head)
        } else if let length = response.body.length, response.status != 204 && response.status != 304 {
            ResponseHead.contentLength(length, into: &head)
        }
        ResponseHead.date(self.settings.dates.now(), into: &head)
        if let name = self.settings.serverName { ResponseHead.field("Server", name, into: &head) }
        self.endHead(&head)
        if let shortBody { head.writeImmutableBuffer(shortBody) }
        self.put(.byteBuffer(head), context, nil)
        if let file {
            self.send(file, context)
            return
        }
        switch response.body {
        case .buffer(let body) where framing != .noBody && shortBody == nil:
            self.put(.byteBuffer(body), context, nil)
        case .growing(let body) where framing != .noBody:
            self.phase = .ready
            var reader = GrowingBodyReader(body)
            let next = reader.next(on: context.eventLoop)
            return self.send(next, of: reader, isChunked: framing == .chunked, context)
        case .none, .buffer, .file, .growing:
            break
        }
        self.finish(context)
    }

    /// Up to here a body is copied behind its head: one buffer is written with less work than two.
    private static let shortBodyBytes = 8 << 10

    /// One piece of a body that is still being made, and the next one when the socket has taken it. How long the client may take over a piece is watched
    /// as with any other answer; how long the next one may take to be made is its maker's to say.
    private func send(_ next: GrowingBodyReader.Next, of reader: GrowingBodyReader, isChunked: Bool, _ context: ChannelHandlerContext) {
        let exchange = self.exchange
        let connection = NIOLoopBound((self, context, reader), eventLoop: context.eventLoop)
        switch next {
        case .piece(let piece):
            let sent = context.eventLoop.makePromise(of: Void.self)
            sent.futureResult.whenComplete { result in
                var (handler, context, reader) = connection.value
                guard handler.exchange == exchange, case .ready = handler.phase, case .success = result else { return }
                let next = reader.next(on: context.eventLoop)
                handler.send(next, of: reader, isChunked: isChunked, context)
            }
            if isChunked { self.put(.byteBuffer(ByteBuffer(string: String(piece.readableBytes, radix: 16) + "\r\n")), context, nil) }
            self.put(.byteBuffer(piece), context, isChunked ? nil : sent)
            if isChunked { self.put(.byteBuffer(ByteBuffer(staticString: "\r\n")), context, sent) }
        case .later(let future):
            future.whenComplete { result in
                var (handler, context, reader) = connection.value
                guard handler.exchange == exchange, case .ready = handler.phase else { return }
                let next: GrowingBodyReader.Next =
                    switch result {
                    case .success(let step): reader.next(step, on: context.eventLoop)
                    case .failure: .broken
                    }
                handler.send(next, of: reader, isChunked: isChunked, context)
            }
        case .end:
            if isChunked { self.put(.byteBuffer(ByteBuffer(staticString: "0\r\n\r\n")), context, nil) }
            self.finish(context)
        case .broken:
            return self.closeNow(context)
        }
        // The head leaves even when there is nothing behind it yet.
        self.flushIfNeeded(context, evenWhileReading: true)
    }

    /// The next answer waits until the file is gone, so a connection holds at most one descriptor.
    private func send(_ file: FileBody, _ context: ChannelHandlerContext) {
        self.phase = .ready
        guard !self.settings.isSecure else { return self.sendNextPiece(of: file, context) }
        var file = file
        if self.sendAhead(&file, context) {
            file.close()
            return self.finish(context)
        }
        let exchange = self.exchange
        let region = file.region
        let connection = NIOLoopBound((self, context, file), eventLoop: context.eventLoop)
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenComplete { result in
            let (handler, context, file) = connection.value
            file.close()
            guard handler.exchange == exchange, case .ready = handler.phase, case .success = result else { return }
            handler.finish(context)
        }
        self.put(.fileRegion(region), context, sent)
        self.flushIfNeeded(context, evenWhileReading: true)
    }

    /// What is encrypted cannot be sent by sendfile(2): pieces are read as the socket takes them.
    private func sendNextPiece(of file: FileBody, _ context: ChannelHandlerContext) {
        var file = file
        guard let piece = file.readPiece(atMost: Self.pieceBytes, allocator: context.channel.allocator) else {
            // Cut short under us: the promised length cannot be kept, and only closing tells the client.
            file.close()
            return self.closeNow(context)
        }
        let exchange = self.exchange
        let connection = NIOLoopBound((self, context, file), eventLoop: context.eventLoop)
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenComplete { result in
            let (handler, context, file) = connection.value
            guard handler.exchange == exchange, case .ready = handler.phase, case .success = result else { return file.close() }
            guard file.region.readableBytes > 0 else {
                file.close()
                return handler.finish(context)
            }
            handler.sendNextPiece(of: file, context)
        }
        self.put(.byteBuffer(piece), context, sent)
        self.flushIfNeeded(context, evenWhileReading: true)
    }

    private static let pieceBytes = 128 << 10

    private func endHead(_ head: inout ByteBuffer) {
        if let value = self.settings.strictTransport { ResponseHead.field("Strict-Transport-Security", value, into: &head) }
        if self.closesAfterResponse {
            ResponseHead.field("Connection", "close", into: &head)
        } else if !self.version.keepsAliveByDefault {
            ResponseHead.field("Connection", "keep-alive", into: &head)
        }
        ResponseHead.end(into: &head)
    }

    // MARK: The router's

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .routed(var routed) = self.phase else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch HTTP1ConnectionHandler.unwrapOutboundIn(data) {
        case .head(let head):
            self.writeHead(head, &routed, context, promise)
        case .body(.byteBuffer(var body)):
            guard let (before, after) = routed.admit(&body) else {
                promise?.succeed()
                break
            }
            if !before.isEmpty { self.put(.byteBuffer(ByteBuffer(string: before)), context, nil) }
            self.put(.byteBuffer(body), context, after.utf8CodeUnitCount > 0 ? nil : promise)
            if after.utf8CodeUnitCount > 0 { self.put(.byteBuffer(ByteBuffer(staticString: after)), context, promise) }
        case .body(.fileRegion):
            // The codec behind us only makes buffers.
            routed.isBroken = true
            promise?.fail(ChannelError.operationUnsupported)
        case .end(let trailers):
            var buffer = context.channel.allocator.buffer(capacity: 32)
            routed.end(trailers: trailers, into: &buffer)
            self.put(.byteBuffer(buffer), context, promise)
            if routed.isBroken || routed.framing == nil || !self.requestIsComplete { self.closesAfterResponse = true }
            self.finish(context)
            return
        }
        self.phase = .routed(routed)
    }

    private func writeHead(
        _ head: HTTPResponseHead, _ routed: inout RoutedResponse, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?
    ) {
        guard routed.framing == nil else {
            // A second head, as after an error in mid-response: what went out cannot be taken back.
            routed.isBroken = true
            promise?.succeed()
            return
        }
        var buffer = context.channel.allocator.buffer(capacity: 512)
        if head.status.code < 200 {
            ResponseHead.begin(status: Int(head.status.code), into: &buffer)
            for (name, value) in head.headers { ResponseHead.field(name, value, into: &buffer) }
            ResponseHead.end(into: &buffer)
        } else {
            // A body nobody read: it is not known how much of it will still come, so the connection ends with this answer.
            if !self.requestIsComplete { self.closesAfterResponse = true }
            routed.begin(head, isHead: self.isHead, version: self.version, closes: &self.closesAfterResponse, into: &buffer)
            self.endHead(&buffer)
        }
        self.put(.byteBuffer(buffer), context, promise)
    }

    // MARK: Flushing and closing

    func flush(context: ChannelHandlerContext) {
        self.needsFlush = true
        self.flushIfNeeded(context, evenWhileReading: true)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .output:
            // From behind us: the router has nothing more to say.
            promise?.succeed()
            switch self.phase {
            case .closing, .upgraded: break
            default: self.beginClosing(context)
            }
        case .input, .all:
            context.close(mode: mode, promise: promise)
        }
    }

    /// Everything written leaves first; then the output is shut and the input drained for a while.
    func beginClosing(_ context: ChannelHandlerContext) {
        if case .closing = self.phase { return }
        self.phase = .closing
        self.waiting.removeAll()
        self.waitingHeads = 0
        let connection = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { result in
            let (handler, context) = connection.value
            guard case .success = result, !handler.inputIsClosed else { return handler.closeNow(context) }
            context.close(mode: .output, promise: nil)
            handler.armLingerTimer(context)
        }
        self.put(.byteBuffer(ByteBuffer()), context, written)
        self.flushIfNeeded(context, evenWhileReading: true)
        if self.readIsHeld {
            self.readIsHeld = false
            context.read()
        }
    }

    /// With nothing left to send; harmless when the channel is closed already.
    func closeNow(_ context: ChannelHandlerContext) {
        context.close(mode: .all, promise: nil)
    }
}
