import Synchronization

/// Counts a recorder's unfinished files, and tells whoever wants to know when there are none left.
final class RecordingCompletion: Sendable {
    private struct State {
        var phase = RecorderState.idle
        /// Files handed over for finishing.
        var finishing = 0
        /// No further file will come.
        var isClosing = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let mutex = Mutex(State())
    private let onFileStarted: @Sendable (StartedRecording) -> Void
    private let onProgress: @Sendable (_ id: String, _ share: Double) -> Void
    private let onEnd: @Sendable (RecordingOutcome) -> Void
    private let onClosed: @Sendable () -> Void

    init(
        onFileStarted: @escaping @Sendable (StartedRecording) -> Void, onProgress: @escaping @Sendable (String, Double) -> Void,
        onEnd: @escaping @Sendable (RecordingOutcome) -> Void, onClosed: @escaping @Sendable () -> Void
    ) {
        self.onFileStarted = onFileStarted
        self.onProgress = onProgress
        self.onEnd = onEnd
        self.onClosed = onClosed
    }

    var state: RecorderState { self.mutex.withLock { $0.phase } }

    /// While the recorder takes frames; a later phase is never left for an earlier one.
    func change(to phase: RecorderState) {
        self.mutex.withLock { state in
            if !state.isClosing { state.phase = phase }
        }
    }

    func fileStarted(_ recording: StartedRecording) { self.onFileStarted(recording) }

    func progressed(_ id: String, _ share: Double) { self.onProgress(id, share) }

    func beginFinishing() { self.mutex.withLock { $0.finishing += 1 } }

    func fileEnded(_ outcome: RecordingOutcome) {
        self.onEnd(outcome)
        let isLast = self.mutex.withLock { state in
            state.finishing -= 1
            return state.isClosing && state.finishing == 0
        }
        if isLast { self.end(silently: false) }
    }

    /// No file will be added; ends now, or with the last file that is being finished.
    func close(silently: Bool = false) {
        let isLast = self.mutex.withLock { state in
            guard !state.isClosing else { return false }
            state.isClosing = true
            state.phase = .finishing
            return state.finishing == 0
        }
        if isLast { self.end(silently: silently) }
    }

    private func end(silently: Bool) {
        if !silently { self.onClosed() }
        let waiters = self.mutex.withLock { state in
            state.phase = .ended
            let waiters = state.waiters
            state.waiters = []
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isOver = self.mutex.withLock { state in
                if state.phase == .idle || state.phase == .ended { return true }
                state.waiters.append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }
}
