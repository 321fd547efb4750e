import NIOCore
import Streams
import Synchronization

/// What the RTMP connections of one event loop share: how loaded it is, and one timer that looks after all of them.
///
/// Its state is confined to the loop; `NIOLoopBound` checks that.
final class RTMPLoop: Sendable {
    final class State {
        var connections: [ObjectIdentifier: RTMPConnectionHandler] = [:]
        let load: LoopLoad
        var sweep: RepeatedTask?
        var whenEmpty: EventLoopPromise<Void>?
        var publishers: [ObjectIdentifier: RTMPConnectionHandler] = [:]
        var isPolling = false
        var poll: Scheduled<Void>?
        /// What a poll reads into; its bytes are copied where they are kept.
        var scratch = ByteBuffer()

        init(load: LoopLoad) {
            self.load = load
        }
    }

    let eventLoop: any EventLoop
    private let counters: RTMPCounters
    private let bound: NIOLoopBoundBox<State>

    init(eventLoop: any EventLoop, mergeWindow: TimeAmount, counters: RTMPCounters) {
        self.eventLoop = eventLoop
        self.counters = counters
        self.bound = NIOLoopBoundBox.makeBoxSendingValue(State(load: LoopLoad(mergeWindow: mergeWindow)), eventLoop: eventLoop)
    }

    /// On the loop.
    var load: LoopLoad { self.bound.value.load }

    func add(_ connection: RTMPConnectionHandler) {
        self.bound.value.connections[ObjectIdentifier(connection)] = connection
        self.startSweeping()
    }

    func remove(_ connection: RTMPConnectionHandler) {
        self.bound.value.connections[ObjectIdentifier(connection)] = nil
        guard self.bound.value.connections.isEmpty else { return }
        self.stopSweeping()
        self.bound.value.whenEmpty?.succeed()
    }

    // MARK: Publishers

    /// With so many publishers their sockets are read at intervals instead of whenever something comes: fewer wake-ups and system calls, for a
    /// delay that is small beside that of their viewers. With fewer than half as many every frame is taken at once again.
    private static let publishersWorthPolling = 24

    static func pollInterval(publishers: Int) -> TimeAmount {
        publishers < 64 ? .milliseconds(20) : .milliseconds(40)
    }

    func addPublisher(_ connection: RTMPConnectionHandler) {
        // Without a socket there is nothing to read past the channel.
        guard connection.socket != nil else { return }
        let state = self.bound.value
        state.publishers[ObjectIdentifier(connection)] = connection
        if state.isPolling {
            connection.isPolled = true
        } else if state.publishers.count >= Self.publishersWorthPolling {
            state.isPolling = true
            for publisher in state.publishers.values { publisher.isPolled = true }
            self.schedulePoll(state)
        }
    }

    private func schedulePoll(_ state: State) {
        state.poll = self.eventLoop.scheduleTask(in: Self.pollInterval(publishers: state.publishers.count)) {
            let state = self.bound.value
            let now = NIODeadline.now()
            // A publisher that ends while it is read leaves the dictionary, not this copy of it.
            for publisher in state.publishers.values { publisher.poll(&state.scratch, now: now) }
            if state.isPolling { self.schedulePoll(state) }
        }
    }

    func removePublisher(_ connection: RTMPConnectionHandler) {
        let state = self.bound.value
        guard state.publishers.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        connection.isPolled = false
        guard state.isPolling, state.publishers.count < Self.publishersWorthPolling / 2 else { return }
        state.isPolling = false
        state.poll?.cancel()
        state.poll = nil
        for publisher in state.publishers.values { publisher.isPolled = false }
    }

    // MARK: Deadlines

    /// Once a second every connection looks at its deadlines: one timer for all is cheaper than one each, and without connections there is none.
    private func startSweeping() {
        guard self.bound.value.sweep == nil else { return }
        self.bound.value.sweep = self.eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            let now = NIODeadline.now()
            for connection in self.bound.value.connections.values { connection.checkDeadlines(now: now) }
            self.countSentBytes()
        }
    }

    private func stopSweeping() {
        self.bound.value.sweep?.cancel()
        self.bound.value.sweep = nil
        self.countSentBytes()
    }

    private func countSentBytes() {
        self.counters.sentBytes.wrappingAdd(self.load.sentBytes, ordering: .relaxed)
        self.load.sentBytes = 0
    }

    /// Asks every connection to leave and waits for it, but not longer than `limit`.
    func closeAll(within limit: TimeAmount) async {
        let closed = self.eventLoop.flatSubmit { () -> EventLoopFuture<Void> in
            let state = self.bound.value
            self.stopSweeping()
            guard !state.connections.isEmpty else { return self.eventLoop.makeSucceededVoidFuture() }
            let promise = self.eventLoop.makePromise(of: Void.self)
            state.whenEmpty = promise
            for connection in state.connections.values { connection.stop(.shuttingDown) }
            let deadline = self.eventLoop.scheduleTask(in: limit) {
                for connection in self.bound.value.connections.values { connection.abort() }
            }
            return promise.futureResult.always { _ in deadline.cancel() }
        }
        do {
            try await closed.get()
        } catch {
            return  // the loop itself is gone, and its connections with it
        }
    }
}
