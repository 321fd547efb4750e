import Broadcasts
import Synchronization

/// Counts what happened to broadcasts since the start, by the event's name.
final class EventCounters: Sendable {
    private let counts = Mutex<[String: UInt64]>([:])

    func count(_ event: BroadcastEvent) {
        self.counts.withLock { $0[event.action, default: 0] += 1 }
    }

    var all: [(action: String, count: UInt64)] {
        self.counts.withLock { $0.map { (action: $0.key, count: $0.value) } }.sorted { $0.action < $1.action }
    }
}
