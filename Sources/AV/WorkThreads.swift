import CFFmpeg  // brings the C library's types with it
import Glibc

/// Some named pthreads that share one queue of jobs. Threads start when there is work and no idle thread, and end on shutdown or when they have
/// been idle for long; whoever enqueues later still gets the job run, on a new thread.
final class WorkThreads: Sendable {
    typealias Job = @Sendable () -> Void

    struct Limits: Sendable {
        var threads: Int
        /// Jobs that may wait, those with a delay included.
        var waiting: Int
        var stackBytes: Int
        /// How long a thread without work stays; nil: until the shutdown.
        var idle: Duration?
        /// 0…19: how far the threads stand back for others.
        var niceness: Int32 = 0
    }

    private struct State {
        var ready: [Job] = []
        /// Index of the next job in `ready`, so that taking one moves nothing.
        var next = 0
        /// Sorted by time, earliest last.
        var delayed: [(due: Int64, job: Job)] = []
        var running = 0
        var idle = 0
        var isShuttingDown = false
        var threads: [pthread_t] = []

        var waiting: Int { self.ready.count - self.next + self.delayed.count }
    }

    private enum Step {
        case run(Job)
        case leave
    }

    private let name: String
    private let limits: Limits
    private let monitor = Monitor()
    // Every access is inside `monitor`.
    nonisolated(unsafe) private var state = State()

    init(name: String, limits: Limits) {
        self.name = name
        self.limits = limits
    }

    /// False, and nothing is kept, when `limits.waiting` jobs wait already or the system has no thread for them; `force` is for jobs that must not
    /// be refused: without a thread they wait until the next call finds one.
    func add(after delay: Duration = .zero, force: Bool = false, _ job: @escaping Job) -> Bool {
        self.monitor.lock()
        defer { self.monitor.unlock() }
        guard force || self.state.waiting < self.limits.waiting else { return false }
        // Idle threads that were signalled for earlier jobs may not have run yet, so the jobs are compared with them, not with none.
        let isCovered = self.state.ready.count - self.state.next < self.state.idle
        if !isCovered, self.state.running < self.limits.threads, !self.spawn(), self.state.running == 0, !force { return false }
        if delay > .zero {
            let due = Interrupt.now() &+ Interrupt.nanoseconds(of: delay)
            let place = self.state.delayed.firstIndex { $0.due <= due } ?? self.state.delayed.endIndex
            self.state.delayed.insert((due, job), at: place)
        } else {
            self.state.ready.append(job)
        }
        self.monitor.signal()
        return true
    }

    var threadCount: Int {
        self.monitor.lock()
        defer { self.monitor.unlock() }
        return self.state.running
    }

    var isOnOwnThread: Bool {
        self.monitor.lock()
        defer { self.monitor.unlock() }
        return self.state.threads.contains { pthread_equal($0, pthread_self()) != 0 }
    }

    /// Runs everything that waits (jobs with a delay at once), then ends the threads. Returns when they have ended, unless called from one of them.
    func shutdown() {
        self.monitor.lock()
        defer { self.monitor.unlock() }
        self.endThreads()
        guard !self.state.threads.contains(where: { pthread_equal($0, pthread_self()) != 0 }) else { return }
        while self.state.running > 0 { self.monitor.wait() }
    }

    /// The same without waiting.
    func beginShutdown() {
        self.monitor.lock()
        defer { self.monitor.unlock() }
        self.endThreads()
    }

    /// Inside the monitor.
    private func endThreads() {
        self.state.isShuttingDown = true
        self.state.ready.append(contentsOf: self.state.delayed.reversed().map(\.job))
        self.state.delayed = []
        self.monitor.broadcast()
    }

    /// Inside the monitor. False when the system has no thread for us.
    private func spawn() -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, self.limits.stackBytes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let opaque = Unmanaged.passRetained(self).toOpaque()
        let result = pthread_create(&thread, &attributes, Self.main, opaque)
        guard result == 0 else {
            Unmanaged<WorkThreads>.fromOpaque(opaque).release()
            return false
        }
        self.state.running += 1
        self.state.threads.append(thread)
        return true
    }

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { opaque in
        guard let opaque else { return nil }
        let threads = Unmanaged<WorkThreads>.fromOpaque(opaque).takeRetainedValue()
        shim_set_thread_name(threads.name)
        if threads.limits.niceness > 0 { shim_be_nice(threads.limits.niceness) }
        while case .run(let job) = threads.step() { job() }
        return nil
    }

    /// Waits for the next job of this thread.
    private func step() -> Step {
        self.monitor.lock()
        defer { self.monitor.unlock() }
        let idleUntil = self.limits.idle.map { Interrupt.now() &+ Interrupt.nanoseconds(of: $0) }
        while true {
            let now = Interrupt.now()
            while let last = self.state.delayed.last, last.due <= now {
                self.state.ready.append(last.job)
                self.state.delayed.removeLast()
            }
            if self.state.next < self.state.ready.count { return .run(self.takeReady()) }
            if self.state.isShuttingDown || (idleUntil.map { now >= $0 } ?? false && self.state.delayed.isEmpty) {
                self.state.running -= 1
                self.state.threads.removeAll { pthread_equal($0, pthread_self()) != 0 }
                self.monitor.broadcast()
                return .leave
            }
            self.state.idle += 1
            if let until = self.state.delayed.last?.due ?? idleUntil { self.monitor.wait(until: until) } else { self.monitor.wait() }
            self.state.idle -= 1
        }
    }

    /// Inside the monitor.
    private func takeReady() -> Job {
        let job = self.state.ready[self.state.next]
        self.state.next += 1
        if self.state.next == self.state.ready.count {
            self.state.ready.removeAll(keepingCapacity: true)
            self.state.next = 0
        } else if self.state.next >= 256 {
            self.state.ready.removeFirst(self.state.next)
            self.state.next = 0
        }
        return job
    }
}
