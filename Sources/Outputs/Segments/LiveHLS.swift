public import Logging
public import Media
public import NIOCore
import NIOPosix
public import Streams
import Synchronization

/// All live HLS of the server: which broadcasts are being packaged, who watches them, and what a request for one gets. Owned by the composition
/// root.
///
/// Files of a broadcast are named `{id}-{token}-{number}.m4s` and `{id}-{token}-init-{version}.mp4`; the token changes with each playlist run, so a
/// name never means two things and can be cached for ever. Which run a name belongs to is looked up, never guessed from the name's shape.
public final class LiveHLS: Sendable {
    public enum Mode: String, Sendable {
        /// Packaging starts with the first request and stops when nobody has asked for `idleTimeout`.
        case onDemand
        /// Packaging runs as long as the stream is live.
        case always
    }

    public struct Configuration: Sendable {
        public var mode: Mode
        /// What segments aim at; they end at keyframes.
        public var segmentDuration: MediaTime
        /// What the parts of low-latency HLS aim at, 0.1 s…; nil: there is no low-latency HLS. A source whose pictures are further apart has longer
        /// ones.
        public var partDuration: MediaTime?
        /// Segments in a playlist, 3…
        public var listSize: Int
        /// True: a broadcast's files go `segmentDuration × listSize` after its end. False: they stay until the next start, for the newest
        /// `keptRuns` broadcasts that ended.
        public var deleteOnEnd: Bool
        public var keptRuns: Int
        /// How far back `?dvr` and cuts by time reach; nil or shorter than the playlist: no further than that. Such segments are on disk only. What
        /// is packaged on demand begins with its first viewer.
        public var dvrWindow: MediaTime?
        /// Where segments that leave memory are written; each publish session has a folder in it.
        public var directory: String
        public var idleTimeout: TimeAmount
        /// How long a request waits for a first segment.
        public var firstSegmentTimeout: TimeAmount
        /// Bytes of segments kept in memory per stream; the newest one is in any case.
        public var memoryBytesPerStream: Int
        /// How many viewers a broadcast may have; negative is no limit. Called under a lock: must be quick and must not call back.
        public var viewerLimit: @Sendable (String) -> Int
        /// The same, for DASH.
        public var dashViewerLimit: @Sendable (String) -> Int
        /// The folder below `streams/` under which a broadcast is also found; nil or empty: none. The same rules.
        public var subFolder: @Sendable (String) -> String?

        public init(
            mode: Mode = .onDemand, segmentDuration: MediaTime = MediaTime(milliseconds: 2_000),
            partDuration: MediaTime? = MediaTime(milliseconds: 500), listSize: Int = 15, deleteOnEnd: Bool = true, keptRuns: Int = 1_000,
            dvrWindow: MediaTime? = nil, directory: String, idleTimeout: TimeAmount = .seconds(60), firstSegmentTimeout: TimeAmount = .seconds(10),
            memoryBytesPerStream: Int = 2 << 20, viewerLimit: @escaping @Sendable (String) -> Int = { _ in -1 },
            dashViewerLimit: @escaping @Sendable (String) -> Int = { _ in -1 },
            subFolder: @escaping @Sendable (String) -> String? = { _ in nil }
        ) {
            self.mode = mode
            self.segmentDuration = segmentDuration
            self.partDuration = partDuration.map { max($0, MediaTime(milliseconds: 100)) }
            self.dvrWindow = dvrWindow
            self.listSize = listSize
            self.deleteOnEnd = deleteOnEnd
            self.keptRuns = keptRuns
            self.directory = directory
            self.idleTimeout = idleTimeout
            self.firstSegmentTimeout = firstSegmentTimeout
            self.memoryBytesPerStream = memoryBytesPerStream
            self.viewerLimit = viewerLimit
            self.dashViewerLimit = dashViewerLimit
            self.subFolder = subFolder
        }

        var run: HLSRun.Configuration { .init(listSize: self.listSize, partDuration: self.partDuration, history: self.dvrWindow) }
        /// How long an ended broadcast stays.
        var linger: TimeAmount { .microseconds(self.segmentDuration.microseconds * Int64(self.listSize)) }
        /// Silence after which a viewer has gone.
        var viewerPatience: TimeAmount { .microseconds(self.segmentDuration.microseconds * 10) }
    }

    enum ViewerKind {
        /// Low latency or not.
        case hls
        case dash
    }

    struct Viewers {
        private var hls: ViewerTable
        private var dash: ViewerTable

        init(patience: TimeAmount) {
            self.hls = ViewerTable(patience: patience)
            self.dash = ViewerTable(patience: patience)
        }

        subscript(kind: ViewerKind) -> ViewerTable {
            _read {
                switch kind {
                case .hls: yield self.hls
                case .dash: yield self.dash
                }
            }
            _modify {
                switch kind {
                case .hls: yield &self.hls
                case .dash: yield &self.dash
                }
            }
        }

        mutating func removeAll() {
            self.hls.removeAll()
            self.dash.removeAll()
        }
    }

    /// Name of the cookie that tells viewers apart.
    public static let cookieName = "martlet_session"

    /// What is known of one broadcast while it is packaged or lingers.
    struct Broadcast {
        var run: HLSRun?
        /// nil while nothing is packaged.
        var packager: LivePackager?
        /// Those of its renditions, by height; there are some only while the source is packaged, or just was.
        var renditions: [Int: LivePackager] = [:]
        /// Heights of renditions that cannot be packaged.
        var unpackaged: Set<Int> = []
        /// Runs of renditions that are not gone on with while their source is, and when they go.
        var lapsed: [(run: HLSRun, goesAt: NIODeadline)] = []
        var viewers: Viewers
        var lastRequest: NIODeadline
        /// Where the next run's numbers begin, so that they never go back while the stream is live.
        var nextNumber: UInt64 = 0
        /// When the run goes, once it has ended.
        var goesAt: NIODeadline?
        /// Not before then, after it turned out that the stream cannot be packaged.
        var retryAt: NIODeadline?
    }

    struct State {
        var broadcasts: [String: Broadcast] = [:]
        /// By `HLSRun.prefix`.
        var runs: [String: HLSRun] = [:]
        /// Runs that are not gone on with, oldest first; nil: kept until there are too many.
        var retired: [(run: HLSRun, goesAt: NIODeadline?)] = []
        var isStopped = false
    }

    let configuration: Configuration
    let streams: StreamDirectory
    let board: RenditionBoard
    let group: any EventLoopGroup
    let logger: Logger
    let pool: NIOThreadPool
    let clock: @Sendable () -> NIODeadline
    /// Milliseconds since 1970.
    let wallClock: @Sendable () -> Int64
    let state = Mutex(State())
    private let ticks: Mutex<RepeatedTask?>

    public convenience init(
        configuration: Configuration, streams: StreamDirectory, renditions: RenditionBoard = RenditionBoard(), group: any EventLoopGroup,
        logger: Logger
    ) {
        self.init(
            configuration: configuration, streams: streams, renditions: renditions, group: group, logger: logger, pool: .singleton,
            tickInterval: .seconds(1),
            clock: { .now() })
    }

    /// `tickInterval` nil: the caller calls `tick(now:)`.
    init(
        configuration: Configuration, streams: StreamDirectory, renditions: RenditionBoard = RenditionBoard(), group: any EventLoopGroup,
        logger: Logger, pool: NIOThreadPool,
        tickInterval: TimeAmount?, clock: @escaping @Sendable () -> NIODeadline,
        wallClock: @escaping @Sendable () -> Int64 = { WallClock.now() }
    ) {
        self.configuration = configuration
        self.streams = streams
        self.board = renditions
        self.group = group
        self.logger = logger
        self.pool = pool
        self.clock = clock
        self.wallClock = wallClock
        self.ticks = Mutex(nil)
        guard let tickInterval else { return }
        let task = group.next().scheduleRepeatedTask(initialDelay: tickInterval, delay: tickInterval) { [weak self] _ in self?.tick(now: clock()) }
        self.ticks.withLock { $0 = task }
    }

    deinit {
        self.ticks.withLock { $0 }?.cancel()
    }

    // MARK: What the broadcast logic calls

    /// Makes the directory and removes what an earlier process left in it. Blocks; to be called once, before anything else.
    public func sweep() throws {
        try SessionDirectory.sweep(parent: self.configuration.directory)
    }

    /// The stream's tracks are known.
    public func streamBecameLive(_ key: StreamKey) {
        guard key.renditionHeight == 0, self.configuration.mode == .always else { return }
        self.ensurePackaging(key.id, now: self.clock())
    }

    /// The publisher has gone. The packager sees it in the stream itself; here the viewers go.
    public func streamEnded(_ key: StreamKey) {
        guard key.renditionHeight == 0 else { return }
        self.state.withLock { $0.broadcasts[key.id]?.viewers.removeAll() }
    }

    /// HLS sessions that have asked for something lately; 0 when the broadcast is offline.
    public func viewerCount(_ id: String) -> Int { self.count(id, .hls) }
    public func totalViewerCount() -> Int { self.total(.hls) }
    /// The same of DASH.
    public func dashViewerCount(_ id: String) -> Int { self.count(id, .dash) }
    public func totalDashViewerCount() -> Int { self.total(.dash) }

    private func count(_ id: String, _ kind: ViewerKind) -> Int {
        let now = self.clock()
        return self.state.withLock { state in
            guard state.broadcasts[id]?.packager != nil else { return 0 }
            return state.broadcasts[id]?.viewers[kind].count(now: now) ?? 0
        }
    }

    private func total(_ kind: ViewerKind) -> Int {
        let now = self.clock()
        return self.state.withLock { state in
            var total = 0
            for id in Array(state.broadcasts.keys) where state.broadcasts[id]?.packager != nil {
                total += state.broadcasts[id]?.viewers[kind].count(now: now) ?? 0
            }
            return total
        }
    }

    /// Broadcasts being packaged now, and bytes of segments in memory.
    public func usage() -> (packaged: Int, memoryBytes: Int) {
        let (packaged, runs) = self.state.withLock { state in
            (state.broadcasts.values.count { $0.packager != nil }, Array(state.runs.values))
        }
        return (packaged, runs.reduce(0) { $0 + $1.memoryBytes })
    }

    /// Requests that wait for a part or segment that is being made.
    public var blockedCount: Int {
        self.state.withLock { Array($0.runs.values) }.reduce(0) { $0 + $1.blockedCount }
    }

    /// Stops all packaging, answers who waits, and removes the files.
    public func stop() async {
        self.ticks.withLock { $0 }?.cancel()
        let (packagers, runs) = self.state.withLock { state in
            state.isStopped = true
            let packagers = state.broadcasts.values.flatMap { [$0.packager].compactMap { $0 } + Array($0.renditions.values) }
            let runs = Array(state.runs.values)
            state.broadcasts = [:]
            state.runs = [:]
            state.retired = []
            return (packagers, runs)
        }
        for packager in packagers { packager.stop() }
        let shelves = runs.flatMap { $0.clear() }
        do {
            try await self.pool.runIfActive { for shelf in shelves { shelf.removeFiles() } }
        } catch {
            // The pool is shut down already; the next start sweeps.
            self.logger.debug("live segments stay until the next start", metadata: ["error": "\(error)"])
        }
    }
}
