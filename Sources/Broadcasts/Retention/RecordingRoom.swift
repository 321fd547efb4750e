import Synchronization

/// What those who record, those who finish files and `RetentionKeeper` know of the disk together. Asked from anywhere; touches no disk itself.
final class RecordingRoom: Sendable {
    private struct State {
        var level: DiskLevel
        var free: Int64?
        var wantsMeasuring = true
        var wantsPass = true
        var removedFiles: UInt64 = 0
        var removedBytes: UInt64 = 0
    }

    private let state: Mutex<State>

    init(level: DiskLevel) { self.state = Mutex(State(level: level)) }

    /// No recording may start.
    var isLow: Bool { self.state.withLock { $0.level.isLow } }
    /// Bytes, as last measured.
    var free: Int64? { self.state.withLock { $0.free } }

    var status: StorageStatus {
        self.state.withLock { StorageStatus(isLow: $0.level.isLow, removedFiles: $0.removedFiles, removedBytes: $0.removedBytes) }
    }

    // MARK: Told by others

    /// A recording ended because of the disk, or could not begin: it is to be looked at now.
    func ranOut() {
        self.state.withLock { state in
            state.wantsMeasuring = true
            state.wantsPass = true
        }
    }

    /// There is a file more.
    func recordingFinished() { self.state.withLock { $0.wantsPass = true } }

    // MARK: The keeper's

    /// Whether somebody asked for a look at the disk since the last one.
    func takeMeasuringWish() -> Bool { self.state.withLock { state in exchange(&state.wantsMeasuring) } }
    func takePassWish() -> Bool { self.state.withLock { state in exchange(&state.wantsPass) } }

    func measured(_ free: Int64?) -> DiskLevel.Change? {
        self.state.withLock { state in
            state.free = free ?? state.free
            return state.level.measured(free)
        }
    }

    func removed(_ bytes: Int64) {
        self.state.withLock { state in
            state.removedFiles += 1
            state.removedBytes += UInt64(max(0, bytes))
        }
    }
}

private func exchange(_ flag: inout Bool) -> Bool {
    defer { flag = false }
    return flag
}

/// Numbers about the disk and what was removed from it since the start.
public struct StorageStatus: Sendable, Equatable {
    /// Recordings are refused for want of room.
    public var isLow: Bool
    public var removedFiles: UInt64
    public var removedBytes: UInt64
}
