public import Outputs
public import Streams

/// What a recorder tells its owner, from any thread: of every file after the first, of the end of each file, and, last, that it is done.
public struct RecorderCallbacks: Sendable {
    public var onFileStarted: @Sendable (StartedRecording) -> Void
    /// How much of a file's finishing is done, 0…1; only where that takes seconds.
    public var onProgress: @Sendable (_ id: String, _ share: Double) -> Void
    public var onEnd: @Sendable (RecordingOutcome) -> Void
    public var onClosed: @Sendable () -> Void
}

/// A recording under way; `Recorder` is the one that is served, tests have their own.
public protocol RecordingSession: Sendable {
    func start() throws(RecordingFailure) -> StartedRecording
    func stop()
    /// Pictures that were not encoded because the machine could not keep up.
    var droppedInEncoding: Int { get }
}

extension RecordingSession {
    public var droppedInEncoding: Int { 0 }
}

/// A push to another server; `Destination` is the one that is served.
public protocol RestreamSession: Sendable {
    func start()
    func stop() async
    /// The stream's publisher has gone, with a goodbye or without.
    func publisherLeft(saidGoodbye: Bool)
    var status: DestinationStatus { get }
}

/// The renditions of a stream; `Ladder` is the one that is served.
public protocol LadderSession: Sendable {
    func start(from start: StreamStart) -> Bool
    /// False when it has failed, and makes nothing any more.
    func change(to settings: [RenditionSetting]) -> Bool
    func stop()
    var droppedFrames: Int { get }
}

/// What a ladder tells its owner, from any thread.
public struct LadderCallbacks: Sendable {
    public var onEvent: @Sendable (LadderEvent) -> Void
    /// Last, and once.
    public var onClosed: @Sendable () -> Void
}

/// What is told which streams can be packaged, and knows who watches; `LiveHLS` is the one that is served.
public protocol LivePackaging: Sendable {
    func streamBecameLive(_ key: StreamKey)
    func streamEnded(_ key: StreamKey)
    /// There are others than before.
    func renditionsChanged(of id: String)
    /// Viewers over HLS, low latency or not.
    func viewerCount(_ id: String) -> Int
    func totalViewerCount() -> Int
    func dashViewerCount(_ id: String) -> Int
    func totalDashViewerCount() -> Int
    /// The segments there are of a broadcast; nil when there are none.
    func kept(_ id: String) -> KeptHLS?
    /// The same of a rendition of it, whose playlist is called so, without `.m3u8`; and its height.
    func kept(_ id: String, rendition name: String) -> (kept: KeptHLS, height: Int)?
    /// Removes them, unless others have come since, or may come; whether they are removed.
    @discardableResult func removeKept(_ kept: KeptHLS) -> Bool
}

extension LivePackaging {
    public func kept(_ id: String) -> KeptHLS? { nil }
    public func kept(_ id: String, rendition name: String) -> (kept: KeptHLS, height: Int)? { nil }
    public func removeKept(_ kept: KeptHLS) -> Bool { false }
}

/// What makes pictures of live streams; `LivePictures` is the one that is served.
public protocol LivePicturing: Sendable {
    func streamBecameLive(_ id: String)
    func streamEnded(_ id: String)
    /// The broadcast is no more.
    func forget(_ id: String)
}

extension Recorder: RecordingSession {}
extension Destination: RestreamSession {}
extension Ladder: LadderSession {}
extension LiveHLS: LivePackaging {}
extension LivePictures: LivePicturing {}

/// Makes the outputs of a broadcast. A new kind of output is one member here and one line in `BroadcastSupervisor`.
public struct OutputFactory: Sendable {
    public typealias StatusChange = @Sendable (DestinationStatus) -> Void
    /// A temporary path, whose recording it was, when that began, and what is to be told how much is done, 0…1.
    public typealias Recovery =
        @Sendable (String, RecordingRequest, Int64, _ onProgress: @escaping @Sendable (Double) -> Void) async -> RecordingOutcome
    public typealias MakeLadder = @Sendable (Stream, [RenditionSetting], LadderCallbacks) -> any LadderSession

    public var makeRecorder: @Sendable (Stream, RecordingRequest, RecorderCallbacks) -> any RecordingSession
    public var makeDestination: @Sendable (DestinationConfiguration, Stream, @escaping StatusChange) -> any RestreamSession
    /// Whether an RTMP or RTMPS URL can be pushed to.
    public var isValidDestination: @Sendable (String) -> Bool
    /// Makes a file out of what a dead process left at a temporary path.
    public var recover: Recovery
    public var hls: any LivePackaging
    /// Nil where nothing is encoded.
    public var makeLadder: MakeLadder?
    /// What the ladders make.
    public var renditions: RenditionBoard
    /// Nil: nobody wants any.
    public var pictures: (any LivePicturing)?
    /// What destinations get of streams that are away; nil: none is set.
    public var slate: SlateStudio?

    public init(
        makeRecorder: @escaping @Sendable (Stream, RecordingRequest, RecorderCallbacks) -> any RecordingSession,
        makeDestination: @escaping @Sendable (DestinationConfiguration, Stream, @escaping StatusChange) -> any RestreamSession,
        isValidDestination: @escaping @Sendable (String) -> Bool,
        recover: @escaping Recovery, hls: any LivePackaging,
        makeLadder: MakeLadder? = nil, renditions: RenditionBoard = RenditionBoard(), pictures: (any LivePicturing)? = nil,
        slate: SlateStudio? = nil
    ) {
        self.makeRecorder = makeRecorder
        self.makeDestination = makeDestination
        self.isValidDestination = isValidDestination
        self.recover = recover
        self.hls = hls
        self.makeLadder = makeLadder
        self.renditions = renditions
        self.pictures = pictures
        self.slate = slate
    }
}
