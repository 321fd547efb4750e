import CNGHTTP2
import NIOCore
import Synchronization

/// How long a client may take over each thing. One timer a connection; it is not moved when something happens but looks at everything when it fires.
extension HTTP2ConnectionHandler {
    func armTimer(within time: TimeAmount) {
        guard let context = self.context, case .open = self.phase else { return }
        let wanted = context.eventLoop.now + time
        guard wanted < self.timerAt else { return }
        self.timer?.cancel()
        self.timerAt = wanted
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        self.timer = context.eventLoop.scheduleTask(in: time) {
            bound.value.timerAt = .distantFuture
            bound.value.checkDeadlines()
        }
    }

    /// Closes for good after so long.
    func armClose(_ context: ChannelHandlerContext, in time: TimeAmount) {
        self.timer?.cancel()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        self.timer = context.eventLoop.scheduleTask(in: time) { bound.value.close(promise: nil) }
    }

    /// While something waits for the client, it must take some of it now and then.
    func watchClient(_ context: ChannelHandlerContext) {
        let held = context.bufferedBytes
        if held > 0 {
            let taken = self.writtenBytes &- UInt64(held)
            if self.blocked?.taken != taken { self.blocked = (context.eventLoop.now, taken) }
        } else {
            self.blocked = nil
        }
        if held > 0 || !self.streams.isEmpty { self.armTimer(within: self.settings.limits.stallTimeout) }
    }

    private func checkDeadlines() {
        // What could have left, had this loop had the time, is not the client's fault.
        self.pump()
        guard case .open = self.phase, let context = self.context else { return }
        let limits = self.settings.limits
        let now = context.eventLoop.now
        var next = limits.idleTimeout
        func isOver(_ since: NIODeadline, _ limit: TimeAmount) -> Bool {
            let left = since + limit - now
            if left > .zero { next = min(next, left) }
            return left <= .zero
        }
        self.watchClient(context)
        if let blocked = self.blocked, isOver(blocked.since, limits.stallTimeout) {
            self.settings.counters.stalledConnections.wrappingAdd(1, ordering: .relaxed)
            return context.close(promise: nil)
        }
        if let headSince = self.headSince, isOver(headSince, limits.headTimeout) {
            return self.close(saying: NGHTTP2_ENHANCE_YOUR_CALM)
        }
        if self.streams.isEmpty, isOver(self.idleSince, limits.idleTimeout) {
            return self.close(saying: NGHTTP2_NO_ERROR)
        }
        for stream in self.streams.values {
            if let sentAt = stream.answerSentAt {
                if !stream.requestIsComplete, isOver(sentAt, limits.lingerTimeout) { self.reset(stream.id, code: NGHTTP2_NO_ERROR) }
                continue
            }
            let isStalled = stream.isWaitingForClient && isOver(stream.lastProgress, limits.stallTimeout)
            let isSilent = stream.channel?.waitsForBodySince.map { isOver($0, limits.idleTimeout) } ?? false
            guard isStalled || isSilent else { continue }
            self.settings.counters.http2StalledStreams.wrappingAdd(1, ordering: .relaxed)
            self.reset(stream.id, code: NGHTTP2_CANCEL)
        }
        self.armTimer(within: next)
        self.pump()
    }

    private func close(saying code: nghttp2_error_code) {
        nghttp2_session_terminate_session(self.session, code.rawValue)
        self.pump()
        self.beginClosing()
    }
}
