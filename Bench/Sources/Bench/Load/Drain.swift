import CLinux
import Glibc
import Synchronization

/// The other thread: reads and throws away what the unsampled players get, as cheaply as the kernel allows (MSG_TRUNC: counted, not copied).
///
/// It looks at its sockets at most every `interval`, so that one read takes what several sends brought: players in the field do not run on the
/// server's cores either. Acknowledgements are sent as players do, which also keeps a server from taking them for dead.
///
/// Unchecked: the stored properties that are not atomic are written before the thread starts, or by that thread alone.
final class Drain: @unchecked Sendable {
    private static let acknowledgeEvery = 2_500_000

    private let epoll: Int32
    private var thread = pthread_t()
    /// By descriptor: bytes since the last acknowledgement, and in total (RTMP counts them modulo 2^32).
    private let unacknowledged: UnsafeMutablePointer<Int>
    private let total: UnsafeMutablePointer<UInt32>
    private let capacity: Int
    private let interval: UInt64
    private let scratch = UnsafeMutableRawPointer.allocate(byteCount: 1 << 20, alignment: 64)
    private let stops = Atomic<Bool>(false)
    private let bytes = Atomic<UInt64>(0)
    private let closed = Atomic<Int>(0)

    /// Bytes received by all players of this thread together.
    var receivedBytes: UInt64 { self.bytes.load(ordering: .relaxed) }
    /// Players whose connection the server has ended.
    var closedPlayers: Int { self.closed.load(ordering: .relaxed) }

    /// - Parameters:
    ///   - capacity: descriptors are below this.
    ///   - interval: milliseconds from one look at the sockets to the next.
    init(capacity: Int, interval: Int) throws(LoadFailure) {
        self.capacity = capacity
        self.interval = UInt64(interval) * 1_000_000
        self.unacknowledged = .allocate(capacity: capacity)
        self.unacknowledged.initialize(repeating: 0, count: capacity)
        self.total = .allocate(capacity: capacity)
        self.total.initialize(repeating: 0, count: capacity)
        self.epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard self.epoll >= 0 else { throw .lastError(of: "epoll_create1") }
        // Retained by the thread until it has been joined.
        let context = Unmanaged.passRetained(self).toOpaque()
        let result = pthread_create(&self.thread, nil, { Drain.enter($0) }, context)
        guard result == 0 else {
            Unmanaged<Drain>.fromOpaque(context).release()
            throw .system(call: "pthread_create", code: result)
        }
    }

    deinit {
        close(self.epoll)
        self.unacknowledged.deallocate()
        self.total.deallocate()
        self.scratch.deallocate()
    }

    /// Takes over the reading of a socket; closing it stays with the caller, after `stop`.
    func add(_ descriptor: Int32) throws(LoadFailure) {
        guard Int(descriptor) < self.capacity else { throw .usage("too many open files") }
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.fd = descriptor
        guard epoll_ctl(self.epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 else { throw .lastError(of: "epoll_ctl") }
    }

    /// Ends the thread. To be called once, before the sockets are closed.
    func stop() {
        self.stops.store(true, ordering: .relaxed)
        pthread_join(self.thread, nil)
    }

    private static func enter(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let context else { return nil }
        Unmanaged<Drain>.fromOpaque(context).takeRetainedValue().run()
        return nil
    }

    private func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 2048)
        while !self.stops.load(ordering: .relaxed) {
            let began = monotonicNow()
            let count = epoll_wait(self.epoll, &events, Int32(events.count), 100)
            var received = 0
            for index in 0..<max(0, Int(count)) { received += self.empty(events[index].data.fd) }
            self.bytes.add(UInt64(received), ordering: .relaxed)
            let spent = monotonicNow() - began
            if spent < self.interval { usleep(UInt32((self.interval - spent) / 1000)) }
        }
    }

    private func empty(_ descriptor: Int32) -> Int {
        let count = recv(descriptor, self.scratch, 1 << 20, Int32(MSG_TRUNC) | Int32(MSG_DONTWAIT))
        guard count > 0 else {
            if count < 0, errno == EAGAIN || errno == EINTR { return 0 }
            _ = epoll_ctl(self.epoll, EPOLL_CTL_DEL, descriptor, nil)
            self.closed.add(1, ordering: .relaxed)
            return 0
        }
        let place = Int(descriptor)
        self.total[place] &+= UInt32(truncatingIfNeeded: count)
        self.unacknowledged[place] += count
        if self.unacknowledged[place] >= Self.acknowledgeEvery {
            self.unacknowledged[place] = 0
            let message = Commands.acknowledgement(self.total[place])
            // Should it not go out now, the next one says the same.
            _ = send(descriptor, message, message.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
        }
        return count
    }
}
