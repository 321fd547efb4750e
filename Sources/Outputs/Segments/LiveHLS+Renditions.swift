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
}
