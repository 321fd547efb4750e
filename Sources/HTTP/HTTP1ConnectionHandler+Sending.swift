import Glibc
import NIOCore

/// From answers to the socket. Short ones gather and are handed to it directly, as long as the channel holds nothing back: a send by way of the
/// channel's pipeline costs a third more. What the socket does not take, and all that is long, encrypted or waited for, goes through the channel.
extension HTTP1ConnectionHandler {
    /// What gathers at most. Clients that send requests ahead and read nothing are the channel's business: it says when it is full.
    private static let gatheredBytes = 16 << 10

    func put(_ data: IOData, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        // What is written then is frames, and not from here.
        if case .upgraded = self.phase {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        self.needsFlush = true
        self.writtenBytes &+= UInt64(data.readableBytes)
        if promise == nil, self.socket != nil, case .byteBuffer(let bytes) = data,
            self.gathered.readableBytes + bytes.readableBytes <= Self.gatheredBytes
        {
            if self.gathered.readableBytes == 0 { self.gathered = bytes } else { self.gathered.writeImmutableBuffer(bytes) }
            return
        }
        self.handOver(context)
        self.channelMayHold = true
        context.write(HTTP1ConnectionHandler.wrapOutboundOut(data), promise: promise)
    }

    /// A file behind its head, which waits for it in the socket so that both leave in the same packet, as far as the socket takes them at once;
    /// whether it took everything. A client that keeps up takes a whole segment, for half of what the channel's own way of sending costs.
    func sendAhead(_ file: inout FileBody, _ context: ChannelHandlerContext) -> Bool {
        guard let socket = self.socket, context.channel.isActive, self.channelIsEmpty(context) else { return false }
        if self.gathered.readableBytes > 0, !self.sendGathered(context, isFollowed: true) { return false }
        self.writtenBytes &+= UInt64(file.send(to: socket, atMost: Self.aheadBytes))
        guard file.region.readableBytes == 0 else { return false }
        self.needsFlush = false
        return true
    }

    /// What leaves of one file before others have their turn.
    private static let aheadBytes = 4 << 20

    private func channelIsEmpty(_ context: ChannelHandlerContext) -> Bool {
        if self.channelMayHold { self.channelMayHold = context.bufferedBytes > 0 }
        return !self.channelMayHold
    }

    /// What has gathered goes to the channel.
    private func handOver(_ context: ChannelHandlerContext) {
        guard self.gathered.readableBytes > 0 else { return }
        let bytes = self.gathered
        self.gathered = ByteBuffer()
        self.channelMayHold = true
        context.write(HTTP1ConnectionHandler.wrapOutboundOut(.byteBuffer(bytes)), promise: nil)
    }

    /// Answers to requests that came in one read leave in one write.
    func flushIfNeeded(_ context: ChannelHandlerContext, evenWhileReading: Bool = false) {
        guard self.needsFlush, evenWhileReading || !self.isReading else { return }
        self.needsFlush = false
        // Even when it holds no bytes, somebody may wait for an empty write.
        let channelIsUsed = self.channelMayHold
        if self.gathered.readableBytes > 0 {
            if self.channelIsEmpty(context), self.sendGathered(context), !channelIsUsed { return }
            self.handOver(context)
        }
        context.flush()
        self.armStallTimerIfNeeded(context)
    }

    /// Whether the socket took everything; what it did not take stays. Why it failed, the channel's own write will find out.
    private func sendGathered(_ context: ChannelHandlerContext, isFollowed: Bool = false) -> Bool {
        guard let socket = self.socket, context.channel.isActive else { return false }
        let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL | (isFollowed ? MSG_MORE : 0))
        let sent = self.gathered.withUnsafeReadableBytes { max(0, Glibc.send(socket, $0.baseAddress, $0.count, flags)) }
        guard sent < self.gathered.readableBytes else {
            self.gathered = ByteBuffer()
            return true
        }
        self.gathered.moveReaderIndex(forwardBy: sent)
        return false
    }
}
