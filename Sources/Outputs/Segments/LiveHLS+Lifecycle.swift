import Logging
import NIOCore
import Streams
import Synchronization

/// Starting and stopping of packagers, and what becomes of runs.
extension LiveHLS {
    /// Starts packaging when somebody publishes and nothing is packaged yet.
    func ensurePackaging(_ id: String, now: NIODeadline) {
        guard let stream = self.streams.find(StreamKey(id)), stream.generation != nil else { return }
        let packager: LivePackager? = self.state.withLock { state in
            var broadcast = state.broadcasts[id] ?? Broadcast(viewers: Viewers(patience: self.configuration.viewerPatience), lastRequest: now)
            guard !state.isStopped, broadcast.packager == nil, broadcast.retryAt.map({ $0 <= now }) ?? true else { return nil }
            let run: HLSRun
            if let current = broadcast.run, broadcast.goesAt != nil {
                run = current  // ended a moment ago: players go on
            } else {
                if let old = broadcast.run { self.retire(old, &state, now: now) }
                run = HLSRun(
                    id: id, token: ViewerCookie.random(8), configuration: self.configuration.run, firstNumber: broadcast.nextNumber)
                state.runs[run.prefix] = run
            }
            let packager = self.makePackager(stream: stream, run: run, role: .leader(SegmentCuts()), height: 0)
            broadcast.run = run
            broadcast.packager = packager
            broadcast.unpackaged = []
            broadcast.goesAt = nil
            broadcast.lastRequest = now
            state.broadcasts[id] = broadcast
            // Of the renditions it had, those that come back are taken out of these.
            state.lapse(Array(run.family.dropFirst()), of: id, goesAt: now + self.configuration.linger)
            return packager
        }
        packager?.start()
        if packager != nil { self.renditionsChanged(of: id) }
    }

    func makePackager(stream: Stream, run: HLSRun, role: LivePackager.Role, height: Int) -> LivePackager {
        let directory = SessionDirectory(parent: self.configuration.directory, session: ViewerCookie.random(16))
        let shelf = SegmentShelf(
            directory: directory, limits: .init(bytes: self.configuration.memoryBytesPerStream), pool: self.pool, logger: self.logger)
        return LivePackager(
            stream: stream, run: run, role: role, continuation: run.begin(shelf),
            configuration: .init(
                segmentDuration: self.configuration.segmentDuration, partDuration: self.configuration.partDuration, clock: self.clock,
                wallClock: self.wallClock),
            eventLoop: self.group.next(), logger: self.logger
        ) { [weak self] packager, end in
            guard let self else { return }
            if height > 0 {
                self.renditionEnded(packager, height: height, run: run, end)
            } else {
                self.packagerEnded(packager, id: run.id, run: run, end, now: self.clock())
            }
        }
    }

    private func packagerEnded(_ packager: LivePackager, id: String, run: HLSRun, _ end: LivePackager.End, now: NIODeadline) {
        let hasSegments = run.end()
        let (wantsMore, renditions): (Bool, [LivePackager]) = self.state.withLock { state in
            if !hasSegments { state.forget(run) }
            guard state.broadcasts[id]?.packager === packager else { return (false, []) }
            state.broadcasts[id]?.packager = nil
            state.broadcasts[id]?.lapsed = []
            state.broadcasts[id]?.viewers.removeAll()
            state.broadcasts[id]?.nextNumber = run.nextNumber
            if hasSegments {
                state.broadcasts[id]?.goesAt = now + self.configuration.linger
            } else {
                state.broadcasts[id]?.run = nil
            }
            // It cannot be packaged as it is: not to be tried again with every request.
            if end == .stopped { state.broadcasts[id]?.retryAt = now + LiveHLS.retryInterval }
            let isWatched = state.broadcasts[id].map { now - $0.lastRequest < self.configuration.idleTimeout } ?? false
            // Renditions end with what was published last; without their source there is nobody to see them.
            let renditions = end == .stopped ? state.broadcasts[id].map { Array($0.renditions.values) } ?? [] : []
            return (end == .published && (self.configuration.mode == .always || isWatched), renditions)
        }
        for rendition in renditions { rendition.stop() }
        if !hasSegments { for run in run.family { run.remove() } }
        if hasSegments && !self.configuration.deleteOnEnd { run.spillAll() }
        // The next publisher may be there already, and its start may have been told while this one was still being packaged.
        if wantsMore { self.ensurePackaging(id, now: now) }
    }

    private static let retryInterval = TimeAmount.seconds(10)

    /// Under the lock: the run's files stay for who still has its playlist.
    private func retire(_ run: HLSRun, _ state: inout State, now: NIODeadline) {
        guard !state.retired.contains(where: { $0.run === run }) else { return }
        state.retired.append((run, now + self.configuration.linger))
    }

    // MARK: Housekeeping

    /// Once a second: who is not watched any more, and what has stayed long enough.
    func tick(now: NIODeadline) {
        let (idle, gone, kept) = self.state.withLock { state in
            let idle = self.takeIdle(&state, now: now)
            var gone = self.takeDue(&state, now: now) + state.takeLapsed(now: now)
            let excess = state.retired.count { $0.goesAt == nil } - self.configuration.keptRuns
            if excess > 0 {
                let oldest = state.retired.filter { $0.goesAt == nil }.prefix(excess).map(\.run)
                state.retired.removeAll { retired in oldest.contains { $0 === retired.run } }
                for run in oldest where state.broadcasts[run.id]?.run === run { state.broadcasts[run.id]?.run = nil }
                gone.append(contentsOf: oldest)
            }
            for run in gone { state.forget(run) }
            return (idle, gone, Array(state.runs.values))
        }
        for packager in idle { packager.stop() }
        for run in gone.flatMap(\.family) { run.remove() }
        for run in kept {
            run.removeExpired(now: now)
            run.giveUpBlocked(now: now)
        }
    }

    /// Under the lock: packagers nobody has asked anything of. Their runs stop being shown at once, or a player that comes back would be given a
    /// window of long ago.
    private func takeIdle(_ state: inout State, now: NIODeadline) -> [LivePackager] {
        guard self.configuration.mode == .onDemand else { return [] }
        var idle: [LivePackager] = []
        for (id, broadcast) in state.broadcasts {
            guard let packager = broadcast.packager, now - broadcast.lastRequest > self.configuration.idleTimeout else { continue }
            idle.append(packager)
            idle.append(contentsOf: broadcast.renditions.values)
            state.broadcasts[id]?.packager = nil
            state.broadcasts[id]?.renditions = [:]
            state.broadcasts[id]?.lapsed = []
            state.broadcasts[id]?.run = nil
            state.broadcasts[id]?.viewers.removeAll()
            if let run = broadcast.run {
                state.broadcasts[id]?.nextNumber = run.nextNumber
                self.retire(run, &state, now: now)
            }
        }
        return idle
    }

    /// Under the lock: runs whose time is over, and broadcasts of which nothing is left.
    private func takeDue(_ state: inout State, now: NIODeadline) -> [HLSRun] {
        var gone: [HLSRun] = []
        for (id, broadcast) in state.broadcasts where broadcast.packager == nil {
            if let goesAt = broadcast.goesAt, goesAt <= now {
                state.broadcasts[id]?.goesAt = nil
                if let run = broadcast.run {
                    if self.configuration.deleteOnEnd {
                        state.broadcasts[id]?.run = nil
                        gone.append(run)
                    } else {
                        state.retired.append((run, nil))  // still shown, but counted among those that are kept
                    }
                }
            }
            let isLeft = state.broadcasts[id]?.run != nil || self.streams.find(StreamKey(id))?.generation != nil
            if !isLeft { state.broadcasts[id] = nil }
        }
        gone.append(contentsOf: state.retired.filter { $0.goesAt.map { $0 <= now } ?? false }.map(\.run))
        state.retired.removeAll { $0.goesAt.map { $0 <= now } ?? false }
        return gone
    }
}
