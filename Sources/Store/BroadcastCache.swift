import Synchronization

/// The broadcasts that were read last, so that reading one again asks no database. Owned by `Database`.
///
/// It holds what a read would find: a change is told to `forget` after it is written and before whoever made it learns that it is, and what was
/// read while anything changed is not kept.
final class BroadcastCache: Sendable {
    /// When a read began.
    struct Ticket {
        fileprivate let changes: UInt64
    }

    private struct State {
        var records: [String: BroadcastRecord] = [:]
        var changes: UInt64 = 0
    }

    /// When there are so many, all are forgotten.
    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int = 16_384) {
        self.capacity = capacity
    }

    func find(_ id: String) -> BroadcastRecord? { self.state.withLock { $0.records[id] } }

    /// To be taken before the database is asked.
    func ticket() -> Ticket { self.state.withLock { Ticket(changes: $0.changes) } }

    func keep(_ record: BroadcastRecord, _ ticket: Ticket) {
        self.state.withLock { state in
            guard state.changes == ticket.changes else { return }
            if state.records.count >= self.capacity { state.records.removeAll(keepingCapacity: true) }
            state.records[record.id] = record
        }
    }

    /// nil: any of them may have changed.
    func forget(_ id: String?) {
        self.state.withLock { state in
            state.changes &+= 1
            if let id { state.records[id] = nil } else { state.records = [:] }
        }
    }
}
