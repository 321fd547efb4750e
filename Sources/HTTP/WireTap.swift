import NIOCore

/// Sits before the HTTP parser and counts raw bytes, because the parser tells nothing of a head that is not complete yet.
final class WireTap: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Bytes since the last complete head; a later head that began in the same read is not counted until more of it comes.
    private(set) var bytesSinceHead = 0
    /// Length of the request line of the head being read, or what there is of it.
    private(set) var requestLineBytes = 0
    private var requestLineIsComplete = false
    private(set) var lastByte = NIODeadline.uptimeNanoseconds(0)

    func headCompleted() {
        self.bytesSinceHead = 0
        self.requestLineBytes = 0
        self.requestLineIsComplete = false
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = WireTap.unwrapInboundIn(data)
        self.bytesSinceHead += buffer.readableBytes
        self.lastByte = context.eventLoop.now
        if !self.requestLineIsComplete {
            if let end = buffer.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
                self.requestLineBytes += end - buffer.readerIndex
                self.requestLineIsComplete = true
            } else {
                self.requestLineBytes += buffer.readableBytes
            }
        }
        context.fireChannelRead(data)
    }
}
