import Synchronization

extension LiveHLS {
    /// What there is now of a broadcast that is packaged, or was and is still shown; nil when there is nothing.
    public func kept(_ id: String) -> KeptHLS? {
        guard let run = self.state.withLock({ $0.broadcasts[id]?.run }) else { return nil }
        return KeptHLS(run)
    }

    /// What there is of one of its renditions, whose media playlist is called so, without `.m3u8`; and its height.
    public func kept(_ id: String, rendition name: String) -> (kept: KeptHLS, height: Int)? {
        guard let source = self.state.withLock({ $0.broadcasts[id]?.run }), let found = source.rendition(named: name) else { return nil }
        return KeptHLS(found.run).map { ($0, found.rendition.height) }
    }

    /// Removes what is left of a broadcast that is not packaged any more, with its renditions; or of a rendition, which leaves the others. While it is,
    /// its viewers need all of it; and what has come since is nobody's to remove who has only seen what was there before.
    /// - Returns: whether it is removed.
    @discardableResult
    public func removeKept(_ kept: KeptHLS) -> Bool {
        let run = kept.run
        if run.isRendition { return self.removeRendition(kept) }
        let family: [HLSRun] = self.state.withLock { state in
            guard let broadcast = state.broadcasts[run.id], broadcast.packager == nil, broadcast.run === run, run.nextNumber == kept.nextNumber else {
                return []
            }
            state.broadcasts[run.id]?.run = nil
            state.broadcasts[run.id]?.goesAt = nil
            state.forget(run)
            state.retired.removeAll { $0.run === run }
            return run.family
        }
        for run in family { run.remove() }
        return !family.isEmpty
    }

    private func removeRendition(_ kept: KeptHLS) -> Bool {
        let run = kept.run
        let isRemoved = self.state.withLock { state in
            guard let broadcast = state.broadcasts[run.id], broadcast.packager == nil, let source = broadcast.run,
                source.rendition(named: run.name)?.run === run, run.nextNumber == kept.nextNumber
            else { return false }
            source.remove(rendition: run)
            state.runs[run.prefix] = nil
            return true
        }
        if isRemoved { run.remove() }
        return isRemoved
    }
}
