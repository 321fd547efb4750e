import AV

/// Hands the events of all pulls to their owners, in order, on one thread of its own: `stop` may then be called from anywhere, and the end of a
/// pull is told even while its own thread sits in a system call.
final class PullEventLine: Sendable {
    // Every pull has but a few events under way; the bound only catches a receiver that blocks.
    private let executor = BlockingExecutor(name: "pull-events", waiting: 1 << 20)

    func send(_ event: PullEvent, to receiver: @escaping @Sendable (PullEvent) -> Void) {
        self.executor.execute { receiver(event) }
    }

    func after(_ delay: Duration, _ body: @escaping @Sendable () -> Void) {
        // Without a thread the body is called late rather than never.
        if !self.executor.execute(after: delay, body) { body() }
    }
}
