import AV
import Logging
import Synchronization

/// The items of a sequence, for its thread.
extension RunningPull {
    /// What comes next, as it stands now.
    struct Next {
        var key: ItemPrefetch.Key?
        var isSkipping: Bool
        /// There is nothing to open because all that was tried failed.
        var allFailed: Bool
        var loops: Bool
    }

    func next() -> Next {
        self.state.withLock { state in
            guard let cursor = state.cursor else { return Next(key: nil, isSkipping: false, allFailed: true, loops: false) }
            var key: ItemPrefetch.Key?
            if let index = cursor.candidate, let item = cursor.candidateItem {
                key = ItemPrefetch.Key(index: index, item: item, normalises: cursor.sequence.normalises)
            }
            return Next(key: key, isSkipping: cursor.isSkipping, allFailed: cursor.allFailed, loops: cursor.sequence.loops)
        }
    }

    /// The item that was opened ahead takes over. False when it is not the one that comes next any more.
    func takeOver(_ key: ItemPrefetch.Key, interrupt: Interrupt) -> Bool {
        self.position.store(Int64.min, ordering: .relaxed)
        return self.state.withLock { state in
            guard !state.machine.isFinished, let cursor = state.cursor, cursor.candidate == key.index, cursor.candidateItem == key.item else {
                return false
            }
            state.cursor?.opened()
            state.interrupt = interrupt
            state.seek = nil
            return true
        }
    }

    /// The item's first frame was published.
    func itemStarted(_ index: Int) {
        self.state.withLock { state in
            if let event = state.machine.comes(to: index) { self.tell(event) }
        }
    }

    enum ItemFailure {
        /// The candidate could not be opened.
        case opening
        /// What was played broke off right after its start.
        case early
        case late
    }

    func itemFailed(_ index: Int, _ failure: PullFailure, _ kind: ItemFailure) {
        let times = self.state.withLock { state -> Int? in
            guard let event = state.machine.itemFailed(index: index, failure) else { return nil }
            self.tell(event)
            state.itemFailures[index, default: 0] += 1
            switch kind {
            case .opening: state.cursor?.failed()
            case .early: state.cursor?.brokeOff()
            case .late: break
            }
            return state.itemFailures[index]
        }
        if let times, Self.isLogged(attempt: times) { self.log(.warning, "playlist item failed", ["item": "\(index)", "reason": "\(failure.text)"]) }
    }

    func itemPlayed() { self.state.withLock { $0.cursor?.played() } }
    func retryList() { self.state.withLock { $0.cursor?.retry() } }
}
