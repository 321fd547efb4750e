import NIOCore

/// One player of a stream: its cursor into the message log and what it asked for. Confined to its connection's event loop.
final class RTMPPlayer {
    private let context: ChannelHandlerContext
    /// Its place in the lane.
    var slot = 0
    /// The first message it has not been given; nil until it has started.
    private(set) var cursor: Int?
    var isPaused = false {
        didSet { if oldValue && !self.isPaused { self.cursor = nil } }
    }
    var receivesVideo = true
    var receivesAudio = true
    /// How often it fell out of the log and started again.
    private(set) var skips = 0
    private var hasStarted = false

    init(context: ChannelHandlerContext) {
        self.context = context
    }

    var canTakeMore: Bool { !self.isPaused && self.context.channel.isWritable }
    var takesEverything: Bool { self.receivesVideo && self.receivesAudio }
    var wanted: (MessageLog.Kind) -> Bool {
        let (video, audio) = (self.receivesVideo, self.receivesAudio)
        return { $0 == .video ? video : audio }
    }

    func give(_ bytes: ByteBuffer, next: Int, isStart: Bool) {
        if isStart {
            if self.hasStarted { self.skips += 1 }
            self.hasStarted = true
        }
        self.cursor = next
        guard bytes.readableBytes > 0 else { return }
        self.context.writeAndFlush(NIOAny(bytes), promise: nil)
    }
}
