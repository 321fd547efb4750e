import AV
import Synchronization

/// Long work on files of the library: a few jobs at a time on threads of their own, the others in a line that has an end. Owned by `VodLibrary`.
final class LibraryJobs: Sendable {
    enum Refusal: Error, Equatable {
        /// As many wait as may.
        case full
        /// The server ends.
        case closed
    }

    private struct State {
        var running = 0
        var waiting: [CheckedContinuation<Void, any Error>] = []
        /// By the VoD's id; those that wait are in it, too.
        var progress: [String: JobProgress] = [:]
        var isClosed = false
    }

    private let most: Int
    private let longest: Int
    private let pool: BlockingPool
    private let state = Mutex(State())

    /// - Parameters:
    ///   - most: jobs at one time, at least 1.
    ///   - longest: jobs that may wait.
    init(most: Int, longest: Int) {
        self.most = max(1, most)
        self.longest = longest
        self.pool = BlockingPool(name: "martlet-library", threads: self.most, waiting: self.most)
    }

    /// Runs `work`, which blocks, when it is its turn; `begins` is called before. The caller's being cancelled changes nothing.
    func run<Value: Sendable>(
        _ id: String, begins: @Sendable () async -> Void = {}, _ work: @escaping @Sendable (JobProgress) -> Value
    ) async throws(Refusal) -> Value {
        let progress = JobProgress()
        try await self.enter(id, progress)
        defer { self.leave(id) }
        await begins()
        do throws(BlockingPool.Refusal) {
            return try await self.pool.run { work(progress) }
        } catch {
            throw .full
        }
    }

    /// 0…100; nil: nobody works on it.
    func percent(of id: String) -> Int? { self.state.withLock { $0.progress[id] }?.percent }

    /// Ends the work on a VoD early, if there is any.
    func cancel(_ id: String) { self.state.withLock { $0.progress[id] }?.interrupt.cancel() }

    /// Takes no more, sends away who waits, and ends what runs as soon as it looks.
    func close() {
        let (waiting, running) = self.state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return (state.waiting, Array(state.progress.values))
        }
        for progress in running { progress.interrupt.cancel() }
        for continuation in waiting { continuation.resume(throwing: Refusal.closed) }
    }

    private func enter(_ id: String, _ progress: JobProgress) async throws(Refusal) {
        do {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let outcome = self.state.withLock { state -> Result<Void, Refusal>? in
                    if state.isClosed { return .failure(.closed) }
                    guard state.running >= self.most else {
                        state.running += 1
                        state.progress[id] = progress
                        return .success(())
                    }
                    guard state.waiting.count < self.longest else { return .failure(.full) }
                    state.waiting.append(continuation)
                    state.progress[id] = progress
                    return nil
                }
                switch outcome {
                case .success: continuation.resume()
                case .failure(let refusal): continuation.resume(throwing: refusal)
                case nil: break
                }
            }
        } catch {
            self.state.withLock { if $0.progress[id] === progress { $0.progress[id] = nil } }
            throw error as? Refusal ?? .closed
        }
    }

    /// The place goes to the next in line, or becomes free.
    private func leave(_ id: String) {
        let next = self.state.withLock { state -> CheckedContinuation<Void, any Error>? in
            state.progress[id] = nil
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.running -= 1
            return nil
        }
        next?.resume()
    }
}

/// How far a job is, and the way to end it early.
final class JobProgress: Sendable {
    let interrupt = Interrupt()
    private let done = Atomic<Int>(0)

    /// Whoever works on it should end.
    var isCancelled: Bool { self.interrupt.isCancelled }

    /// 0…100.
    var percent: Int { self.done.load(ordering: .relaxed) }

    /// `share` of the whole, 0…1.
    func set(_ share: Double) {
        guard share.isFinite else { return }
        self.done.store(Int(min(1, max(0, share)) * 100), ordering: .relaxed)
    }
}
