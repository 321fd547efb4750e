import Logging
import NIOCore
import Streams
import Synchronization

/// Carries out what `DestinationMachine` orders: the shell between a stream's reader, the clock and the connection of the current attempt.
/// Owned by `Destination`.
///
/// `@unchecked Sendable`: everything but the constants and `isWoken` is touched on `eventLoop` only, which every entry point checks or hops to.
final class DestinationDriver: @unchecked Sendable {
    /// What may be on its way to the kernel. More would be memory per destination without being sooner at the peer.
    private static let writeBudget = 512 << 10
    /// A buffer is filled up to this much, or with one larger message.
    private static let batch = 64 << 10
    /// While nothing is sent the reader is only looked at for the stream's end, this often.
    private static let idleReading = TimeAmount.milliseconds(200)

    let eventLoop: any EventLoop
    private let configuration: DestinationConfiguration
    private let target: PushTarget?
    private let stream: Stream
    private let network: DestinationNetwork
    private let board: DestinationBoard
    private let isWoken = Atomic<Bool>(false)

    private var machine: DestinationMachine
    private var reader: StreamReader?
    private var ticket: DestinationURLRegistry.Ticket?
    private var connection: PushConnection?
    /// Of the live push.
    private var feed: PushFeed?
    private var bytesOnTheWay = 0
    private var timer: (deadline: NIODeadline, task: Scheduled<Void>)?
    private var stopWaiters: [@Sendable () -> Void] = []

    init(
        configuration: DestinationConfiguration, target: Result<PushTarget, DestinationURLError>, stream: Stream, network: DestinationNetwork,
        eventLoop: any EventLoop, board: DestinationBoard, seed: UInt64
    ) {
        self.configuration = configuration
        self.stream = stream
        self.network = network
        self.eventLoop = eventLoop
        self.board = board
        self.machine = DestinationMachine(configuration: configuration, seed: seed)
        switch target {
        case .success(let target):
            self.target = target
        case .failure(let error):
            self.target = nil
            self.machine.unusable(.connectFailed(error.description))
        }
    }

    // MARK: The owner

    func start() {
        self.eventLoop.preconditionInEventLoop()
        guard self.reader == nil, self.machine.state == .idle else {
            self.settle()
            return
        }
        self.reader = self.attach(from: .live)
        self.perform(self.machine.started(now: .now()))
    }

    /// `done` is called on the event loop when nothing is open any more.
    func stop(_ done: @escaping @Sendable () -> Void) {
        self.eventLoop.preconditionInEventLoop()
        self.stopWaiters.append(done)
        self.perform(self.machine.stopRequested(now: .now()))
    }

    // MARK: The stream

    private func attach(from start: StreamStart) -> StreamReader {
        self.stream.attach(limits: self.configuration.queue, from: start, wake: { [weak self] in self?.wake() })
    }

    /// On the publisher's thread.
    private func wake() {
        guard !self.isWoken.exchange(true, ordering: .acquiringAndReleasing) else { return }
        self.eventLoop.execute { self.woken() }
    }

    private func woken() {
        guard self.reader != nil else { return }
        if self.feed != nil || self.machine.state == .idle {
            self.drain()
        } else {
            _ = self.eventLoop.schedule(at: .now() + Self.idleReading) { self.drain() }
        }
    }

    private func drain() {
        self.isWoken.store(false, ordering: .releasing)
        if self.feed == nil {
            self.skip()
        } else {
            self.send()
        }
    }

    /// Nothing can be sent now: what waits is let go, so that a later push starts with what is new then.
    private func skip() {
        while let item = self.reader?.next() { self.note(item) }
    }

    private func send() {
        while self.bytesOnTheWay < Self.writeBudget, self.feed != nil, let reader = self.reader {
            var bytes = ByteBuffer()
            var hasEnded = false
            while bytes.readableBytes < Self.batch, !hasEnded, let item = reader.next() {
                self.feed?.write(item, into: &bytes)
                if case .ended = item { hasEnded = true }
            }
            if bytes.readableBytes > 0, let connection = self.connection {
                self.bytesOnTheWay += bytes.readableBytes
                self.machine.writeBegan(connection.attempt, now: .now())
                connection.write(bytes)
            }
            if hasEnded { self.note(.ended) }
            if bytes.readableBytes == 0 { return }
        }
    }

    private func note(_ item: StreamItem) {
        switch item {
        case .tracks: self.perform(self.machine.streamBecameLive(now: .now()))
        case .ended: self.perform(self.machine.streamEnded(now: .now()))
        case .frame, .discontinuity: break
        }
    }

    // MARK: The connection

    private func handle(_ event: PushConnection.Event, of attempt: UInt64) {
        let now = NIODeadline.now()
        switch event {
        case .connected:
            self.machine.connected(attempt, now: now)
            self.settle()
        case .publishAccepted(let feed):
            guard self.machine.publishAccepted(attempt, now: now) else { return }
            self.beginSending(feed)
            self.settle()  // shown as live only when nothing that is published from now on can be missed
        case .acknowledged(let sequence):
            self.machine.acknowledged(attempt, sequence: sequence, now: now)
        case .wrote(let bytes):
            self.board.sent(bytes: bytes)
            guard self.feed != nil, self.connection?.attempt == attempt else { return }
            self.bytesOnTheWay -= bytes
            self.machine.writeProgressed(attempt, bytes: bytes, isMoreWaiting: self.bytesOnTheWay > 0, now: now)
            self.send()
        case .failed(let failure):
            self.perform(self.machine.failed(attempt, failure, now: now))
        case .closed(let failure):
            if self.connection?.attempt == attempt { self.connection = nil }
            self.perform(self.machine.closed(attempt, failure, now: now))
        }
    }

    /// A new reader, so that the push starts at the newest keyframe there is. What the old one still says of the stream's end counts.
    private func beginSending(_ feed: PushFeed) {
        let old = self.reader
        self.reader = self.attach(from: .latestGroup)
        var last: StreamItem?
        while let item = old?.next() {
            switch item {
            case .tracks, .ended: last = item
            case .frame, .discontinuity: break
            }
        }
        old?.detach()
        self.feed = feed
        self.bytesOnTheWay = 0
        self.isWoken.store(false, ordering: .releasing)  // a look at the old reader may still be scheduled; the new one need not wait for it
        if case .ended? = last {
            self.note(.ended)
        } else {
            self.send()
        }
    }

    private func endSending() {
        guard self.feed != nil else { return }
        self.feed = nil
        self.bytesOnTheWay = 0
        if let reader = self.reader { self.board.dropped(frames: reader.droppedFrames, isFinal: true) }
        // From here on the reader is only listened to. What it holds is let go, and its wake-ups are armed again by that.
        self.eventLoop.execute { self.drain() }
    }

    // MARK: Orders and time

    private func perform(_ orders: [DestinationMachine.Order]) {
        for order in orders {
            switch order {
            case .acquire(let attempt): self.acquire(attempt)
            case .connect: self.connection?.open()
            case .finish(let attempt): self.leave(attempt) { $0.finish() }
            case .abort(let attempt): self.leave(attempt) { $0.abort() }
            }
        }
        self.settle()
    }

    private func acquire(_ attempt: UInt64) {
        guard let target = self.target else { return }
        self.ticket = self.network.registry.acquire(target.identity) { [weak self] lease in
            guard let self else { return lease.release() }
            self.eventLoop.execute { self.granted(lease, attempt: attempt, target: target) }
        }
    }

    private func granted(_ lease: DestinationURLRegistry.Lease, attempt: UInt64, target: PushTarget) {
        let orders = self.machine.leaseGranted(attempt, now: .now())
        guard !orders.isEmpty else { return lease.release() }
        self.ticket = nil
        self.connection = PushConnection(
            attempt: attempt, target: target, fourCCs: PushFeed.fourCCs(self.stream.tracks), network: self.network, eventLoop: self.eventLoop,
            connectTimeout: self.configuration.timing.connect, lease: lease, report: { self.handle($0, of: attempt) })
        self.perform(orders)
    }

    private func leave(_ attempt: UInt64, _ action: (PushConnection) -> Void) {
        if let ticket = self.ticket {
            self.network.registry.cancel(ticket)
            self.ticket = nil
        }
        if let connection = self.connection, connection.attempt == attempt { action(connection) }
    }

    /// After every event: what the machine's new state asks for besides its orders.
    private func settle() {
        if self.machine.liveAttempt == nil { self.endSending() }
        self.schedule()
        self.board.show(self.machine, target: self.target)
        guard self.machine.isStopped else { return }
        self.reader?.detach()
        self.reader = nil
        let waiters = self.stopWaiters
        self.stopWaiters = []
        for done in waiters { done() }
    }

    private func schedule() {
        let deadline = self.machine.deadline
        guard deadline != self.timer?.deadline else { return }
        self.timer?.task.cancel()
        self.timer = deadline.map { deadline in
            (deadline, self.eventLoop.schedule(at: deadline) { self.timeReached() })
        }
    }

    private func timeReached() {
        self.timer = nil
        let orders = self.machine.timedOut(now: .now())
        if let reader = self.reader, self.feed != nil { self.board.dropped(frames: reader.droppedFrames, isFinal: false) }
        self.perform(orders)
    }
}
