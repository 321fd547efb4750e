import Gateways
import Synchronization

/// Looks at sources, a few at a time; the others wait, in a line that has an end.
final class ProbeLine: Sendable {
    private struct State {
        var running = 0
        var waiting: [CheckedContinuation<Bool, Never>] = []
    }

    private let probe: @Sendable (PullItem, Duration) async -> Result<SourceProbe, PullFailure>
    private let timeout: Duration
    private let most: Int
    private let longest: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - most: probes at one time.
    ///   - longest: who comes when so many wait is turned away.
    init(
        most: Int, longest: Int, timeout: Duration, probe: @escaping @Sendable (PullItem, Duration) async -> Result<SourceProbe, PullFailure>
    ) {
        self.most = most
        self.longest = longest
        self.timeout = timeout
        self.probe = probe
    }

    func look(at item: PullItem) async -> Result<SourceProbe, PullFailure> {
        guard await self.enter() else { return .failure(PullFailure(cause: .other, text: "Too many sources are looked at")) }
        defer { self.leave() }
        return await self.probe(item, self.timeout)
    }

    /// False when the line is full.
    private func enter() async -> Bool {
        await withCheckedContinuation { continuation in
            let isAdmitted = self.state.withLock { state -> Bool? in
                guard state.running >= self.most else {
                    state.running += 1
                    return true
                }
                guard state.waiting.count < self.longest else { return false }
                state.waiting.append(continuation)
                return nil
            }
            if let isAdmitted { continuation.resume(returning: isAdmitted) }
        }
    }

    /// The place goes to the next in line, or becomes free.
    private func leave() {
        let next = self.state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.running -= 1
            return nil
        }
        next?.resume(returning: true)
    }
}
