import NIOCore

/// Sits before the HTTP parser. Plain requests go past the parser to the connection's handler; of the others the raw bytes are counted, because
/// the parser tells nothing of a head that is not complete yet.
///
/// Only a parser that holds nothing may be passed by. It holds nothing as long as it was given nothing but whole requests without bodies; from the
/// first bytes on of which that is not known, it gets everything.
final class WireTap: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Bytes since the last complete head; a later head that began in the same read is not counted until more of it comes.
    private(set) var bytesSinceHead = 0
    /// Length of the request line of the head being read, or what there is of it.
    private(set) var requestLineBytes = 0
    private var requestLineIsComplete = false
    private(set) var lastByte = NIODeadline.uptimeNanoseconds(0)

    /// Set when the pipeline is made, and given up with it, since the handler holds this one too.
    var connection: HTTP1ConnectionHandler?
    private var parserIsClean = true

    func handlerRemoved(context: ChannelHandlerContext) { self.connection = nil }

    func headCompleted() {
        self.bytesSinceHead = 0
        self.requestLineBytes = 0
        self.requestLineIsComplete = false
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = WireTap.unwrapInboundIn(data)
        self.lastByte = context.eventLoop.now
        while self.parserIsClean, buffer.readableBytes > 0, let connection = self.connection {
            switch connection.takePlain(&buffer) {
            case .taken: break
            case .declined(let byteCount):
                guard let head = buffer.readSlice(length: byteCount) else { return }
                self.parse(head, context)
            case .unknown: self.parserIsClean = false
            }
        }
        if buffer.readableBytes > 0 { self.parse(buffer, context) }
    }

    private func parse(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        self.bytesSinceHead += buffer.readableBytes
        if !self.requestLineIsComplete {
            if let end = buffer.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
                self.requestLineBytes += end - buffer.readerIndex
                self.requestLineIsComplete = true
            } else {
                self.requestLineBytes += buffer.readableBytes
            }
        }
        context.fireChannelRead(WireTap.wrapInboundOut(buffer))
    }
}
