import NIOCore
import NIOHTTP1
import NIOWebSocket

/// From a request to a WebSocket (RFC 6455 §4.2).
extension HTTP1ConnectionHandler {
    /// False: nobody has a WebSocket for this request; it goes on as any other.
    func upgrade(_ head: HTTPRequestHead, _ check: RequestCheck, _ request: ReadyRequest, _ context: ChannelHandlerContext) -> Bool {
        guard let webSockets = self.settings.webSockets, Self.hasToken("websocket", in: head.headers[canonicalForm: "upgrade"]) else { return false }
        if let refusal = Self.refusal(of: head, check) {
            self.write(refusal, context)
            return true
        }
        let protocols = head.headers[canonicalForm: "sec-websocket-protocol"].map { String($0) }
        switch webSockets.answer(request, protocols: protocols) {
        case nil:
            return false
        case .refuse(let response):
            self.write(response, context)
        case .accept(let subprotocol, let session):
            self.phase = .ready
            self.shakeHands(head, subprotocol: subprotocol.flatMap { protocols.contains($0) ? $0 : nil }, session, context)
        }
        return true
    }

    private static func refusal(of head: HTTPRequestHead, _ check: RequestCheck) -> ReadyResponse? {
        guard head.method == .GET, head.version == .http1_1, !check.hasBody, Self.hasToken("upgrade", in: head.headers[canonicalForm: "connection"])
        else { return .text(status: 400, "Bad Request") }
        guard head.headers["sec-websocket-version"] == ["13"] else {
            // §4.4
            return .text(status: 426, "Upgrade Required", headers: [("Sec-WebSocket-Version", "13"), ("Upgrade", "websocket")])
        }
        // 16 bytes in base64; what they are says nothing.
        let keys = head.headers["sec-websocket-key"]
        guard keys.count == 1, keys[0].utf8.count == 24, keys[0].hasSuffix("==") else { return .text(status: 400, "Bad Request") }
        return nil
    }

    private static func hasToken(_ token: String, in values: [Substring]) -> Bool { values.contains { $0.lowercased() == token } }

    /// The library computes what proves that we have understood; it does so at once.
    private func shakeHands(
        _ head: HTTPRequestHead, subprotocol: String?, _ session: any WebSocketSession, _ context: ChannelHandlerContext
    ) {
        let fields: HTTPHeaders = subprotocol.map { ["Sec-WebSocket-Protocol": $0] } ?? [:]
        let upgrader = NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(fields) },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() })
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        upgrader.buildUpgradeResponse(channel: context.channel, upgradeRequest: head, initialResponseHeaders: [:]).whenComplete { result in
            let (handler, context) = bound.value
            do {
                try handler.become(session, with: try result.get(), context)
            } catch {
                // The handshake was looked at before, so this is a channel that is closed already.
                context.close(promise: nil)
            }
        }
    }

    private func become(_ session: any WebSocketSession, with fields: HTTPHeaders, _ context: ChannelHandlerContext) throws {
        var answer = context.channel.allocator.buffer(capacity: 256)
        ResponseHead.begin(status: 101, into: &answer)
        for (name, value) in fields { ResponseHead.field(name, value, into: &answer) }
        ResponseHead.end(into: &answer)
        self.put(.byteBuffer(answer), context, nil)
        self.flushIfNeeded(context, evenWhileReading: true)
        self.phase = .upgraded
        self.cancelTimers()
        let limits = self.settings.webSocketLimits
        let frames = ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: limits.messageBytes))
        try context.pipeline.syncOperations.addHandlers(
            [WebSocketFrameEncoder(), frames, WebSocketHandler(session: session, limits: limits)], position: .after(self.tap))
    }
}
