import Media
import NIOCore
import Packaging
import Synchronization

/// One media playlist's life: usually one publish session, or several that followed one another so closely that players can go on.
///
/// - `starting`: no segment yet; who asks waits.
/// - `live`: segments are being added.
/// - `ended`: the publisher has gone; the playlist says so and stays for a while. A new publish session may take the run up again: numbers and the
///   window go on, with a discontinuity between them.
/// - `over`: nothing more comes, nothing is kept.
///
/// Each publish session brings a shelf with a folder of its own; numbers are unique within the run, so a segment's URL says which it is.
final class HLSRun: Sendable {
    enum Phase: Equatable {
        case starting
        case live
        case ended
        case over
    }

    /// Where a session goes on from the ones before it in the run.
    struct Continuation: Equatable {
        var number: UInt64
        var initVersion: Int
        /// nil for a run's first session.
        var targetSeconds: Int?
        var isDiscontinuous: Bool
    }

    struct Configuration: Sendable {
        var listSize: Int
        /// What parts aim at; nil: there are none, and no low-latency playlist.
        var partDuration: MediaTime?
        /// How much is kept beyond the playlist; nil: nothing.
        var history: MediaTime?
    }

    struct State {
        var phase = Phase.starting
        /// Never ended itself: what is shown at an end is a copy.
        var playlist: LowLatencyPlaylist?
        /// The playlist and what has left it, when that is kept.
        var history: MediaPlaylist?
        /// What the multivariant playlist says of it; nil while there is no segment.
        var variant: MultivariantPlaylist.Variant?
        var manifest: DASHManifest
        /// Of the source: its renditions' runs, by how their playlists are called.
        var renditions: [(rendition: Rendition, run: HLSRun)] = []
        /// Of a rendition: its source's run.
        weak var source: HLSRun?
        var mediaText: PlaylistText?
        var multivariantText: PlaylistText?
        /// With and without delta; made when somebody asks.
        var lowLatencyTexts: [Bool: PlaylistText] = [:]
        /// Of the others of the family, as `lowLatencyTexts` have them.
        var reports: [LowLatencyPlaylist.RenditionReport] = []
        var historyText: PlaylistText?
        var manifestText: PlaylistText?
        /// Counts changes of the manifest.
        var manifestVersion: UInt64 = 0
        /// The versions of all manifests that `manifestText` was made of, added up.
        var manifestTextVersion: UInt64 = 0
        var continuation: Continuation
        /// Oldest first; the last is the session being packaged.
        var shelves: [SegmentShelf] = []
        var waiters: [UInt64: EventLoopPromise<Void>] = [:]
        var lastWaiter: UInt64 = 0
        var blocked: [BlockedRequest] = []
    }

    /// The broadcast's.
    let id: String
    /// How its media playlist is called: `{id}`, and `{id}_{height}p{kbps}kbps` of a rendition.
    let name: String
    /// `{id}-{token}`: how the names of all its files begin.
    let prefix: String
    /// That of the source's run, whose viewers its own are; its own where it is the source's.
    let sourcePrefix: String
    let configuration: Configuration
    /// `/{app}/time`, from `/{app}/streams/{id}/`.
    private static let clock = "../../time"
    let state: Mutex<State>

    /// `rendition` and the run of its source, for one that is not the source's itself.
    init(
        id: String, token: String, configuration: Configuration, firstNumber: UInt64, rendition: (rendition: Rendition, of: HLSRun)? = nil
    ) {
        self.id = id
        self.name = rendition.map { "\(id)_\($0.rendition.suffix)" } ?? id
        self.prefix = "\(id)-\(token)"
        self.sourcePrefix = rendition?.of.prefix ?? self.prefix
        self.configuration = configuration
        self.state = Mutex(
            State(
                manifest: DASHManifest(
                    listSize: configuration.listSize, naming: .init(prefix: URIText.encode("\(id)-\(token)") + "-", clock: Self.clock),
                    chunkDuration: configuration.partDuration),
                continuation: Continuation(number: firstNumber, initVersion: 0, targetSeconds: nil, isDiscontinuous: firstNumber > 0)))
        self.state.withLock { $0.source = rendition?.of }
    }

    // MARK: The packager's side

    /// A publish session begins; what it has to go on from.
    func begin(_ shelf: SegmentShelf) -> Continuation {
        self.state.withLock { state in
            state.shelves.append(shelf)
            state.phase = state.playlist == nil ? .starting : .live
            state.playlist?.dropOpenSegment()
            state.manifest.dropGrowing()
            // Players go on polling: the end that was announced is taken back.
            self.render(&state)
            return state.continuation
        }
    }

    func add(_ initSegment: InitSegment) {
        let shelf = self.state.withLock { state in
            state.continuation.initVersion = max(state.continuation.initVersion, initSegment.version + 1)
            state.manifest.setTracks(initSegment.tracks, initVersion: initSegment.version)
            state.manifestVersion += 1
            return state.shelves.last
        }
        shelf?.add(initSegment)
    }

    /// Lists a part of the segment that is being made; before there is a playlist it waits for its segment.
    func add(_ part: Part, programDateTimeMilliseconds: Int64?, wallMilliseconds: Int64) {
        // On the shelf before it is listed.
        self.state.withLock { $0.shelves.last }?.add(part: part.bytes, index: part.index, number: part.segmentNumber)
        self.state.withLock { state in
            guard state.phase == .live else { return }
            state.playlist?.append(part, programDateTimeMilliseconds: programDateTimeMilliseconds)
            state.lowLatencyTexts = [:]
            guard part.index == 0 else { return }
            let entry = DASHManifest.Entry(
                number: part.segmentNumber, start: part.segmentStart, duration: part.duration, isDiscontinuity: part.isDiscontinuity,
                initVersion: part.initVersion, wallMilliseconds: programDateTimeMilliseconds ?? wallMilliseconds - part.duration.milliseconds)
            if state.manifest.begin(entry, now: wallMilliseconds) { state.dropManifestText() }
        }
    }

    /// Whether what there is of this segment goes on where the one before it ended.
    func isContinuous(_ number: UInt64) -> Bool { self.state.withLock { $0.playlist?.isContinuous(number) ?? false } }

    /// Lists a segment. `targetSeconds` is used for the first of the run only.
    func add(
        _ segment: Segment, programDateTimeMilliseconds: Int64?, targetSeconds: Int, variant: MultivariantPlaylist.Variant, now: NIODeadline,
        wallMilliseconds: Int64
    ) {
        self.state.withLock { $0.shelves.last }?
            .add(segment: segment.bytes, partLengths: segment.parts.map(\.bytes.readableBytes), number: segment.number)
        let (gone, shelves, keep) = self.state.withLock { state in
            guard state.phase != .over else { return ([MediaPlaylist.Entry](), [SegmentShelf](), TimeAmount.zero) }
            var playlist = state.playlist ?? self.makePlaylist(targetSeconds: targetSeconds, first: segment)
            var gone = playlist.append(segment, programDateTimeMilliseconds: programDateTimeMilliseconds)
            state.playlist = playlist
            if let window = self.configuration.history {
                var history = state.history ?? self.makeMedia(targetSeconds: targetSeconds, window: window)
                gone = history.append(MediaPlaylist.Entry(segment, programDateTimeMilliseconds: programDateTimeMilliseconds))
                state.history = history
            }
            state.variant = variant
            state.manifest.bandwidth = variant.bandwidth
            state.manifest.append(
                DASHManifest.Entry(
                    number: segment.number, start: segment.start, duration: segment.duration, isDiscontinuity: segment.isDiscontinuity,
                    initVersion: segment.initVersion,
                    wallMilliseconds: programDateTimeMilliseconds ?? wallMilliseconds - segment.duration.milliseconds),
                now: wallMilliseconds)
            state.continuation = Continuation(
                number: segment.number + 1, initVersion: max(state.continuation.initVersion, segment.initVersion + 1),
                targetSeconds: playlist.media.targetSeconds, isDiscontinuous: true)
            state.phase = .live
            self.render(&state)
            let window = TimeAmount.seconds(Int64(playlist.media.targetSeconds) * Int64(playlist.media.listSize + 1))
            return (gone, state.shelves, window)
        }
        // RFC 8216 §6.2.2: as long as the segment and the longest playlist that listed it last.
        if !gone.isEmpty { for shelf in shelves { shelf.expire(gone.map(\.number), at: now + keep) } }
    }

    private func makePlaylist(targetSeconds: Int, first: Segment) -> LowLatencyPlaylist {
        let configured = self.configuration.partDuration ?? first.duration
        return LowLatencyPlaylist(
            media: self.makeMedia(targetSeconds: targetSeconds, window: nil),
            partTarget: LowLatencyPlaylist.partTarget(configured: configured, firstParts: first.parts))
    }

    private func makeMedia(targetSeconds: Int, window: MediaTime?) -> MediaPlaylist {
        MediaPlaylist(
            targetSeconds: targetSeconds, listSize: self.configuration.listSize, window: window,
            naming: .init(segmentPrefix: URIText.encode(self.prefix) + "-", initPrefix: URIText.encode(self.prefix) + "-init-"))
    }

    /// Answers who waits for what has come. Called when all that was at hand has been packaged: the first playlist then lists as much as there is,
    /// with which players start more safely, and everybody is woken in one pass.
    func answerWaiting() {
        let (waiters, blocked) = self.state.withLock { state in
            (state.phase == .starting ? [] : self.takeWaiters(&state), self.takeServable(&state))
        }
        for waiter in waiters { waiter.succeed() }
        BlockedRequest.answer(blocked, .there)
    }

    /// The publisher has gone. False when there was never a segment: then the run is over.
    func end() -> Bool {
        let (hasSegments, waiters, blocked) = self.state.withLock { state in
            guard state.phase != .over else { return (false, [EventLoopPromise<Void>](), [BlockedRequest]()) }
            state.phase = state.playlist == nil ? .over : .ended
            state.playlist?.dropOpenSegment()
            self.render(&state)
            return (state.playlist != nil, self.takeWaiters(&state), self.takeServable(&state))
        }
        for waiter in waiters { waiter.succeed() }
        BlockedRequest.answer(blocked, .there)
        return hasSegments
    }

    /// Under the lock.
    private func render(_ state: inout State) {
        guard let shown = state.shown else { return }
        state.mediaText = PlaylistText(shown.media.render())
        state.multivariantText = state.variant.map { PlaylistText(MultivariantPlaylist(variants: [$0]).render()) }
        state.lowLatencyTexts = [:]
        state.historyText = nil
        state.dropManifestText()
    }

    private func takeWaiters(_ state: inout State) -> [EventLoopPromise<Void>] {
        let waiters = Array(state.waiters.values)
        state.waiters = [:]
        return waiters
    }

    // MARK: Renditions

    /// Itself and its renditions' runs: they are kept, shown and cleared together.
    var family: [HLSRun] { [self] + self.state.withLock { $0.renditions.map(\.run) } }

    /// The run of this rendition; nil when it has none.
    func run(of rendition: Rendition) -> HLSRun? { self.state.withLock { $0.renditions.first { $0.rendition == rendition }?.run } }

    /// The one whose media playlist is called so.
    func rendition(named name: String) -> (rendition: Rendition, run: HLSRun)? { self.state.withLock { $0.renditions.first { $0.run.name == name } } }

    var isRendition: Bool { self.sourcePrefix != self.prefix }

    /// Tallest first.
    func add(_ run: HLSRun, of rendition: Rendition) {
        self.state.withLock { state in
            state.renditions.append((rendition, run))
            state.renditions.sort { $0.rendition.height > $1.rendition.height }
        }
    }

    /// Where the others of its family are.
    func reportsOfOthers() -> [LowLatencyPlaylist.RenditionReport] {
        let (source, renditions) = self.state.withLock { ($0.source, $0.renditions.map(\.run)) }
        if source == nil, renditions.isEmpty { return [] }
        return (source ?? self).family.filter { $0 !== self }.compactMap(\.report)
    }

    private var report: LowLatencyPlaylist.RenditionReport? {
        self.state.withLock { $0.phase == .live ? $0.playlist?.report(uri: URIText.encode(self.name) + ".m3u8") : nil }
    }

    func remove(rendition run: HLSRun) { self.state.withLock { $0.renditions.removeAll { $0.run === run } } }

    /// What may be listed of it: while its source goes on, what is being packaged; after that, what was.
    func listed(whileLive isLive: Bool) -> (variant: MultivariantPlaylist.Variant, manifest: DASHManifest, version: UInt64)? {
        self.state.withLock { state in
            guard state.phase == .live || (!isLive && state.phase == .ended), let variant = state.variant else { return nil }
            return (variant, state.manifest, state.manifestVersion)
        }
    }

    // MARK: Keeping and clearing

    var phase: Phase { self.state.withLock { $0.phase } }
    var nextNumber: UInt64 { self.state.withLock { $0.continuation.number } }

    /// What is due goes; the shelf of an earlier session goes with its last segment.
    func removeExpired(now: NIODeadline) {
        for shelf in self.state.withLock({ $0.shelves }) { shelf.removeExpired(now: now) }
        let emptied = self.state.withLock { state in
            let emptied = state.shelves.dropLast().filter { $0.count == 0 }
            state.shelves.removeAll { shelf in emptied.contains { $0 === shelf } }
            return emptied
        }
        for shelf in emptied { shelf.removeAll() }
    }

    /// For a run that is kept after its end: nothing but names stays in memory.
    func spillAll() {
        for shelf in self.state.withLock({ $0.shelves }) { shelf.spillAll() }
    }

    func remove() {
        for shelf in self.clear() { shelf.removeAll() }
    }

    /// Gives up everything; the caller removes the files.
    func clear() -> [SegmentShelf] {
        let (shelves, waiters, blocked) = self.state.withLock { state in
            let shelves = state.shelves
            let blocked = state.blocked
            state.shelves = []
            state.blocked = []
            state.phase = .over
            return (shelves, self.takeWaiters(&state), blocked)
        }
        for waiter in waiters { waiter.succeed() }
        BlockedRequest.answer(blocked, .there)
        return shelves
    }

    var memoryBytes: Int { self.state.withLock { $0.shelves }.reduce(0) { $0 + $1.memoryBytes } }
}

extension HLSRun.State {
    mutating func dropManifestText() {
        self.manifestText = nil
        self.manifestVersion += 1
    }

    /// The playlist as viewers see it.
    var shown: LowLatencyPlaylist? {
        guard self.phase == .ended else { return self.playlist }
        var ended = self.playlist
        ended?.end()
        return ended
    }
}
