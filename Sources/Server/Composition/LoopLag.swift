import NIOCore
import Synchronization

/// How late event loops run what is due: a histogram over all loops since the start, sampled every few seconds on each. That is often enough to
/// show a loop that is held up, and seldom enough for an idle server to sleep.
final class LoopLag: Sendable {
    /// Seconds.
    static let bounds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1]
    private static let period = TimeAmount.seconds(5)

    private struct State {
        var counts = [UInt64](repeating: 0, count: LoopLag.bounds.count + 1)
        var sum = 0.0
        var tasks: [RepeatedTask] = []
    }

    private let loops: [any EventLoop]
    private let state = Mutex(State())

    init(group: any EventLoopGroup) {
        self.loops = Array(group.makeIterator())
    }

    func start() {
        let tasks = self.loops.map { loop in
            let due = NIOLoopBoundBox.makeBoxSendingValue(NIODeadline.now() + Self.period, eventLoop: loop)
            return loop.scheduleRepeatedTask(initialDelay: Self.period, delay: Self.period) { [weak self] _ in
                let now = NIODeadline.now()
                self?.record(Double((now - due.value).nanoseconds) / 1_000_000_000)
                due.value = now + Self.period
            }
        }
        self.state.withLock { $0.tasks = tasks }
    }

    func stop() {
        let tasks = self.state.withLock { state in
            defer { state.tasks = [] }
            return state.tasks
        }
        for task in tasks { task.cancel() }
    }

    private func record(_ seconds: Double) {
        let seconds = max(0, seconds)
        self.state.withLock { state in
            state.counts[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
            state.sum += seconds
        }
    }

    var histogram: (counts: [UInt64], sum: Double) { self.state.withLock { ($0.counts, $0.sum) } }
}
