import Outputs
import Synchronization

/// Counts recordings and destinations over all broadcasts: how many run, and what they have done since the start.
final class OutputMeter: Sendable {
    struct Totals: Sendable {
        var recordings = 0
        var recordingBytes: UInt64 = 0
        var recordingFailures: UInt64 = 0
        /// Of those that run now, by state.
        var destinations: [DestinationState: Int] = [:]
        /// Of those that are connected.
        var feedings: [DestinationFeeding: Int] = [:]
        /// How often one of them was sent something else than before, by what.
        var feedChanges: [DestinationFeeding: UInt64] = [:]
        /// By what had gone wrong.
        var destinationRetries: [DestinationErrorClass: UInt64] = [:]
        /// Those that run now, one for each endpoint, in no particular order.
        var running: [(stream: String, status: DestinationStatus)] = []
        var destinationBytes: UInt64 = 0
        var destinationDroppedFrames: UInt64 = 0
    }

    private struct Entry {
        weak var destination: Destination?
        let stream: String
        /// As last told; a destination that has gone without a word keeps what it had.
        var status: DestinationStatus
    }

    private struct State {
        var running: [UInt64: Entry] = [:]
        var next: UInt64 = 0
        /// Of what has ended.
        var totals = Totals()
    }

    private let state = Mutex(State())

    // MARK: Destinations

    /// A number for a destination that is about to be made.
    func newDestination() -> UInt64 {
        self.state.withLock { state in
            state.next += 1
            return state.next
        }
    }

    func add(_ destination: Destination, of stream: String, as number: UInt64) {
        let status = destination.status
        self.state.withLock { $0.running[number] = Entry(destination: destination, stream: stream, status: status) }
    }

    func changed(_ status: DestinationStatus, of number: UInt64) {
        // The entry holds the destination weakly and may be its last holder for a moment: it is handed out of the lock.
        _ = self.state.withLock { state -> Entry? in
            guard var entry = state.running[number] else { return nil }
            if status.state == .retrying, entry.status.state != .retrying, let cause = status.errorClass {
                state.totals.destinationRetries[cause, default: 0] += 1
            }
            if let feeding = status.feeding, let before = entry.status.feeding, feeding != before {
                state.totals.feedChanges[feeding, default: 0] += 1
            }
            entry.status = status
            if status.state == .stopped {
                state.totals.destinationBytes += status.bytesSent
                state.totals.destinationDroppedFrames += status.droppedFrames
                return state.running.removeValue(forKey: number)
            }
            state.running[number] = entry
            return entry
        }
    }

    // MARK: Recordings

    func recordingStarted() { self.state.withLock { $0.totals.recordings += 1 } }
    func recordingClosed() { self.state.withLock { $0.totals.recordings -= 1 } }

    func fileEnded(_ outcome: RecordingOutcome) {
        self.state.withLock { state in
            state.totals.recordingBytes += UInt64(max(0, outcome.bytes))
            if outcome.failure != nil { state.totals.recordingFailures += 1 }
        }
    }

    // MARK: Sums

    var totals: Totals {
        let (running, ended) = self.state.withLock { ($0.running, $0.totals) }
        var totals = ended
        // One that is closing and its successor are there at once: the newest is the endpoint's.
        var shown: Set<[String]> = []
        for (_, entry) in running.sorted(by: { $0.key > $1.key }) {
            let status = entry.destination?.status ?? entry.status
            if shown.insert([entry.stream, status.id]).inserted { totals.running.append((entry.stream, status)) }
            totals.destinations[status.state, default: 0] += 1
            if let feeding = status.feeding { totals.feedings[feeding, default: 0] += 1 }
            totals.destinationBytes += status.bytesSent
            totals.destinationDroppedFrames += status.droppedFrames
        }
        return totals
    }
}
