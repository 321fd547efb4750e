import AV
import Synchronization

/// Threads for inputs, each for one job and gone after it. A job that was given up may sit in a system call for a while, in a name lookup above
/// all; therefore they are counted, and no new one starts while too many are left.
final class PullThreads: Sendable {
    private struct State {
        var count = 0
        var waiters: [@Sendable () -> Void] = []
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { self.state.withLock { $0.count } }

    /// False when there are too many, or the system has none.
    func start(name: String, _ work: @escaping @Sendable () -> Void) -> Bool {
        let admitted = self.state.withLock { state in
            guard state.count < self.limit else { return false }
            state.count += 1
            return true
        }
        guard admitted else { return false }
        // Nobody holds the executor: it ends its thread when the job has run.
        let started = BlockingExecutor(name: name, waiting: 1).execute {
            work()
            self.leave()
        }
        if !started { self.leave() }
        return started
    }

    private func leave() {
        let waiters = self.state.withLock { state -> [@Sendable () -> Void] in
            state.count -= 1
            guard state.count == 0 else { return [] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter() }
    }

    /// Calls `body` when no thread is left; at once when there is none.
    func whenEmpty(_ body: @escaping @Sendable () -> Void) {
        let isEmpty = self.state.withLock { state in
            if state.count > 0 { state.waiters.append(body) }
            return state.count == 0
        }
        if isEmpty { body() }
    }
}
