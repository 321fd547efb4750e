/// A few threads for short blocking jobs that need no actor: remuxing a recording, probing a file.
public final class BlockingPool: Sendable {
    public enum Refusal: Error, Sendable {
        /// As many jobs wait as may.
        case full
    }

    /// One for the process, because what it guards belongs to the machine: at most two recordings are made plain files at once, whoever asks.
    public static let shared = BlockingPool(name: "martlet-files", threads: 2, waiting: 4096)

    private let threads: WorkThreads

    /// - Parameter niceness: 0…19, how far the threads stand back for others when processors are scarce.
    public init(name: String, threads: Int, waiting: Int, niceness: Int = 0) {
        self.threads = WorkThreads(
            name: name,
            limits: .init(
                threads: max(threads, 1), waiting: waiting, stackBytes: 1 << 20, idle: .seconds(10), niceness: Int32(clamping: niceness)))
    }

    deinit { self.threads.beginShutdown() }

    /// False when too many wait already; the job is then gone.
    @discardableResult
    public func execute(_ job: @escaping @Sendable () -> Void) -> Bool { self.threads.add(job) }

    /// The job's result, without blocking the caller's thread.
    public func run<Value: Sendable>(_ job: @escaping @Sendable () -> Value) async throws(Refusal) -> Value {
        let outcome: Value? = await withCheckedContinuation { continuation in
            if !self.threads.add({ continuation.resume(returning: job()) }) { continuation.resume(returning: nil) }
        }
        guard let outcome else { throw .full }
        return outcome
    }

    /// Runs what waits and ends the threads; blocks until then.
    public func shutdown() { self.threads.shutdown() }

    public var threadCount: Int { self.threads.threadCount }
}
