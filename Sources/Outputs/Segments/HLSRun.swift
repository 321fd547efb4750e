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

    enum Kind {
        case media
        case multivariant
    }

    enum Found {
        case text(ByteBuffer, isGzipped: Bool)
        case notYet
        case gone
    }

    private struct State {
        var phase = Phase.starting
        /// Never ended itself: what is shown at an end is a copy.
        var playlist: MediaPlaylist?
        var multivariant: MultivariantPlaylist?
        var mediaText: PlaylistText?
        var multivariantText: PlaylistText?
        var continuation: Continuation
        /// Oldest first; the last is the session being packaged.
        var shelves: [SegmentShelf] = []
        var waiters: [UInt64: EventLoopPromise<Void>] = [:]
        var lastWaiter: UInt64 = 0
    }

    /// The broadcast's.
    let id: String
    /// `{id}-{token}`: how the names of all its files begin.
    let prefix: String
    private let listSize: Int
    private let state: Mutex<State>

    init(id: String, token: String, listSize: Int, firstNumber: UInt64) {
        self.id = id
        self.prefix = "\(id)-\(token)"
        self.listSize = listSize
        self.state = Mutex(
            State(continuation: Continuation(number: firstNumber, initVersion: 0, targetSeconds: nil, isDiscontinuous: firstNumber > 0)))
    }

    // MARK: The packager's side

    /// A publish session begins; what it has to go on from.
    func begin(_ shelf: SegmentShelf) -> Continuation {
        self.state.withLock { state in
            state.shelves.append(shelf)
            state.phase = state.playlist == nil ? .starting : .live
            // Players go on polling: the end that was announced is taken back.
            self.render(&state)
            return state.continuation
        }
    }

    func add(_ initSegment: InitSegment) {
        let shelf = self.state.withLock { state in
            state.continuation.initVersion = max(state.continuation.initVersion, initSegment.version + 1)
            return state.shelves.last
        }
        shelf?.add(initSegment: initSegment.bytes, version: initSegment.version)
    }

    /// Lists a segment. `targetSeconds` is used for the first of the run only.
    func add(
        _ segment: Segment, programDateTimeMilliseconds: Int64?, targetSeconds: Int, multivariant: MultivariantPlaylist, now: NIODeadline
    ) {
        // On the shelf before it is listed.
        self.state.withLock { $0.shelves.last }?.add(segment: segment.bytes, number: segment.number)
        let (gone, shelves, keep) = self.state.withLock { state in
            guard state.phase != .over else { return ([MediaPlaylist.Entry](), [SegmentShelf](), TimeAmount.zero) }
            var playlist =
                state.playlist
                ?? MediaPlaylist(
                    targetSeconds: targetSeconds, listSize: self.listSize,
                    naming: .init(segmentPrefix: URIText.encode(self.prefix) + "-", initPrefix: URIText.encode(self.prefix) + "-init-"))
            let gone = playlist.append(MediaPlaylist.Entry(segment, programDateTimeMilliseconds: programDateTimeMilliseconds))
            state.playlist = playlist
            state.multivariant = multivariant
            state.continuation = Continuation(
                number: segment.number + 1, initVersion: max(state.continuation.initVersion, segment.initVersion + 1),
                targetSeconds: playlist.targetSeconds, isDiscontinuous: true)
            state.phase = .live
            self.render(&state)
            let window = TimeAmount.seconds(Int64(playlist.targetSeconds) * Int64(playlist.listSize + 1))
            return (gone, state.shelves, window)
        }
        // RFC 8216 §6.2.2: as long as the segment and the longest playlist that listed it last.
        if !gone.isEmpty { for shelf in shelves { shelf.expire(gone.map(\.number), at: now + keep) } }
    }

    /// Answers who waits for the first segment, once there is one. Called when all that was cached has been packaged, so that the first
    /// playlist lists as much as there is: players start more safely with more.
    func answerWaiting() {
        let waiters = self.state.withLock { $0.phase == .starting ? [] : self.takeWaiters(&$0) }
        for waiter in waiters { waiter.succeed() }
    }

    /// The publisher has gone. False when there was never a segment: then the run is over.
    func end() -> Bool {
        let (hasSegments, waiters) = self.state.withLock { state in
            guard state.phase != .over else { return (false, [EventLoopPromise<Void>]()) }
            state.phase = state.playlist == nil ? .over : .ended
            self.render(&state)
            return (state.playlist != nil, self.takeWaiters(&state))
        }
        for waiter in waiters { waiter.succeed() }
        return hasSegments
    }

    private func render(_ state: inout State) {
        guard var playlist = state.playlist else { return }
        if state.phase == .ended { playlist.end() }
        state.mediaText = PlaylistText(playlist.render())
        state.multivariantText = state.multivariant.map { PlaylistText($0.render()) }
    }

    // MARK: The viewers' side

    var phase: Phase { self.state.withLock { $0.phase } }
    var nextNumber: UInt64 { self.state.withLock { $0.continuation.number } }

    func find(_ kind: Kind, query: String?, gzip: Bool) -> Found {
        let (phase, text, rendered): (Phase, PlaylistText?, String?) = self.state.withLock { state in
            let text = kind == .media ? state.mediaText : state.multivariantText
            guard let query, text != nil else { return (state.phase, text, nil) }
            switch kind {
            case .media:
                var playlist = state.playlist
                if state.phase == .ended { playlist?.end() }
                return (state.phase, text, playlist?.render(query: query))
            case .multivariant:
                return (state.phase, text, state.multivariant?.render(query: query))
            }
        }
        if phase == .over { return .gone }
        guard let text else { return .notYet }
        let (bytes, isGzipped) = (rendered.map { PlaylistText($0) } ?? text).bytes(gzip: gzip)
        return .text(bytes, isGzipped: isGzipped)
    }

    func segment(_ number: UInt64) -> HLSBody? {
        for shelf in self.state.withLock({ $0.shelves }) {
            if let body = shelf.segment(number) { return body }
        }
        return nil
    }

    func initSegment(_ version: Int) -> ByteBuffer? {
        for shelf in self.state.withLock({ $0.shelves }) {
            if let bytes = shelf.initSegment(version) { return bytes }
        }
        return nil
    }

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

    private func takeWaiters(_ state: inout State) -> [EventLoopPromise<Void>] {
        let waiters = Array(state.waiters.values)
        state.waiters = [:]
        return waiters
    }

    // MARK: Keeping and clearing

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
        let (shelves, waiters) = self.state.withLock { state in
            let shelves = state.shelves
            state.shelves = []
            state.phase = .over
            return (shelves, self.takeWaiters(&state))
        }
        for waiter in waiters { waiter.succeed() }
        return shelves
    }

    var memoryBytes: Int { self.state.withLock { $0.shelves }.reduce(0) { $0 + $1.memoryBytes } }
}
