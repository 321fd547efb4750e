/// One thread of its own for an actor whose work blocks: FFmpeg, disks. Jobs run in the order they were enqueued.
///
/// The owner calls `shutdown()` when its actor has nothing left to do; a job that comes later still runs, on a new thread.
public final class BlockingExecutor: SerialExecutor {
    private let threads: WorkThreads

    /// - Parameters:
    ///   - name: of the thread; Linux shows 15 bytes of it.
    ///   - waiting: jobs of `execute` that may wait; an actor's jobs are never refused, for the runtime could not bear it.
    ///   - niceness: how far the thread, and any that a library starts on it, stands back for others, 0 to 19.
    public init(name: String, waiting: Int = 1024, niceness: Int = 0) {
        // FFmpeg's deepest stacks (probing) stay below 200 kB; the pages are only taken when touched.
        self.threads = WorkThreads(
            name: name, limits: .init(threads: 1, waiting: waiting, stackBytes: 1 << 20, idle: nil, niceness: Int32(clamping: niceness)))
    }

    deinit {
        // The last job may hold the last reference, so this can be the thread itself; it ends when the queue is empty. Nothing waits for it.
        let threads = self.threads
        threads.beginShutdown()
    }

    /// Runs `job` on the thread, not before `delay` has passed. False when too many wait already or no thread can be started; the job is then gone.
    @discardableResult
    public func execute(after delay: Duration = .zero, _ job: @escaping @Sendable () -> Void) -> Bool {
        self.threads.add(after: delay, job)
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        _ = self.threads.add(force: true) { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    public func isIsolatingCurrentContext() -> Bool? { self.threads.isOnOwnThread }

    public func checkIsolated() {
        precondition(self.threads.isOnOwnThread, "not on this executor's thread")
    }

    /// Runs what waits and ends the thread; blocks until then, unless called on the thread itself. Delayed jobs run at once.
    public func shutdown() { self.threads.shutdown() }

    /// For tests and metrics: 1 while the thread exists.
    public var threadCount: Int { self.threads.threadCount }
}
