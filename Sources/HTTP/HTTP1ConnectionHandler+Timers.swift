import NIOCore
import Synchronization

/// How long a client may take over each thing. A timer runs only while what it guards is going on; the idle timer is not moved at each request but
/// asks again when it fires.
extension HTTP1ConnectionHandler {
    func cancelTimers() {
        for timer in [self.headTimer, self.idleTimer, self.stallTimer, self.lingerTimer] { timer?.cancel() }
        self.headTimer = nil
        self.idleTimer = nil
        self.stallTimer = nil
        self.lingerTimer = nil
    }

    private func schedule(
        _ context: ChannelHandlerContext, in time: TimeAmount, _ action: @escaping @Sendable (HTTP1ConnectionHandler, ChannelHandlerContext) -> Void
    ) -> Scheduled<Void> {
        let connection = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        return context.eventLoop.scheduleTask(in: time) {
            let (handler, context) = connection.value
            action(handler, context)
        }
    }

    /// A head that came in one piece, as nearly all do, never gets here.
    func armHeadTimerIfNeeded(_ context: ChannelHandlerContext) {
        guard self.headTimer == nil, self.isIdle, self.requestIsComplete, self.tap.bytesSinceHead > 0 else { return }
        self.headTimer = self.schedule(context, in: self.settings.limits.headTimeout) { handler, context in
            handler.headTimer = nil
            guard handler.isIdle else { return }
            handler.refuse(.requestTimeout, context)
        }
    }

    func armIdleTimer(_ context: ChannelHandlerContext, in time: TimeAmount) {
        self.idleTimer = self.schedule(context, in: time) { handler, context in
            handler.idleTimer = nil
            handler.idleTimerFired(context)
        }
    }

    private func idleTimerFired(_ context: ChannelHandlerContext) {
        let timeout = self.settings.limits.idleTimeout
        let since: NIODeadline
        switch self.phase {
        case .idle:
            since = max(self.idleSince, self.tap.lastByte)
        case .routed where !self.requestIsComplete && self.readIsOutstanding:
            since = self.tap.lastByte  // the router wants more of the body and the client sends none
        default:
            since = context.eventLoop.now
        }
        let left = since + timeout - context.eventLoop.now
        if left <= .zero {
            context.close(promise: nil)
        } else {
            self.armIdleTimer(context, in: left)
        }
    }

    /// Watches that the client takes something while something waits for it.
    func armStallTimerIfNeeded(_ context: ChannelHandlerContext) {
        guard self.stallTimer == nil else { return }
        let buffered = context.bufferedBytes
        guard buffered > 0 else { return }
        let taken = self.writtenBytes &- UInt64(buffered)
        self.stallTimer = self.schedule(context, in: self.settings.limits.stallTimeout) { handler, context in
            handler.stallTimer = nil
            let left = context.bufferedBytes
            if left > 0 && handler.writtenBytes &- UInt64(left) == taken {
                handler.settings.counters.stalledConnections.wrappingAdd(1, ordering: .relaxed)
                context.close(promise: nil)
            } else {
                handler.armStallTimerIfNeeded(context)
            }
        }
    }

    func armLingerTimer(_ context: ChannelHandlerContext) {
        guard context.channel.isActive, self.lingerTimer == nil else { return }
        self.lingerTimer = self.schedule(context, in: self.settings.limits.lingerTimeout) { handler, context in
            handler.lingerTimer = nil
            handler.closeNow(context)
        }
    }
}
