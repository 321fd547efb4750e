import NIOCore
import Packaging
import Synchronization

/// What viewers ask of a run.
extension HLSRun {
    enum Kind: Equatable {
        case media
        case multivariant
        /// With parts; `directives` may be about these.
        case lowLatency(DeliveryDirectives)
        /// Of the past; nothing to wait for.
        case cut(DeliveryDirectives)
        /// DASH.
        case manifest
    }

    enum Found {
        case text(ByteBuffer, isGzipped: Bool)
        /// There is no segment yet.
        case notYet
        /// What the directives ask for is about to come.
        case soon
        case badRequest
        case gone
    }

    func find(_ kind: Kind, query: String?, gzip: Bool) -> Found {
        if case .cut(let directives) = kind { return self.cut(directives, query: query, gzip: gzip) }
        if kind == .multivariant || kind == .manifest, let found = self.findWithRenditions(kind, query: query, gzip: gzip) { return found }
        // Taken before this run's own lock.
        let reports = if case .lowLatency = kind { self.reportsOfOthers() } else { [LowLatencyPlaylist.RenditionReport]() }
        let (text, otherwise): (PlaylistText?, Found) = self.state.withLock { state in
            if state.phase == .over { return (nil, .gone) }
            // What nearly everybody asks for, without touching the lists it was made of.
            if query == nil, kind == .media, let text = state.mediaText { return (text, .notYet) }
            guard let shown = state.shown else { return (nil, .notYet) }
            switch kind {
            case .media:
                return (query.map { PlaylistText(shown.media.render(query: $0)) } ?? state.mediaText, .notYet)
            case .multivariant:
                let list = state.variant.map { MultivariantPlaylist(variants: [$0]) }
                return (query.map { query in list.map { PlaylistText($0.render(query: query)) } } ?? state.multivariantText, .notYet)
            case .lowLatency(let directives):
                switch shown.answer(directives) {
                case .badRequest: return (nil, .badRequest)
                case .later: return (nil, .soon)
                case .now: return (self.lowLatencyText(shown, directives, query: query, reports, &state), .notYet)
                }
            case .manifest:
                return (self.manifestText(query: query, &state), .notYet)
            case .cut:
                return (nil, .gone)  // asked above
            }
        }
        guard let text else { return otherwise }
        let (bytes, isGzipped) = text.bytes(gzip: gzip)
        return .text(bytes, isGzipped: isGzipped)
    }

    /// Under the lock. Rendered once for all who ask the same.
    private func lowLatencyText(
        _ shown: LowLatencyPlaylist, _ directives: DeliveryDirectives, query: String?, _ reports: [LowLatencyPlaylist.RenditionReport],
        _ state: inout State
    ) -> PlaylistText {
        if let query { return PlaylistText(shown.render(query: query, skips: directives.skips, reports: reports)) }
        if reports != state.reports {
            state.lowLatencyTexts = [:]
            state.reports = reports
        }
        if let text = state.lowLatencyTexts[directives.skips] { return text }
        let text = PlaylistText(shown.render(skips: directives.skips, reports: reports))
        state.lowLatencyTexts[directives.skips] = text
        return text
    }

    private func manifestText(query: String?, _ state: inout State) -> PlaylistText? {
        if query == nil, state.manifestTextVersion == state.manifestVersion, let text = state.manifestText { return text }
        var manifest = state.manifest
        if state.phase == .ended { manifest.end() }
        let text = manifest.render(query: query ?? "").map { PlaylistText($0) }
        if query == nil {
            state.manifestText = text
            state.manifestTextVersion = state.manifestVersion
        }
        return text
    }

    /// The multivariant playlist or the manifest of a source that has renditions; nil where there are none to be listed.
    private func findWithRenditions(_ kind: Kind, query: String?, gzip: Bool) -> Found? {
        let (phase, renditions) = self.state.withLock { ($0.phase, $0.renditions.map(\.run)) }
        guard !renditions.isEmpty, phase == .live || phase == .ended else { return nil }
        // Their locks are taken one after the other, never under this run's.
        let listed = renditions.compactMap { $0.listed(whileLive: phase == .live) }
        guard !listed.isEmpty else { return nil }
        let text: PlaylistText? = self.state.withLock { state in
            guard let own = state.variant else { return nil }
            guard kind == .manifest else {
                return PlaylistText(MultivariantPlaylist(variants: [own] + listed.map(\.variant)).render(query: query ?? ""))
            }
            let version = listed.reduce(state.manifestVersion) { $0 &+ $1.version }
            if query == nil, state.manifestTextVersion == version, let text = state.manifestText { return text }
            var manifest = state.manifest
            if phase == .ended { manifest.end() }
            let text = manifest.render(query: query ?? "", renditions: listed.map(\.manifest)).map { PlaylistText($0) }
            if query == nil {
                state.manifestText = text
                state.manifestTextVersion = version
            }
            return text
        }
        guard let text else { return nil }
        let (bytes, isGzipped) = text.bytes(gzip: gzip)
        return .text(bytes, isGzipped: isGzipped)
    }

    /// A window of hours is a long text: it is made outside the lock, and the whole of it once for all who ask.
    private func cut(_ directives: DeliveryDirectives, query: String?, gzip: Bool) -> Found {
        let isWhole = directives.start == nil && directives.end == nil && query == nil
        let (phase, known, list): (Phase, PlaylistText?, MediaPlaylist?) = self.state.withLock { state in
            var list = state.history ?? state.playlist?.media
            if state.phase == .ended { list?.end() }
            return (state.phase, isWhole ? state.historyText : nil, list)
        }
        if phase == .over { return .gone }
        guard let list else { return .notYet }
        var shown = Optional(list)
        if directives.start != nil || directives.end != nil { shown = list.cut(from: directives.start, until: directives.end) }
        guard let shown else { return .gone }
        let text = known ?? PlaylistText(shown.render(query: query ?? ""))
        if isWhole, known == nil {
            self.state.withLock { state in
                guard state.phase == phase, (state.history ?? state.playlist?.media)?.entries.last == list.entries.last else { return }
                state.historyText = text
            }
        }
        let (bytes, isGzipped) = text.bytes(gzip: gzip)
        return .text(bytes, isGzipped: isGzipped)
    }

    func segment(_ number: UInt64, wantsFile: Bool = false) -> HLSBody? {
        for shelf in self.state.withLock({ $0.shelves }) {
            if let body = shelf.segment(number, wantsFile: wantsFile) { return body }
        }
        return nil
    }

    func part(_ index: Int, of number: UInt64) -> HLSBody? {
        for shelf in self.state.withLock({ $0.shelves }) {
            if let body = shelf.part(index, of: number) { return body }
        }
        return nil
    }

    func initSegment(_ version: Int) -> ByteBuffer? {
        for shelf in self.state.withLock({ $0.shelves }) {
            if let bytes = shelf.initSegment(version) { return bytes }
        }
        return nil
    }

    /// With the one track of this index, from 0, alone. nil when there is none.
    func initSegment(_ version: Int, track: Int) -> ByteBuffer? {
        for shelf in self.state.withLock({ $0.shelves }) {
            guard let tracks = shelf.tracks(ofInit: version), tracks.indices.contains(track) else { continue }
            do throws(PackagingError) {
                return try TrackExtractor.initSegment(of: tracks[track])
            } catch {
                return nil  // it was written together with the others, so it can be written alone
            }
        }
        return nil
    }

    // MARK: Waiting

    /// The same for it and for those of its renditions that are being packaged: who reads the list of them reads it once.
    func waitForFirstSegments(on eventLoop: any EventLoop, timeout: TimeAmount) -> EventLoopFuture<Void> {
        self.waitForFirstSegment(on: eventLoop, timeout: timeout).flatMap {
            let waiting = self.family.filter { $0.phase == .starting }
            return EventLoopFuture.andAllSucceed(
                waiting.map { $0.waitForFirstSegment(on: eventLoop, timeout: Self.renditionPatience) }, on: eventLoop)
        }
    }

    /// How much longer than its source's a rendition's first segment may take.
    private static let renditionPatience = TimeAmount.seconds(4)

    /// Done when there is a first segment, when there will be none, or after `timeout`.
    func waitForFirstSegment(on eventLoop: any EventLoop, timeout: TimeAmount) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let number: UInt64? = self.state.withLock { state in
            guard state.phase == .starting else { return nil }
            state.lastWaiter += 1
            state.waiters[state.lastWaiter] = promise
            return state.lastWaiter
        }
        guard let number else {
            promise.succeed()
            return promise.futureResult
        }
        let timer = eventLoop.scheduleTask(in: timeout) {
            self.state.withLock { $0.waiters.removeValue(forKey: number) }?.succeed()
        }
        promise.futureResult.whenComplete { _ in timer.cancel() }
        return promise.futureResult
    }

    /// Blocks a request until what it wants is there; nil when it need not, or must not, wait.
    func block(_ wanted: BlockedRequest.Wanted, on eventLoop: any EventLoop, now: NIODeadline) -> EventLoopFuture<BlockedRequest.Outcome>? {
        self.state.withLock { state in
            // A run that is over is given up by whoever looks after it, and what it blocked then with it.
            guard state.phase != .over, state.blocked.count < BlockedRequest.limit, let shown = state.shown, !wanted.isServable(shown) else {
                return nil
            }
            guard wanted.isExpected(shown) else { return nil }
            let promise = eventLoop.makePromise(of: BlockedRequest.Outcome.self)
            state.blocked.append(
                BlockedRequest(wanted: wanted, deadline: now + .milliseconds(shown.patienceMilliseconds), eventLoop: eventLoop, promise: promise))
            return promise.futureResult
        }
    }

    /// Under the lock: those whose time has come.
    func takeServable(_ state: inout State) -> [BlockedRequest] {
        guard !state.blocked.isEmpty else { return [] }
        guard let shown = state.shown else {
            defer { state.blocked = [] }
            return state.blocked
        }
        var servable: [BlockedRequest] = []
        var rest: [BlockedRequest] = []
        for request in state.blocked {
            if request.wanted.isServable(shown) || !request.wanted.isExpected(shown) { servable.append(request) } else { rest.append(request) }
        }
        state.blocked = rest
        return servable
    }

    /// Whoever has waited too long. Called now and then; nobody has a timer of their own.
    func giveUpBlocked(now: NIODeadline) {
        let late = self.state.withLock { state in
            let late = state.blocked.filter { $0.deadline <= now }
            if !late.isEmpty { state.blocked.removeAll { $0.deadline <= now } }
            return late
        }
        BlockedRequest.answer(late, .tooLate)
    }

    var blockedCount: Int { self.state.withLock { $0.blocked.count } }
}
