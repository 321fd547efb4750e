import NIOCore

/// Somebody who waits for a picture, on an event loop, and not for ever. Made there; answered from anywhere.
struct PictureWaiter: Sendable {
    private let promise: EventLoopPromise<LivePictures.Reply>
    private let timeout: Scheduled<Void>

    init(promise: EventLoopPromise<LivePictures.Reply>, patience: TimeAmount) {
        self.promise = promise
        self.timeout = promise.futureResult.eventLoop.scheduleTask(in: patience) { promise.succeed(.unavailable) }
    }

    /// Whoever comes second finds the promise kept, and changes nothing.
    func answer(_ reply: LivePictures.Reply) {
        self.timeout.cancel()
        self.promise.succeed(reply)
    }
}
