import NIOCore
import Store
import Synchronization

/// Recordings of which no file could be made though they are there: their disk was away or failing, or too much was being finished. Each is tried
/// again, soon at first, then every ten minutes.
final class LeftRecordings: Sendable {
    /// How often it is looked whether one is due.
    static let interval = Duration.seconds(2)
    private static let firstPause = TimeAmount.seconds(10)
    private static let longestPause = TimeAmount.minutes(10)

    private struct Entry {
        let recording: UnfinishedRecording
        var pause: TimeAmount
        var due: NIODeadline
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// - Returns: whether it was not among them before.
    func add(_ recording: UnfinishedRecording, now: NIODeadline) -> Bool {
        self.entries.withLock { entries in
            let last = entries[recording.vodID]?.pause
            let pause = last.map { min($0 * 2, Self.longestPause) } ?? Self.firstPause
            // All of them were left together; they need not be tried together.
            let due = now + pause + .nanoseconds(.random(in: 0...pause.nanoseconds / 4))
            entries[recording.vodID] = Entry(recording: recording, pause: pause, due: due)
            return last == nil
        }
    }

    func remove(_ id: String) { _ = self.entries.withLock { $0.removeValue(forKey: id) } }

    /// Those whose time has come, oldest first.
    func due(now: NIODeadline) -> [UnfinishedRecording] {
        self.entries.withLock { entries in
            entries.values.filter { $0.due <= now }.map(\.recording).sorted { $0.startedAt < $1.startedAt }
        }
    }
}
