import Synchronization

/// Pictures that a broadcast's recordings could not encode in time, for whoever shows the number.
final class RecordingDrops: Sendable {
    private struct State {
        /// By the id of the VoD to come.
        var running: [String: any RecordingSession] = [:]
        /// Of those that are over.
        var ended = 0
    }

    private let state = Mutex(State())

    func add(_ session: any RecordingSession, as vodID: String) { self.state.withLock { $0.running[vodID] = session } }

    func close(_ vodID: String) {
        self.state.withLock { state in
            state.ended += state.running.removeValue(forKey: vodID)?.droppedInEncoding ?? 0
        }
    }

    /// A run of the stream begins.
    func forgetEnded() { self.state.withLock { $0.ended = 0 } }

    /// Since the run began.
    var count: Int {
        self.state.withLock { state in state.running.values.reduce(state.ended) { $0 + $1.droppedInEncoding } }
    }
}
