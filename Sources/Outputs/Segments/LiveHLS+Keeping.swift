import Synchronization

extension LiveHLS {
    /// What there is now of a broadcast that is packaged, or was and is still shown; nil when there is nothing.
    public func kept(_ id: String) -> KeptHLS? {
        guard let run = self.state.withLock({ $0.broadcasts[id]?.run }) else { return nil }
        return KeptHLS(run)
    }

    /// Removes what is left of a broadcast that is not packaged any more. While it is, its viewers need all of it, and nothing is removed.
    public func removeKept(_ id: String) {
        let run: HLSRun? = self.state.withLock { state in
            guard let broadcast = state.broadcasts[id], broadcast.packager == nil, let run = broadcast.run else { return nil }
            state.broadcasts[id]?.run = nil
            state.broadcasts[id]?.goesAt = nil
            state.runs[run.prefix] = nil
            state.retired.removeAll { $0.run === run }
            return run
        }
        run?.remove()
    }
}
