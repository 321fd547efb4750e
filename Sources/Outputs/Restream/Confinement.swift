import NIOCore

/// For objects that live on one event loop: what they wait for comes back on that loop, so their closures need not be `@Sendable`.
extension EventLoopFuture {
    /// To be called on the future's loop.
    func whenDone(_ action: @escaping (Result<Value, any Error>) -> Void) {
        // Checked at run time: it traps on any other thread.
        self.assumeIsolated().whenComplete(action)
    }
}

extension EventLoop {
    /// To be called on this loop.
    func schedule(at deadline: NIODeadline, _ action: @escaping () -> Void) -> Scheduled<Void> {
        // Checked at run time: it traps on any other thread.
        self.assumeIsolated().scheduleTask(deadline: deadline, action)
    }
}
