import CNGHTTP2
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import Synchronization

/// Answers on their way out.
extension HTTP2ConnectionHandler {
    /// A batch is handed to the channel when it holds so much.
    private static let batchBytes = 64 << 10
    /// Batches one pump may send before other connections of the loop have their turn.
    private static let batchesInARow = 16

    // MARK: The fast path's

    func answer(_ response: ReadyResponse, on stream: HTTP2Stream) {
        guard !stream.isAnswered, let context = self.context else { return }
        stream.isAnswered = true
        var response = response
        if case .file(let path, let offset, let length) = response.body, !stream.isHead, length > 0 {
            if let file = FileBody.open(path: path, offset: offset, length: length) {
                stream.body = .file(file)
            } else {
                response = .text(status: 404, "Not Found")
            }
        }
        let status = response.status
        let length = response.body.length
        let framing = ResponseFraming.choose(status: status, isHead: stream.isHead, length: length, version: .http1_1)
        if framing == .noBody || length == 0 {
            stream.release()
        } else if case .buffer(let buffer) = response.body {
            stream.body = .buffer(buffer)
        } else if case .growing(let body) = response.body {
            stream.body = .growing(HTTP2GrowingBody(body))
        }
        stream.lastProgress = self.now(context)
        self.fieldBlock.begin(status: status)
        if let common = response.common { self.fieldBlock.add(common.block) }
        for (name, value) in response.headers { self.fieldBlock.add(name, value, isUnique: true) }
        if let length, status != 204 && status != 304 { self.fieldBlock.add(clean: "content-length", String(length)) }
        self.fieldBlock.add(clean: "date", self.settings.dates.now())
        if let name = self.settings.serverName { self.fieldBlock.add("server", name) }
        self.submitHead(of: stream)
    }

    /// With what `fieldBlock` holds, and the body if the stream has one.
    private func submitHead(of stream: HTTP2Stream) {
        if let value = self.settings.strictTransport { self.fieldBlock.add("strict-transport-security", value) }
        let session = self.session
        let result = self.fieldBlock.withFields { fields, count in
            guard case .none = stream.body else {
                var provider = HTTP2Callbacks.provider()
                return nghttp2_submit_response(session, stream.id, fields, count, &provider)
            }
            return nghttp2_submit_response(session, stream.id, fields, count, nil)
        }
        if result != 0 { self.reset(stream.id, code: NGHTTP2_INTERNAL_ERROR) }
    }

    // MARK: The router's

    func sayContinue(on stream: HTTP2Stream) {
        self.fieldBlock.begin(status: 100)
        self.submitInterim(on: stream)
    }

    private func submitInterim(on stream: HTTP2Stream) {
        let session = self.session
        let result = self.fieldBlock.withFields { fields, count in
            nghttp2_submit_headers(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, nil, fields, count, nil)
        }
        if result != 0 { self.reset(stream.id, code: NGHTTP2_INTERNAL_ERROR) }
    }

    /// False when the stream is not there any more. Nothing leaves before the next `pump()`.
    func write(_ part: HTTPResponsePart, on id: Int32) -> Bool {
        guard let stream = self.stream(id), stream.channel != nil, case .open = self.phase else { return false }
        switch part {
        case .head(let head):
            self.writeHead(head, on: stream)
        case .body(let buffer):
            self.changeQueue(of: stream) { $0.append(buffer) }
        case .end(let trailers):
            if !stream.isAnswered {
                self.reset(id, code: NGHTTP2_INTERNAL_ERROR)
            } else {
                self.changeQueue(of: stream) { $0.end() }
                if let trailers, !trailers.isEmpty { stream.trailers = trailers.map { ($0.name.rawName, $0.value) } }
            }
        }
        return true
    }

    private func writeHead(_ head: HTTPResponse, on stream: HTTP2Stream) {
        guard !stream.isAnswered else {
            // A second head, as after an error in mid-response: what went out cannot be taken back.
            return self.reset(stream.id, code: NGHTTP2_INTERNAL_ERROR)
        }
        self.fieldBlock.begin(status: head.status.code)
        for field in head.headerFields { self.fieldBlock.add(field.name.canonicalName, field.value) }
        if head.status.code < 200 { return self.submitInterim(on: stream) }
        stream.isAnswered = true
        let declared = head.headerFields[.contentLength].flatMap { Int64($0) }
        let framing = ResponseFraming.choose(status: head.status.code, isHead: stream.isHead, length: declared, version: .http1_1)
        if framing != .noBody { stream.body = .routed(HTTP2BodyQueue(promised: declared)) }
        self.submitHead(of: stream)
    }

    private func changeQueue(of stream: HTTP2Stream, _ change: (inout HTTP2BodyQueue) -> Void) {
        guard case .routed(var queue) = stream.body else { return }
        // Moved out and back, so that the copy in the enum is not a second owner.
        stream.body = .none
        if !queue.hasSomething { stream.lastProgress = self.context?.eventLoop.now ?? stream.lastProgress }
        change(&queue)
        stream.body = .routed(queue)
        nghttp2_session_resume_data(self.session, stream.id)
    }

    /// Bytes of a routed answer that wait for the client.
    func queuedBytes(on id: Int32) -> Int {
        guard case .routed(let queue) = self.stream(id)?.body else { return 0 }
        return queue.bytes
    }

    /// The router leaves an answer without its end.
    func giveUp(_ id: Int32) {
        self.reset(id, code: NGHTTP2_INTERNAL_ERROR)
        self.pump()
    }

    func reset(_ id: Int32, code: nghttp2_error_code) {
        guard let session = self.session, case .open = self.phase else { return }
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code.rawValue)
    }

    // MARK: What nghttp2 asks for

    func availableData(on id: Int32, atMost limit: Int, flags: inout UInt32) -> Int {
        guard let stream = self.stream(id) else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
        flags |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        switch stream.body {
        case .none:
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        case .buffer(let buffer):
            if buffer.readableBytes <= limit { flags |= NGHTTP2_DATA_FLAG_EOF.rawValue }
            return min(limit, buffer.readableBytes)
        case .file(let file):
            if file.region.readableBytes <= limit { flags |= NGHTTP2_DATA_FLAG_EOF.rawValue }
            return min(limit, file.region.readableBytes)
        case .routed(let queue):
            if queue.isBroken && queue.bytes == 0 { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
            guard queue.hasSomething else { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
            if queue.isEnded && !queue.isBroken && queue.bytes <= limit {
                flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
                if !stream.trailers.isEmpty {
                    flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
                    self.submitTrailers(of: stream)
                }
            }
            return min(limit, queue.bytes)
        case .growing(let body):
            stream.body = .none
            let grown = self.advance(body, of: stream)
            stream.body = .growing(grown)
            switch grown.state {
            case .piece(let piece): return min(limit, piece.readableBytes)
            case .ready, .waiting: return Int(NGHTTP2_ERR_DEFERRED.rawValue)
            case .broken: return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
            case .ended:
                flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
                return 0
            }
        }
    }

    private func submitTrailers(of stream: HTTP2Stream) {
        self.fieldBlock.beginTrailers()
        for (name, value) in stream.trailers { self.fieldBlock.add(name, value) }
        stream.trailers = []
        let session = self.session
        let result = self.fieldBlock.withFields { fields, count in nghttp2_submit_trailer(session, stream.id, fields, count) }
        if result != 0 { self.reset(stream.id, code: NGHTTP2_INTERNAL_ERROR) }
    }

    /// Appends one DATA frame to the batch.
    func sendData(_ frame: nghttp2_frame, header: UnsafeRawBufferPointer, length: Int) -> Int32 {
        // The same frame is asked for again, for the next batch.
        guard self.output.readableBytes < Self.batchBytes else { return NGHTTP2_ERR_WOULDBLOCK.rawValue }
        guard let stream = self.stream(frame.hd.stream_id) else { return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue }
        let start = self.output.writerIndex
        self.output.writeBytes(header)
        let body = stream.body
        stream.body = .none
        switch body {
        case .none:
            break
        case .buffer(let buffer) where buffer.readableBytes == length:
            self.output.writeImmutableBuffer(buffer)
        case .buffer(var buffer):
            if var piece = buffer.readSlice(length: length) { self.output.writeBuffer(&piece) }
            stream.body = .buffer(buffer)
        case .file(var file):
            var left = length
            while left > 0 {
                let count = file.read(atMost: left, into: &self.output)
                guard count > 0 else { break }
                left -= count
            }
            stream.body = .file(file)
        case .routed(var queue):
            queue.move(length, to: &self.output)
            stream.body = .routed(queue)
            stream.channel?.drained(to: queue.bytes)
        case .growing(var growing):
            if case .piece(var buffer) = growing.state {
                if var piece = buffer.readSlice(length: length) { self.output.writeBuffer(&piece) }
                growing.state = buffer.readableBytes > 0 ? .piece(buffer) : .ready
            }
            stream.body = .growing(growing)
        }
        guard self.output.writerIndex - start == header.count + length else {
            // A file that has become shorter under us.
            self.output.moveWriterIndex(to: start)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        stream.lastProgress = self.pumpedAt
        return 0
    }

    func sent(_ frame: nghttp2_frame) {
        let type = UInt32(frame.hd.type)
        guard frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0, type == NGHTTP2_DATA.rawValue || type == NGHTTP2_HEADERS.rawValue,
            let stream = self.stream(frame.hd.stream_id)
        else { return }
        stream.answerIsSent = true
        guard !stream.requestIsComplete else { return }
        // RFC 9113 §8.1 would have the stream reset now, but clients in use take that for a failure: the rest of the body may come for a while.
        stream.answerSentAt = self.pumpedAt
        self.armTimer(within: self.settings.limits.lingerTimeout)
    }

    // MARK: Pumping

    /// Sends what there is and what the socket takes of it; at once, unless nghttp2 or a read is going on, at whose end it happens anyway.
    func pump() {
        guard !self.isInSession, !self.isReading, !self.isPumping, case .open = self.phase, let context = self.context, context.channel.isActive
        else { return }
        self.isPumping = true
        // Before anybody can have an answer that is not counted.
        self.tellCounters()
        self.pumpedAt = context.eventLoop.now
        var batches = 0
        var isDrained = false
        while !isDrained && batches < Self.batchesInARow && context.channel.isWritable {
            while context.channel.isWritable {
                guard self.fillBatch(context) else { break }
                guard self.output.readableBytes > 0 else {
                    isDrained = true
                    break
                }
                self.writtenBytes &+= UInt64(self.output.readableBytes)
                context.write(HTTP2ConnectionHandler.wrapOutboundOut(self.output), promise: nil)
                self.output = ByteBuffer()
                batches += 1
            }
            guard case .open = self.phase else { break }
            context.flush()
        }
        self.isPumping = false
        self.finishPump(isDrained: isDrained, context)
    }

    private func finishPump(isDrained: Bool, _ context: ChannelHandlerContext) {
        guard case .open = self.phase, let session = self.session else { return }
        if nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0 {
            return self.beginClosing()
        }
        if !isDrained && context.channel.isWritable {
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            context.eventLoop.execute { bound.value.pump() }
        }
        if self.streams.isEmpty && !self.isIdle {
            self.isIdle = true
            self.idleSince = self.pumpedAt
        }
        self.watchClient(context)
    }

    /// Takes from nghttp2 until the batch is full or there is no more. False when the session is beyond help.
    private func fillBatch(_ context: ChannelHandlerContext) -> Bool {
        guard let session = self.session else { return false }
        self.output = context.channel.allocator.buffer(capacity: max(1024, min(self.lastBatch, Self.batchBytes + (16 << 10))))
        self.isInSession = true
        defer {
            self.isInSession = false
            self.lastBatch = self.output.readableBytes
        }
        while self.output.readableBytes < Self.batchBytes {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &bytes)
            guard count >= 0 else {
                self.settings.counters.http2ProtocolErrors.wrappingAdd(1, ordering: .relaxed)
                self.phase = .closing
                context.close(promise: nil)
                return false
            }
            guard count > 0, let bytes else { break }
            self.output.writeBytes(UnsafeRawBufferPointer(start: bytes, count: count))
        }
        return true
    }

    /// Everything written leaves first; then the output is shut and the input drained for a while, so that the client gets to read the goodbye.
    func beginClosing() {
        guard case .open = self.phase, let context = self.context else { return }
        self.phase = .closing
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { result in
            let (handler, context) = bound.value
            guard case .success = result, !handler.inputIsClosed else { return context.close(promise: nil) }
            context.close(mode: .output, promise: nil)
            handler.armClose(context, in: handler.settings.limits.lingerTimeout)
        }
        // A client that does not take the last of it is cut off as well.
        self.armClose(context, in: self.settings.limits.stallTimeout)
        context.writeAndFlush(HTTP2ConnectionHandler.wrapOutboundOut(ByteBuffer()), promise: written)
    }
}
