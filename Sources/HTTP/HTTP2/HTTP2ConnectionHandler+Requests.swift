import CNGHTTP2
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import Synchronization

/// From header fields to whoever answers.
extension HTTP2ConnectionHandler {
    func beganHeaders(_ frame: nghttp2_frame) {
        self.headSince = self.context.map { self.now($0) }
        guard frame.headers.cat == NGHTTP2_HCAT_REQUEST else { return }
        self.isIdle = false
        self.streamBegan(frame.hd.stream_id)
    }

    /// False: no more of this head is wanted.
    func received(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, of frame: nghttp2_frame) -> Bool {
        // Trailers are not used by anybody, but count.
        guard let stream = self.stream(frame.hd.stream_id) else { return true }
        let limits = self.settings.limits
        stream.headBytes += name.count + value.count
        guard stream.headBytes <= limits.headBytes, stream.fields.count < limits.headerFields else {
            // The rest is read, because the tables of both sides must stay the same, but not kept. A bomb ends the stream.
            stream.refusal = .headerFieldsTooLarge
            return stream.headBytes <= limits.headBytes * 8
        }
        guard frame.headers.cat == NGHTTP2_HCAT_REQUEST, stream.refusal == nil else { return true }
        guard name.first == UInt8(ascii: ":"), name.count > 1 else {
            stream.fields.append(name: name, value: value)
            return true
        }
        let text = String(decoding: value, as: UTF8.self)
        // nghttp2 has checked that each of these comes once, and first.
        switch name[1] {
        case UInt8(ascii: "m"): stream.method = text
        case UInt8(ascii: "p"):
            if value.count > limits.targetBytes { stream.refusal = .uriTooLong }
            stream.target = text
        case UInt8(ascii: "s"): stream.scheme = text
        case UInt8(ascii: "a"):
            stream.authority = text
            // What HTTP/1.1 calls Host is there for whoever looks for it; it comes before any field of that name (RFC 9113 §8.3.1).
            stream.fields.append(name: "host", value: text)
        default: break
        }
        return true
    }

    func received(_ frame: nghttp2_frame) {
        let isLast = frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch UInt32(frame.hd.type) {
        case NGHTTP2_HEADERS.rawValue:
            self.headSince = nil
            guard let stream = self.stream(frame.hd.stream_id) else { return }
            if isLast { stream.requestIsComplete = true }
            if frame.headers.cat == NGHTTP2_HCAT_REQUEST {
                self.start(stream)
            } else if isLast {
                stream.channel?.receivedEnd()
            }
        case NGHTTP2_DATA.rawValue:
            guard isLast, let stream = self.stream(frame.hd.stream_id) else { return }
            stream.requestIsComplete = true
            stream.channel?.receivedEnd()
        default:
            break
        }
    }

    func receivedData(_ bytes: UnsafeRawBufferPointer, on id: Int32) {
        if let channel = self.stream(id)?.channel, let context = self.context {
            var buffer = context.channel.allocator.buffer(capacity: bytes.count)
            buffer.writeBytes(bytes)
            channel.receivedBody(buffer)
        } else {
            // Nobody reads it.
            nghttp2_session_consume(self.session, id, bytes.count)
        }
    }

    /// The router has taken so much of a request's body: the client may send as much again.
    func consumed(_ count: Int, on id: Int32) {
        guard let session = self.session, case .open = self.phase else { return }
        nghttp2_session_consume(session, id, count)
        self.pump()
    }

    /// So much of the body of a request that is closed will never be taken: the window of all requests together must not shrink by it.
    func discarded(_ count: Int) {
        guard count > 0, let session = self.session, case .open = self.phase else { return }
        nghttp2_session_consume_connection(session, count)
        self.pump()
    }

    // MARK: Answers

    private func start(_ stream: HTTP2Stream) {
        guard let context = self.context else { return }
        let counters = self.settings.counters
        self.uncounted.streams += 1
        guard let refusal = self.check(stream) else {
            let request = ReadyRequest(
                method: .init(name: stream.method), target: stream.target, asSent: stream.fields, remoteAddress: self.remoteAddress,
                isSecure: self.settings.isSecure, sendsFilesUncopied: false)
            switch self.responder.respond(to: request, on: context.eventLoop) {
            case .now(let response):
                self.uncounted.ready += 1
                self.answer(response, on: stream)
            case .later(let future):
                self.uncounted.ready += 1
                self.await(future, on: stream, context)
            case nil:
                counters.routedRequests.wrappingAdd(1, ordering: .relaxed)
                self.route(stream, context)
            }
            return
        }
        counters.rejectedRequests.wrappingAdd(1, ordering: .relaxed)
        self.answer(.text(status: refusal.rawValue, HTTPResponseStatus(statusCode: refusal.rawValue).reasonPhrase), on: stream)
    }

    /// nghttp2 has checked what RFC 9113 §8.3.1 demands; this is what the server itself does not take.
    private func check(_ stream: HTTP2Stream) -> RequestCheck.Refusal? {
        if let refusal = stream.refusal { return refusal }
        if stream.method == "CONNECT" { return .notImplemented }
        guard stream.target.utf8.first == UInt8(ascii: "/") || (stream.target == "*" && stream.method == "OPTIONS") else { return .badRequest }
        if let expectation = stream.fields.first("expect"), expectation.lowercased() != "100-continue" {
            return .expectationFailed
        }
        return nil
    }

    private func await(_ future: EventLoopFuture<ReadyResponse>, on stream: HTTP2Stream, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, stream), eventLoop: context.eventLoop)
        future.hop(to: context.eventLoop).whenComplete { result in
            let (handler, stream) = bound.value
            // The client may have given it up, or be gone.
            guard handler.streams[stream.id] === stream else { return }
            switch result {
            case .success(let response): handler.answer(response, on: stream)
            case .failure: handler.answer(.text(status: 500, "Internal Server Error"), on: stream)
            }
            handler.pump()
        }
    }

    private func route(_ stream: HTTP2Stream, _ context: ChannelHandlerContext) {
        guard let method = HTTPRequest.Method(stream.method) else {
            return self.answer(.text(status: 400, "Bad Request"), on: stream)
        }
        var fields = HTTPFields()
        fields.reserveCapacity(stream.fields.count)
        stream.fields.forEach { name, value in
            // As HTTP/1.1's codec does it, which makes Host the authority.
            if name != "host", let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        let host = stream.authority.isEmpty ? stream.fields.first("host") : stream.authority
        let request = HTTPRequest(method: method, scheme: stream.scheme, authority: host, path: stream.target, headerFields: fields)
        let channel = HTTP2StreamChannel(parent: context.channel, connection: self, id: stream.id, request: request)
        stream.channel = channel
        if stream.requestIsComplete { channel.receivedEnd() }
        self.routed.enter(channel)
    }

    /// The router begins with a request, whose body may be wanted only now.
    func routerTakes(_ id: Int32) {
        guard let stream = self.stream(id), !stream.requestIsComplete else { return }
        if stream.fields.first("expect") != nil {
            self.sayContinue(on: stream)
            self.pump()
        }
        self.armTimer(within: self.settings.limits.idleTimeout)
    }
}

extension ReadyRequest.Method {
    init(name: String) {
        switch name {
        case "GET": self = .get
        case "HEAD": self = .head
        case "OPTIONS": self = .options
        default: self = .other(name)
        }
    }
}
