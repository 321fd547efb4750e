import Logging
import Media
import NIOCore
import Streams
import Synchronization

/// Carries out what `DestinationMachine` orders: the shell between a stream's reader, the clock and the connection of the current attempt.
/// Owned by `Destination`.
///
/// `@unchecked Sendable`: everything but the constants and `isWoken` is touched on `eventLoop` only, which every entry point checks or hops to.
final class DestinationDriver: @unchecked Sendable {
    /// Bytes that may be on their way to the kernel. More would be memory per destination without being sooner at the peer.
    private static let writeBudget = 512 << 10
    /// Bytes of payload that are made into one buffer, unless a single frame has more. Somewhat less than a power of two, to which buffers are rounded.
    private static let batchBytes = 48 << 10
    /// While nothing is sent the reader is only looked at for the stream's end, this often.
    private static let idleReading = TimeAmount.milliseconds(200)

    let eventLoop: any EventLoop
    private let configuration: DestinationConfiguration
    private let address: (any PushAddress)?
    private let stream: Stream
    private let network: DestinationNetwork
    private let board: DestinationBoard
    private let isWoken = Atomic<Bool>(false)

    private var machine: DestinationMachine
    private var reader: StreamReader?
    private var ticket: DestinationURLRegistry.Ticket?
    private var transport: (any PushTransport)?
    /// The peer has accepted the publish, and nothing has gone wrong since.
    private var isSending = false
    private var silence = SilentSound()
    private let filler: DestinationFiller
    /// Reused by every item.
    private var fed: [StreamItem] = []
    private var shownFeeding = DestinationFeeding.held
    private var fillTimer: (deadline: NIODeadline, task: Scheduled<Void>)?
    /// Of the current attempt.
    private var codecs = SessionCodecs([])
    /// Reused by every batch.
    private var batch: [StreamItem] = []
    private var bytesOnTheWay = 0
    /// Over the connection, for transports that know no better.
    private var bytesWritten: UInt64 = 0
    /// The reader has more than may be on its way.
    private var isFull = false
    private var lastSend = NIODeadline.uptimeNanoseconds(0)
    private var timer: (deadline: NIODeadline, task: Scheduled<Void>)?
    private var stopWaiters: [@Sendable () -> Void] = []

    init(
        configuration: DestinationConfiguration, address: Result<any PushAddress, DestinationURLError>, stream: Stream, network: DestinationNetwork,
        eventLoop: any EventLoop, board: DestinationBoard, seed: UInt64
    ) {
        self.configuration = configuration
        self.stream = stream
        self.network = network
        self.eventLoop = eventLoop
        self.board = board
        var configuration = configuration
        configuration.timing.fill = configuration.fill.limit
        self.machine = DestinationMachine(configuration: configuration, seed: seed)
        self.filler = DestinationFiller(configuration.fill, stream: stream, limits: configuration.queue, now: .now())
        switch address {
        case .success(let address):
            self.address = address
        case .failure(let error):
            self.address = nil
            self.machine.unusable(.unusableURL(error.description))
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

    /// What kind of end the stream's was, which the owner knows and the stream does not say.
    func publisherLeft(saidGoodbye: Bool) {
        self.eventLoop.preconditionInEventLoop()
        self.perform(self.machine.publisherLeft(saidGoodbye: saidGoodbye, now: .now()))
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
        let now = NIODeadline.now()
        let due =
            if self.isSending {
                Self.tick(at: self.lastSend + self.configuration.timing.merge, apart: self.configuration.timing.merge)
            } else {
                self.machine.state == .idle ? now : now + Self.idleReading
            }
        if due <= now {
            self.drain()
        } else {
            _ = self.eventLoop.schedule(at: due) { self.drain() }
        }
    }

    /// The next of a few moments that all destinations with the same window share, so that an event loop is woken by a timer once for many of them.
    private static func tick(at time: NIODeadline, apart window: TimeAmount) -> NIODeadline {
        let step = UInt64(max(1, window.nanoseconds / 4))
        return .uptimeNanoseconds((time.uptimeNanoseconds / step + 1) * step)
    }

    private func drain() {
        self.isWoken.store(false, ordering: .releasing)
        if self.isSending {
            self.send()
        } else {
            self.skip()
        }
    }

    /// Nothing can be sent now: what waits is let go, so that a later push starts with what is new then.
    private func skip() {
        let now = NIODeadline.now()
        while let item = self.reader?.next() {
            self.filler.passed(item, now: now)
            self.note(item)
        }
    }

    private func send() {
        self.lastSend = .now()
        self.isFull = false
        defer {
            if self.filler.feeding != self.shownFeeding { self.show() }
            self.scheduleFill()
        }
        while self.isSending, let reader = self.reader, let transport = self.transport {
            guard self.bytesOnTheWay < Self.writeBudget else {
                self.isFull = true
                return
            }
            let (isDrained, change) = self.fillBatch(from: reader)
            self.flush(to: transport)
            if let change { self.note(change) }
            if isDrained { return }
        }
    }

    private func flush(to transport: any PushTransport) {
        guard !self.batch.isEmpty else { return }
        let count = transport.send(self.batch)
        if self.isSending { self.bytesOnTheWay += count }
        self.batch.removeAll(keepingCapacity: true)  // lets the payloads go
    }

    /// Whether the reader has no more now, and the newest that was heard of the stream's life. The batch ends with that.
    private func fillBatch(from reader: StreamReader) -> (isDrained: Bool, change: StreamItem?) {
        var bytes = 0
        while bytes < Self.batchBytes {
            guard let item = reader.next() else { return (true, nil) }
            // Another codec needs a session of its own, and none of it comes into this one.
            if case .tracks(let tracks) = item, !self.codecs.take(tracks) {
                self.filler.passed(item, now: self.lastSend)
                return (true, item)
            }
            self.filler.received(item, now: self.lastSend, into: &self.fed)
            self.addFed()
            switch item {
            case .frame(let frame): bytes += frame.payload.readableBytes
            case .tracks, .ended: return (false, item)
            case .discontinuity: break
            }
        }
        return (false, nil)
    }

    private func addFed() {
        if self.configuration.addsSilence {
            for item in self.fed { self.silence.pass(item, into: &self.batch) }
        } else {
            self.batch.append(contentsOf: self.fed)
        }
        self.fed.removeAll(keepingCapacity: true)
    }

    private func note(_ item: StreamItem) {
        switch item {
        case .tracks:
            self.perform(self.machine.streamBecameLive(now: .now()))
            if self.codecs.isOutdated { self.perform(self.machine.sessionOutdated(now: .now())) }
        case .ended:
            let now = NIODeadline.now()
            self.perform(self.machine.fillChanged(isAvailable: self.filler.look(now: now), now: now) + self.machine.streamEnded(now: now))
        case .frame, .discontinuity:
            return
        }
        if let ticket = self.ticket { self.network.registry.update(ticket, isLive: self.machine.streamIsLive) }
        self.scheduleFill()
    }

    // MARK: What stands in for the stream

    /// No later than it must be looked at; a timer that is early looks for the next.
    private func scheduleFill() {
        guard self.machine.liveAttempt != nil || self.machine.heldUntil != nil, let deadline = self.filler.deadline(now: .now()) else { return }
        if let timer = self.fillTimer, timer.deadline <= deadline { return }
        self.fillTimer?.task.cancel()
        let due = Self.tick(at: deadline, apart: self.configuration.timing.merge)
        self.fillTimer = (due, self.eventLoop.schedule(at: due) { self.fillDue() })
    }

    private func fillDue() {
        self.fillTimer?.task.cancel()
        self.fillTimer = nil
        guard self.reader != nil else { return }
        let now = NIODeadline.now()
        if self.machine.heldUntil != nil, let address = self.address, self.network.registry.isWanted(address.identity) {
            self.perform(self.machine.wantedElsewhere(now: now))
        }
        self.perform(self.machine.fillChanged(isAvailable: self.filler.look(now: now), now: now))
        if self.isSending, let transport = self.transport, self.bytesOnTheWay < Self.writeBudget {
            self.filler.advance(now: now, into: &self.fed)
            self.addFed()
            self.flush(to: transport)
        }
        self.show()
        self.scheduleFill()
    }

    private func show() {
        self.shownFeeding = self.filler.feeding
        let feeding = self.machine.liveAttempt == nil ? nil : self.shownFeeding
        self.board.show(self.machine, feeding: feeding, slateProblem: self.filler.problem, address: self.address)
    }

    // MARK: The connection

    private func handle(_ event: PushEvent, of attempt: UInt64) {
        let now = NIODeadline.now()
        switch event {
        case .connected:
            self.machine.connected(attempt, now: now)
            self.settle()
        case .accepted:
            guard self.machine.publishAccepted(attempt, now: now) else { return }
            self.beginSending()
            self.settle()  // shown as live only when nothing that is published from now on can be missed
        case .acknowledged(let sequence):
            self.machine.acknowledged(attempt, sequence: sequence, now: now)
        case .wrote(let bytes):
            self.board.sent(bytes: bytes, now: now)
            guard self.isSending, self.transport?.attempt == attempt else { return }
            self.bytesOnTheWay -= bytes
            self.bytesWritten += UInt64(bytes)
            self.machine.wrote(attempt, bytes: bytes)
            if self.isFull { self.send() }
        case .failed(let failure):
            self.perform(self.machine.failed(attempt, failure, now: now))
        case .closed(let failure):
            if self.transport?.attempt == attempt { self.transport = nil }
            self.perform(self.machine.closed(attempt, failure, now: now))
        }
    }

    /// A new reader, so that the push starts at the newest keyframe there is. What the old one still says of the stream's life counts.
    private func beginSending() {
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
        self.isSending = true
        self.silence = SilentSound()
        self.filler.connectionBegan(now: .now())
        self.bytesOnTheWay = 0
        self.bytesWritten = 0
        self.isWoken.store(false, ordering: .releasing)  // a look at the old reader may still be scheduled; the new one need not wait for it
        if let last {
            self.filler.passed(last, now: .now())
            self.note(last)
        }
        self.send()
        if self.machine.heldUntil != nil { self.fillDue() }
    }

    private func endSending() {
        guard self.isSending else { return }
        self.isSending = false
        self.bytesOnTheWay = 0
        self.filler.connectionEnded()
        if let reader = self.reader { self.board.dropped(frames: reader.droppedFrames, isFinal: true) }
        // From here on the reader is only listened to. What it holds is let go, and its wake-ups are armed again by that.
        self.eventLoop.execute { self.drain() }
    }

    // MARK: Orders and time

    private func perform(_ orders: [DestinationMachine.Order]) {
        for order in orders {
            switch order {
            case .acquire(let attempt): self.acquire(attempt)
            case .connect: self.transport?.open()
            case .finish(let attempt): self.leave(attempt) { $0.finish() }
            case .abort(let attempt): self.leave(attempt) { $0.abort() }
            }
        }
        self.settle()
    }

    private func acquire(_ attempt: UInt64) {
        guard let address = self.address else { return }
        let ticket = self.network.registry.acquire(address.identity, isLive: self.machine.streamIsLive) { [weak self] lease in
            guard let self else { return lease.release() }
            self.eventLoop.execute { self.granted(lease, attempt: attempt, address: address) }
        }
        self.ticket = ticket
        if ticket.hasToWait { self.machine.urlIsTaken(attempt) }
    }

    private func granted(_ lease: DestinationURLRegistry.Lease, attempt: UInt64, address: any PushAddress) {
        let orders = self.machine.leaseGranted(attempt, now: .now())
        guard !orders.isEmpty else {
            lease.release()
            // It waited for nothing: the stream has ended meanwhile, and the wait with it.
            return self.settle()
        }
        self.ticket = nil
        let tracks = self.filler.tracks.isEmpty ? self.stream.tracks : self.filler.tracks
        self.codecs = SessionCodecs(tracks)
        self.transport = address.makeTransport(
            PushAttempt(
                number: attempt, tracks: tracks, network: self.network, eventLoop: self.eventLoop,
                connectTimeout: self.configuration.timing.connect, lease: lease, report: { self.handle($0, of: attempt) }))
        self.perform(orders)
    }

    private func leave(_ attempt: UInt64, _ action: (any PushTransport) -> Void) {
        if let ticket = self.ticket {
            self.network.registry.cancel(ticket)
            self.ticket = nil
        }
        if let transport = self.transport, transport.attempt == attempt { action(transport) }
    }

    /// After every event: what the machine's new state asks for besides its orders.
    private func settle() {
        if self.machine.liveAttempt == nil { self.endSending() }
        self.schedule()
        self.show()
        guard self.machine.isStopped else { return }
        self.fillTimer?.task.cancel()
        self.fillTimer = nil
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
        // What stands in may begin in the same moment in which the wait would end.
        self.fillDue()
        let now = NIODeadline.now()
        if self.isSending {
            self.machine.looked(at: self.delivery, now: now)
            if let reader = self.reader { self.board.dropped(frames: reader.droppedFrames, isFinal: false) }
        }
        self.perform(self.machine.timedOut(now: now))
    }

    private var delivery: Delivery {
        self.transport?.delivery() ?? Delivery(acknowledged: self.bytesWritten, isOutstanding: self.bytesOnTheWay > 0)
    }
}
