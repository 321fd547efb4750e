import NIOCore

extension ChannelHandlerContext {
    /// What the channel was given and the socket has not taken.
    var bufferedBytes: Int {
        // A channel that cannot tell (a closed one) holds nothing.
        (try? self.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }
}
