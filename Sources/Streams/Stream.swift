public import Media
public import NIOCore
public import Synchronization

/// Where a new reader starts.
public enum StreamStart: Sendable {
    /// With the next frame.
    case live
    /// At the newest keyframe, from the group cache.
    case latestGroup
    /// With all complete groups that are cached and the growing one.
    case allGroups
}

/// The hub of one stream: a publisher on one side, any number of bounded readers on the other.
///
/// Under its lock there is only arithmetic and appending to bounded queues; wake-ups, stop requests and events happen after it. Nobody who reads
/// can slow the publisher. A stream lives as long as somebody holds it: its publisher, a reader, or whoever got it from the directory.
public final class Stream: Sendable {
    public struct Configuration: Sendable {
        /// Payload bytes that late joiners may be served from.
        public var groupCacheBytes: Int
        /// Complete groups are kept until they cover this much.
        public var groupCacheDuration: MediaTime
        /// A publisher that has sent nothing for so long may be replaced by anybody.
        public var takeoverSilence: TimeAmount

        public init(
            groupCacheBytes: Int = 8 << 20, groupCacheDuration: MediaTime = MediaTime(milliseconds: 2_000), takeoverSilence: TimeAmount = .seconds(3)
        ) {
            self.groupCacheBytes = groupCacheBytes
            self.groupCacheDuration = groupCacheDuration
            self.takeoverSilence = takeoverSilence
        }
    }

    public let key: StreamKey
    /// How many RTMP players watch; kept by the RTMP gateway.
    public let rtmpViewers = Atomic<Int>(0)
    /// How many SRT viewers watch; kept by the SRT gateway.
    public let srtViewers = Atomic<Int>(0)

    private let configuration: Configuration
    private let state: Mutex<State>
    private let emit: @Sendable (StreamEvent) -> Void
    private let account: @Sendable (PublishType, IngestTotals) -> Void
    private let onDeinit: @Sendable (StreamKey) -> Void

    private struct State {
        var session: Session?
        var cache: GroupCache
        var readers: [StreamReader] = []
        /// Where a following publisher's times begin.
        var continuation: MediaTime?
        /// Reused by every frame, so that the timeline allocates nothing.
        var repaired: [EncodedFrame] = []
    }

    /// What belongs to one publisher.
    private struct Session {
        let generation: UInt64
        let source: PublishSource
        /// All of them, in the order of their ids.
        var tracks: [Track] = [] {
            didSet { self.hasOriginal = StreamView.hasOriginal(in: self.tracks) }
        }
        private(set) var hasOriginal = false
        var gathering: TrackGathering? = TrackGathering()
        var timeline: Timeline
        var meter: IngestMeter
    }

    /// `account` is told a publisher's totals once, under the stream's lock, when it ends.
    init(
        key: StreamKey, configuration: Configuration, emit: @escaping @Sendable (StreamEvent) -> Void,
        account: @escaping @Sendable (PublishType, IngestTotals) -> Void, onDeinit: @escaping @Sendable (StreamKey) -> Void
    ) {
        self.key = key
        self.configuration = configuration
        self.emit = emit
        self.account = account
        self.onDeinit = onDeinit
        self.state = Mutex(
            State(cache: GroupCache(limits: .init(bytes: configuration.groupCacheBytes, completeDuration: configuration.groupCacheDuration))))
    }

    deinit {
        self.onDeinit(self.key)
    }

    // MARK: Readers

    /// Adds a reader. A live stream gives it `.tracks` and what is cached at once; an idle one nothing until a publisher comes.
    public func attach(
        limits: StreamReader.Limits = .init(), from start: StreamStart = .latestGroup, view: StreamView = .universal,
        wake: @escaping @Sendable () -> Void
    ) -> StreamReader {
        let reader = self.state.withLock { state in
            var backlog: [StreamItem] = []
            if let session = state.session, session.gathering == nil {
                let cached: ArraySlice<StreamItem> =
                    switch start {
                    case .live: []
                    case .latestGroup: state.cache.latestGroup
                    case .allGroups: state.cache.allGroups
                    }
                backlog.reserveCapacity(cached.count + 1)
                backlog.append(.tracks(view.selection(of: session.tracks)))
                if session.hasOriginal {
                    backlog.append(contentsOf: cached.filter { $0.belongs(to: view) })
                } else {
                    backlog.append(contentsOf: cached)
                }
            }
            // The reader keeps the stream alive until it detaches.
            let reader = StreamReader(limits: limits, view: view, backlog: backlog, wake: wake, onDetach: { self.remove($0) })
            if let session = state.session, session.gathering == nil, start == .live || backlog.count == 1 {
                reader.expectKeyframe(hasVideo: session.tracks.contains { $0.kind == .video })
            } else if let session = state.session {
                reader.learn(hasVideo: session.tracks.contains { $0.kind == .video })
            }
            state.readers.append(reader)
            return reader
        }
        reader.deliverWake()
        return reader
    }

    private func remove(_ reader: StreamReader) {
        self.state.withLock { $0.readers.removeAll { $0 === reader } }
    }

    public var readerCount: Int { self.state.withLock { $0.readers.count } }

    // MARK: What it is now

    /// A publisher is there and its tracks are known.
    public var isLive: Bool { self.state.withLock { $0.session?.gathering == nil && $0.session != nil } }
    /// Those that every reader gets who asks for nothing else.
    public var tracks: [Track] { self.state.withLock { $0.session.map { StreamView.universal.selection(of: $0.tracks) } ?? [] } }
    /// The newest time that readers were given; zero while idle.
    public var newestTime: MediaTime { self.state.withLock { $0.session?.timeline.newestOutput ?? .zero } }
    /// The current publisher's; nil while idle.
    public var generation: UInt64? { self.state.withLock { $0.session?.generation } }

    /// The newest picture that can be decoded by itself; nil while idle, without video, and until the first one has come. Its payload is shared.
    public func newestKeyframe() -> StreamKeyframe? {
        self.state.withLock { state in
            guard let session = state.session, session.gathering == nil, let frame = state.cache.newestKeyframe,
                let track = session.tracks.first(where: { $0.id == frame.track })
            else { return nil }
            return StreamKeyframe(track: track, frame: frame, generation: session.generation)
        }
    }

    /// The numbers of the current publisher; nil while idle.
    public func snapshot(now: NIODeadline) -> StreamSnapshot? {
        self.state.withLock { state in state.session.map { self.snapshot(of: $0, cachedBytes: state.cache.heldBytes, now: now) } }
    }

    private func snapshot(of session: Session, cachedBytes: Int, now: NIODeadline) -> StreamSnapshot {
        let meter = session.meter
        let rates = meter.rates(now: now)
        return StreamSnapshot(
            key: self.key, generation: session.generation, isLive: session.gathering == nil, type: session.source.type,
            startedAtMilliseconds: session.source.startedAtMilliseconds, receivedBytes: meter.bytes, receivedFrames: meter.frames,
            bitrate: rates.video + rates.audio, videoBitrate: rates.video, audioBitrate: rates.audio, frameRate: rates.frames,
            speed: meter.speed(now: now), keyframeInterval: meter.keyframeInterval, health: meter.health(now: now), silence: now - meter.lastReceived,
            tracks: StreamView.universal.selection(of: session.tracks),
            droppedFrames: session.timeline.dropped, timestampRepairs: session.timeline.repairs,
            mediaTime: session.timeline.newestOutput ?? .zero, cachedBytes: cachedBytes, remoteAddress: session.source.remoteAddress,
            userAgent: session.source.userAgent, parameters: session.source.parameters,
            rtmpViewerCount: self.rtmpViewers.load(ordering: .relaxed), srtViewerCount: self.srtViewers.load(ordering: .relaxed),
            transport: session.source.transport?.figures)
    }

    // MARK: Publishing

    private struct Replaced {
        let source: PublishSource
        let last: StreamSnapshot
    }

    /// Makes `source` the publisher, or says why not. A silent publisher, or one with the same credential, is replaced and asked to leave.
    func beginPublishing(_ source: PublishSource, generation: UInt64, now: NIODeadline) -> Result<Publisher, PublishRefusal> {
        enum Decision {
            case refused
            case accepted(replaced: Replaced?, readers: [StreamReader])
        }
        let decision: Decision = self.state.withLock { state in
            var replaced: Replaced?
            if let current = state.session {
                guard self.mayReplace(current, credential: source.credential, now: now) else { return .refused }
                replaced = Replaced(source: current.source, last: self.snapshot(of: current, cachedBytes: state.cache.heldBytes, now: now))
                self.close(&state)
            }
            let goesOn = state.continuation != nil
            state.session = Session(
                generation: generation, source: source,
                timeline: Timeline(wrapPeriod: source.wrapPeriod, origin: state.continuation ?? .zero, keepsTimes: source.keepsTimes),
                meter: IngestMeter(now: now))
            if goesOn { for reader in state.readers { reader.push(.discontinuity) } }
            return .accepted(replaced: replaced, readers: state.readers)
        }
        guard case .accepted(let replaced, let readers) = decision else { return .failure(.alreadyPublishing) }
        for reader in readers { reader.deliverWake() }
        if let replaced {
            self.emit(.ended(self.key, generation: replaced.last.generation, .stopped(.replaced), last: replaced.last))
            replaced.source.stop(.replaced)
        }
        self.emit(.published(self.key, generation: generation, source))
        return .success(Publisher(stream: self, generation: generation))
    }

    /// A silent publisher may be replaced by anybody, any by whoever presents what it presented.
    private func mayReplace(_ current: Session, credential: String?, now: NIODeadline) -> Bool {
        let isSilent = now - current.meter.lastReceived >= self.configuration.takeoverSilence
        return isSilent || (credential.map { !$0.isEmpty && $0 == current.source.credential } ?? false)
    }

    /// Whether `beginPublishing` would take such a publisher now.
    func isFree(for credential: String?, now: NIODeadline) -> Bool {
        self.state.withLock { state in state.session.map { self.mayReplace($0, credential: credential, now: now) } ?? true }
    }

    /// Under the lock: the session's end as far as the hub's own state goes.
    private func close(_ state: inout State) {
        if let session = state.session {
            if session.timeline.newestOutput != nil { state.continuation = session.timeline.continuation }
            self.account(session.source.type, IngestTotals(session.meter, session.timeline))
        }
        state.session = nil
        state.cache.reset()
    }

    func announce(_ changed: [Track], withdrawing gone: TrackID?, generation: UInt64) {
        let (readers, event): ([StreamReader], StreamEvent?) = self.state.withLock { state in
            guard state.session?.generation == generation, let before = state.session?.tracks else { return ([], nil) }
            var tracks = before.filter { $0.id != gone }
            for track in changed {
                if let index = tracks.firstIndex(where: { $0.id == track.id }) { tracks[index] = track } else { tracks.append(track) }
            }
            tracks.sort { $0.id.rawValue < $1.id.rawValue }
            guard tracks != before else { return ([], nil) }
            state.session?.tracks = tracks
            guard state.session?.gathering == nil else { return (state.readers, self.finishGathering(&state)) }
            state.cache.reset()
            state.cache.hasVideo = tracks.contains { $0.kind == .video }
            for reader in state.readers {
                let selection = reader.view.selection(of: tracks)
                if selection != reader.view.selection(of: before) { reader.push(.tracks(selection)) }
            }
            let common = StreamView.universal.selection(of: tracks)
            guard common != StreamView.universal.selection(of: before) else { return (state.readers, nil) }
            return (state.readers, .tracksChanged(self.key, generation: generation, common))
        }
        for reader in readers { reader.deliverWake() }
        if let event { self.emit(event) }
    }

    func expect(video: Bool, audio: Bool, generation: UInt64) {
        self.state.withLock { state in
            guard state.session?.generation == generation else { return }
            state.session?.gathering?.expectsVideo = video
            state.session?.gathering?.expectsAudio = audio
        }
    }

    func publish(_ frame: EncodedFrame, generation: UInt64, now: NIODeadline) {
        var event: StreamEvent?
        let readers: [StreamReader] = self.state.withLock { state in
            guard state.session?.generation == generation else { return [] }
            // Of sound that was converted the original is counted by what was made of it.
            if frame.track != .originalAudio { state.session?.meter.count(frame, now: now) }
            if state.session?.gathering != nil, let tracks = state.session?.tracks,
                let outcome = state.session?.gathering?.add(frame, tracks: tracks)
            {
                event = self.open(&state, outcome)
                return state.readers
            }
            self.fanOut(frame, &state)
            return state.readers
        }
        if let event { self.emit(event) }
        for reader in readers { reader.deliverWake() }
    }

    private func finishGathering(_ state: inout State) -> StreamEvent? {
        guard let tracks = state.session?.tracks, let outcome = state.session?.gathering?.outcome(tracks: tracks) else { return nil }
        return self.open(&state, outcome)
    }

    /// Under the lock: when the tracks are complete, the stream goes live with the frames that were held back.
    private func open(_ state: inout State, _ outcome: TrackGathering.Outcome) -> StreamEvent? {
        guard case .complete(let held) = outcome, let session = state.session else { return nil }
        state.session?.gathering = nil
        state.cache.hasVideo = session.tracks.contains { $0.kind == .video }
        for reader in state.readers { reader.push(.tracks(reader.view.selection(of: session.tracks))) }
        if let earliest = held.map(\.decodeTime).min() { state.session?.timeline.begin(at: earliest) }
        for frame in held { self.fanOut(frame, &state) }
        return .tracksKnown(self.key, generation: session.generation, StreamView.universal.selection(of: session.tracks))
    }

    private func fanOut(_ frame: EncodedFrame, _ state: inout State) {
        let hasOriginal = state.session?.hasOriginal == true
        guard hasOriginal || frame.track != .originalAudio else { return }
        state.repaired.removeAll(keepingCapacity: true)
        state.session?.timeline.sanitise(frame, into: &state.repaired)
        for frame in state.repaired {
            state.cache.append(frame)
            for reader in state.readers where !hasOriginal || reader.view.shows(frame.track, hasOriginal: true) { reader.push(.frame(frame)) }
        }
        state.repaired.removeAll(keepingCapacity: true)  // lets the payload go
    }

    func end(_ reason: PublishEnd, generation: UInt64, now: NIODeadline) {
        let ended: (readers: [StreamReader], last: StreamSnapshot)? = self.state.withLock { state in
            guard let session = state.session, session.generation == generation else { return nil }
            let last = self.snapshot(of: session, cachedBytes: state.cache.heldBytes, now: now)
            self.close(&state)
            for reader in state.readers { reader.push(.ended) }
            return (state.readers, last)
        }
        guard let ended else { return }
        for reader in ended.readers { reader.deliverWake() }
        self.emit(.ended(self.key, generation: generation, reason, last: ended.last))
    }

    /// The totals of the current publisher; nil while idle.
    func runningTotals() -> (type: PublishType, totals: IngestTotals)? {
        self.state.withLock { state in
            state.session.map { ($0.source.type, IngestTotals($0.meter, $0.timeline)) }
        }
    }

    /// Asks the current publisher to leave; false when there is none.
    func requestStop(_ reason: PublishStop) -> Bool {
        guard let source = self.state.withLock({ $0.session?.source }) else { return false }
        source.stop(reason)
        return true
    }
}
