import CLinux
import Glibc

/// A socket the loop watches.
protocol Pollable: AnyObject {
    var descriptor: Int32 { get }
    func readable(_ loop: LoadLoop) throws(LoadFailure)
    func writable(_ loop: LoadLoop) throws(LoadFailure)
}

/// Something that has work at certain times.
protocol Timed: AnyObject {
    /// Does what is due and says when there is more to do; nil for never again.
    func fire(now: UInt64, loop: LoadLoop) throws(LoadFailure) -> UInt64?
}

/// The precise thread: publishers, sampled players and HLS requests, on one epoll and one timer. Its clock readings are the latencies
/// reported, so nothing here may take long; the mass of players is read by `Drain` on another thread.
final class LoadLoop {
    private let epoll: Int32
    private let timer: Int32
    private var watched: [(any Pollable)?] = []
    private var schedule = Schedule()
    private var events = [epoll_event](repeating: epoll_event(), count: 512)
    /// Where sockets are read into. Level-triggered, so what does not fit comes with the next turn.
    let readBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
    /// Microseconds by which timed work began too late, while `records` is true: the generator's own noise.
    private(set) var lateness: [UInt32] = []
    var records = false

    init() throws(LoadFailure) {
        self.epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard self.epoll >= 0 else { throw .lastError(of: "epoll_create1") }
        self.timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK) | Int32(TFD_CLOEXEC))
        guard self.timer >= 0 else { throw .lastError(of: "timerfd_create") }
        try self.control(EPOLL_CTL_ADD, self.timer, EPOLLIN.rawValue)
    }

    deinit {
        close(self.epoll)
        close(self.timer)
        self.readBuffer.deallocate()
    }

    func watch(_ source: any Pollable, writable: Bool) throws(LoadFailure) {
        let place = Int(source.descriptor)
        while self.watched.count <= place { self.watched.append(nil) }
        try self.control(EPOLL_CTL_ADD, source.descriptor, Self.interest(writable))
        self.watched[place] = source
    }

    func watch(_ source: any Pollable, nowWritable writable: Bool) throws(LoadFailure) {
        try self.control(EPOLL_CTL_MOD, source.descriptor, Self.interest(writable))
    }

    /// Leaves the socket open, but sees to it no longer.
    func forget(_ descriptor: Int32) {
        guard Int(descriptor) < self.watched.count, self.watched[Int(descriptor)] != nil else { return }
        self.watched[Int(descriptor)] = nil
        _ = epoll_ctl(self.epoll, EPOLL_CTL_DEL, descriptor, nil)
    }

    func schedule(_ task: any Timed, at time: UInt64) { self.schedule.insert(task, at: time) }

    /// Runs for a number of seconds.
    func run(seconds: Double) throws(LoadFailure) { _ = try self.run(atMost: seconds) { false } }

    /// Runs until the condition holds, looking after every turn; false when the time is over first.
    /// - Parameter period: seconds after which it looks again although nothing has happened.
    func run(atMost seconds: Double, until isDone: () -> Bool, every period: Double = .infinity) throws(LoadFailure) -> Bool {
        let end = monotonicNow() + UInt64(seconds: seconds)
        while true {
            if Interruption.hasHappened { throw .interrupted }
            var now = monotonicNow()
            while let task = self.schedule.takeDue(now) {
                if self.records { self.lateness.append(UInt32(clamping: (now - task.time) / 1000)) }
                if let next = try task.task.fire(now: now, loop: self) { self.schedule.insert(task.task, at: next) }
                now = monotonicNow()
            }
            if isDone() { return true }
            if now >= end { return false }
            let look = period < seconds ? now + UInt64(seconds: period) : end
            try self.wait(until: min(end, look, self.schedule.next ?? end))
        }
    }

    private func wait(until time: UInt64) throws(LoadFailure) {
        var setting = itimerspec()
        setting.it_value = timespec(tv_sec: Int(time / 1_000_000_000), tv_nsec: Int(time % 1_000_000_000))
        guard timerfd_settime(self.timer, Int32(TFD_TIMER_ABSTIME), &setting, nil) == 0 else { throw .lastError(of: "timerfd_settime") }
        // The timeout is a belt: a signal that comes just before the wait is seen half a second later at the latest.
        let count = epoll_wait(self.epoll, &self.events, Int32(self.events.count), 500)
        guard count >= 0 || errno == EINTR else { throw .lastError(of: "epoll_wait") }
        for index in 0..<max(0, Int(count)) {
            let event = self.events[index]
            if event.data.fd == self.timer {
                var expirations: UInt64 = 0
                _ = read(self.timer, &expirations, 8)
                continue
            }
            guard Int(event.data.fd) < self.watched.count, let source = self.watched[Int(event.data.fd)] else { continue }
            if event.events & EPOLLOUT.rawValue != 0 { try source.writable(self) }
            if event.events & ~EPOLLOUT.rawValue != 0 { try source.readable(self) }
        }
    }

    private func control(_ operation: Int32, _ descriptor: Int32, _ interest: UInt32) throws(LoadFailure) {
        var event = epoll_event()
        event.events = interest
        event.data.fd = descriptor
        guard epoll_ctl(self.epoll, operation, descriptor, &event) == 0 else { throw .lastError(of: "epoll_ctl") }
    }

    private static func interest(_ writable: Bool) -> UInt32 { EPOLLIN.rawValue | (writable ? EPOLLOUT.rawValue : 0) }
}
