import NIOCore
import Streams
import Synchronization

/// Renditions are packaged while their source is: with runs of their own, which are kept and cleared together with the source's.
extension LiveHLS {
    /// There may be renditions that are not packaged yet.
    public func renditionsChanged(of id: String) {
        for rendition in self.board.renditions(of: id) { self.package(rendition, of: id) }
    }

    private func package(_ rendition: Rendition, of id: String) {
        guard let stream = self.streams.find(rendition.key(of: id)), stream.generation != nil else { return }
        let packager: LivePackager? = self.state.withLock { state in
            guard let broadcast = state.broadcasts[id], let source = broadcast.run, let leader = broadcast.packager, !state.isStopped else {
                return nil
            }
            guard broadcast.renditions[rendition.height] == nil, !broadcast.unpackaged.contains(rendition.height) else { return nil }
            let run: HLSRun
            if let known = source.run(of: rendition) {
                run = known  // as its source's does, it goes on where it ended
                state.broadcasts[id]?.lapsed.removeAll { $0.run === known }
            } else {
                run = HLSRun(
                    id: id, token: ViewerCookie.random(8), configuration: self.configuration.run, firstNumber: 0,
                    rendition: (rendition, of: source))
                source.add(run, of: rendition)
                state.runs[run.prefix] = run
            }
            let packager = self.makePackager(stream: stream, run: run, role: .follower(leader.role.cuts), height: rendition.height)
            state.broadcasts[id]?.renditions[rendition.height] = packager
            return packager
        }
        packager?.start()
    }

    /// Its stream has ended, with the source's or before it, or it is not to be packaged any more.
    func renditionEnded(_ packager: LivePackager, height: Int, run: HLSRun, _ end: LivePackager.End) {
        let hasSegments = run.end()
        self.state.withLock { state in
            if !hasSegments {
                state.runs[run.prefix] = nil
                state.broadcasts[run.id]?.run?.remove(rendition: run)
            }
            guard state.broadcasts[run.id]?.renditions[height] === packager else { return }
            state.broadcasts[run.id]?.renditions[height] = nil
            if end == .stopped { state.broadcasts[run.id]?.unpackaged.insert(height) }
            if hasSegments { state.lapse([run], of: run.id, goesAt: self.clock() + self.configuration.linger) }
        }
        if !hasSegments { run.remove() }
        if hasSegments && !self.configuration.deleteOnEnd { run.spillAll() }
        // The next encoder run of this height may have begun while this one was still being packaged.
        if end == .published { self.renditionsChanged(of: run.id) }
    }
}

extension LiveHLS.State {
    /// Names of the run and of its renditions' lead nowhere any more.
    mutating func forget(_ run: HLSRun) {
        for member in run.family { self.runs[member.prefix] = nil }
    }

    /// The source goes on, for days perhaps, while these do not unless they come back: they stay for a while, for who still has their playlists.
    /// Without their source being packaged they are its run's, and go with it.
    mutating func lapse(_ runs: [HLSRun], of id: String, goesAt: NIODeadline) {
        guard self.broadcasts[id]?.packager != nil else { return }
        self.broadcasts[id]?.lapsed.append(contentsOf: runs.map { ($0, goesAt) })
    }

    /// Those whose time is over, taken out of their sources' families.
    mutating func takeLapsed(now: NIODeadline) -> [HLSRun] {
        var gone: [HLSRun] = []
        for (id, broadcast) in self.broadcasts where broadcast.lapsed.contains(where: { $0.goesAt <= now }) {
            let due = broadcast.lapsed.filter { $0.goesAt <= now }.map(\.run)
            for run in due { broadcast.run?.remove(rendition: run) }
            self.broadcasts[id]?.lapsed.removeAll { $0.goesAt <= now }
            gone.append(contentsOf: due)
        }
        return gone
    }
}
