import Synchronization

@testable import Gateways

/// Counts from one.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    func next() -> Int { self.count.add(1, ordering: .relaxed).newValue }
}

/// Takes a pull's status from inside its input.
final class Seen: Sendable {
    private let pull = Mutex<RunningPull?>(nil)
    private let taken = Mutex<PullStatus?>(nil)

    func look(_ pull: RunningPull) { self.pull.withLock { $0 = pull } }
    func take() {
        let status = self.pull.withLock { $0 }?.status
        self.taken.withLock { $0 = status }
    }
    var status: PullStatus? { self.taken.withLock { $0 } }
}
