import Broadcasts
import Streams
import Synchronization

@testable import Outputs

/// Outputs that note what is asked of them and end when the test says so.
final class FakeOutputs: LivePackaging {
    private struct State {
        var recorders: [FakeRecorder] = []
        var destinations: [FakeDestination] = []
        var ladders: [FakeLadder] = []
        var recovered: [String] = []
        var duringRecovery: (@Sendable (@Sendable (Double) -> Void) async -> Void)?
        var hls: [String] = []
        var viewers: [String: Int] = [:]
        var dashViewers: [String: Int] = [:]
        var recordingFailure: RecordingFailure?
        var failingRecoveries = 0
    }

    private let state = Mutex(State())
    let board = RenditionBoard()

    var ladders: [FakeLadder] { self.state.withLock { $0.ladders } }
    var recorders: [FakeRecorder] { self.state.withLock { $0.recorders } }
    var destinations: [FakeDestination] { self.state.withLock { $0.destinations } }
    var recovered: [String] { self.state.withLock { $0.recovered } }

    /// `body` is called in the middle of each recovery, and can tell how much is done.
    func duringRecovery(_ body: @escaping @Sendable (@Sendable (Double) -> Void) async -> Void) {
        self.state.withLock { $0.duringRecovery = body }
    }
    /// So many recoveries find their disk failing.
    func failRecoveries(_ count: Int) { self.state.withLock { $0.failingRecoveries = count } }

    var hls: [String] { self.state.withLock { $0.hls } }

    func setViewers(_ count: Int, of id: String) { self.state.withLock { $0.viewers[id] = count } }
    func setDashViewers(_ count: Int, of id: String) { self.state.withLock { $0.dashViewers[id] = count } }
    /// Lets no recording start.
    func refuseRecordings(_ failure: RecordingFailure?) { self.state.withLock { $0.recordingFailure = failure } }

    func streamBecameLive(_ key: StreamKey) { self.state.withLock { $0.hls.append("live \(key)") } }
    func streamEnded(_ key: StreamKey) { self.state.withLock { $0.hls.append("ended \(key)") } }
    func renditionsChanged(of id: String) { self.state.withLock { $0.hls.append("renditions \(id)") } }
    func viewerCount(_ id: String) -> Int { self.state.withLock { $0.viewers[id] ?? 0 } }
    func totalViewerCount() -> Int { self.state.withLock { $0.viewers.values.reduce(0, +) } }
    func dashViewerCount(_ id: String) -> Int { self.state.withLock { $0.dashViewers[id] ?? 0 } }
    func totalDashViewerCount() -> Int { self.state.withLock { $0.dashViewers.values.reduce(0, +) } }

    var factory: OutputFactory {
        OutputFactory(
            makeRecorder: { _, request, callbacks in
                self.state.withLock { state in
                    let recorder = FakeRecorder(request: request, callbacks: callbacks, failure: state.recordingFailure)
                    state.recorders.append(recorder)
                    return recorder
                }
            },
            makeDestination: { configuration, stream, onChange in
                let destination = FakeDestination(configuration: configuration, key: stream.key, onChange: onChange)
                self.state.withLock { $0.destinations.append(destination) }
                return destination
            },
            isValidDestination: { ($0.hasPrefix("rtmp") || $0.hasPrefix("srt:")) && $0.count > 8 },
            recover: { path, request, startedAt, onProgress in
                let meanwhile = self.state.withLock { state in
                    state.recovered.append(path)
                    return state.duringRecovery
                }
                await meanwhile?(onProgress)
                let isLeft = self.state.withLock { state in
                    state.failingRecoveries -= 1
                    return state.failingRecoveries >= 0
                }
                let bytes: Int64 = isLeft || path.contains("empty") ? 0 : 500
                return RecordingOutcome(
                    id: request.id, part: 0, path: "\(request.directory)/\(request.baseName).\(request.format.rawValue)",
                    fileName: "\(request.baseName).\(request.format.rawValue)",
                    startedAtMilliseconds: startedAt, durationMilliseconds: 4_000, bytes: bytes, droppedFrames: 0,
                    failure: isLeft ? .io("away") : bytes == 0 ? .nothingRecorded : nil, isLeft: isLeft)
            }, hls: self,
            makeLadder: { stream, settings, callbacks in
                let ladder = FakeLadder(stream.key.id, settings: settings, callbacks: callbacks)
                self.state.withLock { $0.ladders.append(ladder) }
                return ladder
            }, renditions: self.board)
    }
}

/// Encodes nothing.
final class FakeLadder: LadderSession {
    private struct State {
        var settings: [[RenditionSetting]]
        var starts: [String] = []
        var isStopped = false
        var hasFailed = false
    }

    let id: String
    private let callbacks: LadderCallbacks
    private let state: Mutex<State>

    init(_ id: String, settings: [RenditionSetting], callbacks: LadderCallbacks) {
        self.id = id
        self.callbacks = callbacks
        self.state = Mutex(State(settings: [settings]))
    }

    /// All that it was told, oldest first.
    var settings: [[RenditionSetting]] { self.state.withLock { $0.settings } }
    var starts: [String] { self.state.withLock { $0.starts } }
    var isStopped: Bool { self.state.withLock { $0.isStopped } }
    var droppedFrames: Int { 7 }

    func start(from start: StreamStart) -> Bool {
        self.state.withLock { $0.starts.append("\(start)") }
        return true
    }
    func change(to settings: [RenditionSetting]) -> Bool {
        self.state.withLock { state in
            state.settings.append(settings)
            return !state.hasFailed
        }
    }
    func stop() { self.state.withLock { $0.isStopped = true } }

    /// It ends by itself; `close` is to follow.
    func fail() { self.state.withLock { $0.hasFailed = true } }
    func tell(_ event: LadderEvent) { self.callbacks.onEvent(event) }
    func close() { self.callbacks.onClosed() }
}

final class FakeRecorder: RecordingSession {
    let request: RecordingRequest
    private let callbacks: RecorderCallbacks
    private let failure: RecordingFailure?
    private let stops = Atomic<Int>(0)
    let drops = Atomic<Int>(0)
    var droppedInEncoding: Int { self.drops.load(ordering: .relaxed) }

    init(request: RecordingRequest, callbacks: RecorderCallbacks, failure: RecordingFailure?) {
        self.request = request
        self.callbacks = callbacks
        self.failure = failure
    }

    var isStopped: Bool { self.stops.load(ordering: .relaxed) > 0 }

    private func path(_ part: Int) -> String {
        "\(self.request.directory)/\(self.request.baseName)\(part == 0 ? "" : "_\(part)").\(self.request.format.rawValue)"
    }

    private func started(_ part: Int, id: String) -> StartedRecording {
        StartedRecording(
            id: id, part: part, temporaryPath: self.path(part) + ".tmp_extension", path: self.path(part),
            startedAtMilliseconds: 1_700_000_000_123 + Int64(part))
    }

    func start() throws(RecordingFailure) -> StartedRecording {
        if let failure { throw failure }
        return self.started(0, id: self.request.id)
    }

    func stop() { self.stops.wrappingAdd(1, ordering: .relaxed) }

    func beginPart(_ part: Int, id: String) { self.callbacks.onFileStarted(self.started(part, id: id)) }

    func progress(_ share: Double) { self.callbacks.onProgress(self.request.id, share) }

    func endPart(_ part: Int = 0, id: String? = nil, bytes: Int64 = 1_000, failure: RecordingFailure? = nil, hasPicture: Bool = false) {
        let path = self.path(part)
        self.callbacks.onEnd(
            RecordingOutcome(
                id: id ?? self.request.id, part: part, path: path, fileName: path.split(separator: "/").last.map(String.init) ?? "",
                startedAtMilliseconds: 1_700_000_000_123, durationMilliseconds: 2_500, bytes: bytes, droppedFrames: 0, failure: failure,
                hasPicture: hasPicture))
    }

    func close() { self.callbacks.onClosed() }

    /// One file, and done.
    func finish(bytes: Int64 = 1_000, failure: RecordingFailure? = nil, hasPicture: Bool = false) {
        self.endPart(bytes: bytes, failure: failure, hasPicture: hasPicture)
        self.close()
    }
}

/// Stopping it takes until `release()`, if it was made to hang.
final class FakeDestination: RestreamSession {
    private struct State {
        var status: DestinationStatus
        var starts = 0
        var isStopped = false
        var hangs = false
        var goodbyes: [Bool] = []
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    let configuration: DestinationConfiguration
    /// Of the stream that it is made for.
    let key: StreamKey
    private let onChange: @Sendable (DestinationStatus) -> Void
    private let state: Mutex<State>

    init(configuration: DestinationConfiguration, key: StreamKey, onChange: @escaping @Sendable (DestinationStatus) -> Void) {
        self.configuration = configuration
        self.key = key
        self.onChange = onChange
        self.state = Mutex(State(status: DestinationStatus(id: configuration.id)))
    }

    var status: DestinationStatus { self.state.withLock { $0.status } }
    var isStarted: Bool { self.state.withLock { $0.starts == 1 } }
    var isStopped: Bool { self.state.withLock { $0.isStopped } }

    func start() { self.state.withLock { $0.starts += 1 } }

    /// What it was told of each end of its stream.
    var goodbyes: [Bool] { self.state.withLock { $0.goodbyes } }

    func publisherLeft(saidGoodbye: Bool) { self.state.withLock { $0.goodbyes.append(saidGoodbye) } }

    func hang() { self.state.withLock { $0.hangs = true } }

    func release() {
        let waiting = self.state.withLock { state in
            state.hangs = false
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func stop() async {
        await withCheckedContinuation { continuation in
            let isDone = self.state.withLock { state in
                state.isStopped = true
                guard state.hangs else { return true }
                state.waiting.append(continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
    }

    func feed(_ feeding: DestinationFeeding?, problem: String? = nil) {
        let status = self.state.withLock { state in
            state.status.feeding = feeding
            state.status.slateProblem = problem
            return state.status
        }
        self.onChange(status)
    }

    func show(_ destinationState: DestinationState, _ contractStatus: String) {
        let status = self.state.withLock { state in
            state.status.state = destinationState
            state.status.contractStatus = contractStatus
            return state.status
        }
        self.onChange(status)
    }
}
