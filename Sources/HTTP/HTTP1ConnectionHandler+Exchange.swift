import NIOCore
import NIOHTTP1
import Synchronization

/// What became of bytes that were shown before they went to the parser.
enum PlainOutcome {
    case taken
    /// A whole request of so many bytes without a body, for the router.
    case declined(byteCount: Int)
    /// For the parser to find out.
    case unknown
}

/// One request after another: who answers it, and what comes next.
extension HTTP1ConnectionHandler {
    /// Takes one request past the parser, when nothing else is going on and it is of the plain kind.
    func takePlain(_ buffer: inout ByteBuffer) -> PlainOutcome {
        guard let context = self.context, self.isIdle, self.requestIsComplete, self.waiting.isEmpty, self.refusal == nil,
            !self.closesAfterResponse, !self.inputIsClosed
        else { return .unknown }
        guard let head = buffer.withUnsafeReadableBytes({ PlainRequestHead.read($0, limits: self.settings.limits) }) else { return .unknown }
        self.isReading = true
        let request = ReadyRequest(
            method: head.isHead ? .head : .get, target: head.target, asSent: head.fields, remoteAddress: self.remoteAddress,
            isSecure: self.settings.isSecure, sendsFilesUncopied: !self.settings.isSecure)
        guard let answer = self.responder.respond(to: request, on: context.eventLoop) else {
            self.isDeclined = true
            return .declined(byteCount: head.byteCount)
        }
        buffer.moveReaderIndex(forwardBy: head.byteCount)
        self.settings.counters.readyRequests.wrappingAdd(1, ordering: .relaxed)
        self.exchange &+= 1
        self.isHead = head.isHead
        self.version = .http1_1
        switch answer {
        case .now(let response): self.write(response, context)
        case .later(let future): self.await(future, context)
        }
        return .taken
    }

    func start(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        self.headTimer?.cancel()
        self.headTimer = nil
        self.exchange &+= 1
        self.isHead = head.method == .HEAD
        self.version = head.version
        if !head.isKeepAlive { self.closesAfterResponse = true }
        let check: RequestCheck
        do {
            check = try RequestCheck.check(head, limits: self.settings.limits)
        } catch {
            self.refuse(error, context)
            return
        }
        if check.mustClose { self.closesAfterResponse = true }
        let request = ReadyRequest(
            method: .init(head.method), target: check.target, fields: head.headers, remoteAddress: self.remoteAddress,
            isSecure: self.settings.isSecure, isKeepAlive: !self.closesAfterResponse, sendsFilesUncopied: !self.settings.isSecure)
        if check.mustClose, self.upgrade(head, check, request, context) { return }
        let isDeclined = self.isDeclined
        self.isDeclined = false
        switch isDeclined ? nil : self.responder.respond(to: request, on: context.eventLoop) {
        case .now(let response):
            self.settings.counters.readyRequests.wrappingAdd(1, ordering: .relaxed)
            if check.hasBody { self.closesAfterResponse = true }
            self.write(response, context)
        case .later(let future):
            self.settings.counters.readyRequests.wrappingAdd(1, ordering: .relaxed)
            if check.hasBody { self.closesAfterResponse = true }
            self.await(future, context)
        case nil:
            self.settings.counters.routedRequests.wrappingAdd(1, ordering: .relaxed)
            self.route(head, check: check, context)
        }
    }

    private func await(_ future: EventLoopFuture<ReadyResponse>, _ context: ChannelHandlerContext) {
        self.phase = .ready
        let exchange = self.exchange
        let connection = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        future.hop(to: context.eventLoop).whenComplete { result in
            let (handler, context) = connection.value
            // Another exchange, or closing: the client did not wait for it.
            guard handler.exchange == exchange, case .ready = handler.phase else { return }
            switch result {
            case .success(let response): handler.write(response, context)
            case .failure: handler.write(.text(status: 500, "Internal Server Error"), context)
            }
            handler.flushIfNeeded(context)
        }
    }

    private func route(_ head: HTTPRequestHead, check: RequestCheck, _ context: ChannelHandlerContext) {
        self.phase = .routed(RoutedResponse())
        if check.expectsContinue && check.hasBody {
            var text = context.channel.allocator.buffer(capacity: 32)
            text.writeStaticString(ResponseHead.continueText)
            self.put(.byteBuffer(text), context, nil)
            self.flushIfNeeded(context, evenWhileReading: true)
        }
        var head = head
        head.uri = check.target
        self.passOn(.head(head), context)
    }

    /// Answers what cannot be served, and ends the connection: after an error it is not known where the next request begins.
    func refuse(_ refusal: RequestCheck.Refusal, _ context: ChannelHandlerContext) {
        self.settings.counters.rejectedRequests.wrappingAdd(1, ordering: .relaxed)
        self.closesAfterResponse = true
        let status = refusal.rawValue
        self.write(.text(status: status, HTTPResponseStatus(statusCode: status).reasonPhrase), context)
        self.flushIfNeeded(context)
    }

    /// The current answer is written as far as this handler goes.
    func finish(_ context: ChannelHandlerContext) {
        if self.closesAfterResponse {
            self.beginClosing(context)
            return
        }
        self.idleSince = context.eventLoop.now
        if context.channel.isWritable {
            self.phase = .idle
            if !self.waiting.isEmpty || self.refusal != nil { self.proceed(context) }
        } else {
            self.phase = .draining
            self.needsFlush = true
            self.flushIfNeeded(context, evenWhileReading: true)
        }
    }

    /// Takes up what waited, as long as it can be answered at once. `finish` comes back here when an answer is complete, so `isProceeding` turns
    /// that recursion into the loop below: a client may have sent many requests ahead.
    func proceed(_ context: ChannelHandlerContext) {
        self.phase = .idle
        guard !self.isProceeding else { return }
        self.isProceeding = true
        while self.isIdle || !self.requestIsComplete, let part = self.waiting.popFirst() {
            if case .head = part { self.waitingHeads -= 1 }
            self.take(part, context)
        }
        self.isProceeding = false
        if !self.isReading { self.completePassedOn(context) }
        if case .closing = self.phase { return }
        if self.isIdle, self.waiting.isEmpty {
            if let refusal = self.refusal {
                self.refuse(refusal, context)
                return
            }
            if self.inputIsClosed { return self.beginClosing(context) }
        }
        self.flushIfNeeded(context)
        if self.waiting.isEmpty && self.readIsHeld {
            self.readIsHeld = false
            self.readIsOutstanding = true
            context.read()
        }
    }
}
