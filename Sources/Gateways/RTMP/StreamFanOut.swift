import Media
import NIOCore
import RTMP
import Streams
import Synchronization

/// All RTMP players of one stream: reads the stream once, serialises each message once, and wakes the lanes that serve the players.
///
/// Owned by the gateway's `FanOutTable` while there is a player. Filled on whatever thread publishes; read by the lanes' event loops.
final class StreamFanOut: Sendable {
    struct Configuration: Sendable {
        var log = MessageLog.Limits(bytes: 4 << 20, duration: MediaTime(milliseconds: 2_000))
        /// Largest chunk payload that is sent (RTMP 1.0 §5.4.1).
        var chunkSize = 60_000
    }

    let stream: Streams.Stream
    private let state: Mutex<State>

    private struct State {
        var log: MessageLog
        var serialiser: MessageSerialiser
        var reader: StreamReader?
        var lanes: [PlayerLaneReference] = []
    }

    /// A lane and the loop it is confined to.
    private struct PlayerLaneReference: Sendable {
        let eventLoop: any EventLoop
        let lane: NIOLoopBound<PlayerLane>
    }

    init(stream: Streams.Stream, configuration: Configuration) {
        self.stream = stream
        self.state = Mutex(
            State(log: MessageLog(limits: configuration.log), serialiser: MessageSerialiser(id: stream.key.id, chunkSize: configuration.chunkSize)))
        let reader = stream.attach(from: .latestGroup) { [weak self] in self?.pull() }
        self.state.withLock { $0.reader = reader }
        // The first wake-up may have come before the reader was there to be read.
        self.pull()
    }

    /// No player is left.
    func close() {
        let reader = self.state.withLock { state in
            defer { state.reader = nil }
            return state.reader
        }
        reader?.detach()
    }

    /// The players' lane on `eventLoop`, made when it is the first one there. On that loop.
    func lane(on eventLoop: any EventLoop, load: LoopLoad) -> PlayerLane {
        let fresh = NIOLoopBound(PlayerLane(eventLoop: eventLoop, fanOut: self, load: load), eventLoop: eventLoop)
        let bound = self.state.withLock { state in
            if let known = state.lanes.first(where: { $0.eventLoop === eventLoop }) { return known.lane }
            state.lanes.append(.init(eventLoop: eventLoop, lane: fresh))
            return fresh
        }
        return bound.value
    }

    func batch(from cursor: Int?, limit: Int, including: (MessageLog.Kind) -> Bool = { _ in true }) -> MessageLog.Batch {
        self.state.withLock { $0.log.batch(from: cursor, limit: limit, including: including) }
    }

    /// Takes what the stream has, and wakes the lanes if it is worth a send. Called by the reader's wake-up, on the publisher's thread.
    private func pull() {
        let (lanes, isDue): ([PlayerLaneReference], Bool) = self.state.withLock { state in
            guard let reader = state.reader else { return ([], false) }
            var isDue = false
            while let item = reader.next() {
                let kind = state.serialiser.append(item, to: &state.log)
                // While pictures flow, sound waits for the next one.
                if let kind, kind != .audio || !state.log.videoFlows { isDue = true }
            }
            return (state.lanes, isDue)
        }
        guard isDue else { return }
        for reference in lanes {
            if reference.eventLoop.inEventLoop {
                reference.lane.value.notify()
            } else {
                reference.eventLoop.execute { reference.lane.value.notify() }
            }
        }
    }
}
