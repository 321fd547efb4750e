import AV
import Media
import Synchronization

/// Opens the next item of a sequence ahead, on a thread of its own, with its first frames. One item at a time: asking for another gives the first up.
final class ItemPrefetch: Sendable {
    struct Key: Sendable, Equatable {
        var index: Int
        var item: PullItem
        var normalises: Bool
    }

    private enum Phase {
        case idle
        case opening(Key, ticket: UInt64, Interrupt)
        case ready(Key, OpenedItem)
        case failed(Key, PullFailure)
    }

    private struct State {
        var phase = Phase.idle
        var ticket: UInt64 = 0
        /// Nothing is opened any more.
        var isCancelled = false
    }

    /// How it stands with one item.
    enum Outcome {
        case none
        case pending
        case ready
        case failed(PullFailure)
    }

    private let opener: any PullInputOpener
    private let threads: PullThreads
    private let state = Mutex(State())

    init(opener: any PullInputOpener, threads: PullThreads) {
        self.opener = opener
        self.threads = threads
    }

    func outcome(of key: Key) -> Outcome {
        self.state.withLock { state in
            switch state.phase {
            case .opening(let current, _, _) where current == key: .pending
            case .ready(let current, _) where current == key: .ready
            case .failed(let current, let failure) where current == key: .failed(failure)
            default: .none
            }
        }
    }

    var isIdle: Bool { self.state.withLock { if case .idle = $0.phase { true } else { false } } }

    /// Begins to open it, from any thread. `onChange` is called on the opening thread, with true when it is ready and false when it has failed.
    func open(_ key: Key, onChange: @escaping @Sendable (Bool) -> Void) {
        let interrupt = Interrupt()
        let (ticket, givenUp, dropped) = self.state.withLock { state -> (UInt64?, Interrupt?, OpenedItem?) in
            var givenUp: Interrupt?
            var dropped: OpenedItem?
            guard !state.isCancelled else { return (nil, nil, nil) }
            switch state.phase {
            case .opening(_, _, let older): givenUp = older
            case .ready(_, let item): (givenUp, dropped) = (item.interrupt, item)
            case .idle, .failed: break
            }
            state.ticket += 1
            state.phase = .opening(key, ticket: state.ticket, interrupt)
            return (state.ticket, givenUp, dropped)
        }
        guard let ticket else { return }
        givenUp?.cancel()
        let started = self.threads.start(name: "pull-ahead") {
            self.opener.guarded {
                let outcome = self.read(key, interrupt)
                // Closing may block, so it is not the caller who lets go of the other one.
                withExtendedLifetime(dropped) {}
                self.finish(ticket, key, outcome, onChange)
            }
        }
        if !started { self.finish(ticket, key, .failure(PullFailure(cause: .other, text: "too many inputs are being opened")), onChange) }
    }

    private func read(_ key: Key, _ interrupt: Interrupt) -> Result<OpenedItem, PullFailure> {
        do throws(PullFailure) {
            let input = try self.opener.open(key.item, normalises: key.normalises, interrupt: interrupt)
            var tolerance = ReadTolerance(isFile: key.item.isFile)
            let head = try ItemHead.read(from: input, tolerance: &tolerance)
            return .success(OpenedItem(key: key, input: input, head: head, interrupt: interrupt))
        } catch {
            return .failure(error)
        }
    }

    /// When nobody waits for it any more, the input is closed here, on the thread that opened it.
    private func finish(_ ticket: UInt64, _ key: Key, _ outcome: Result<OpenedItem, PullFailure>, _ onChange: (Bool) -> Void) {
        let isReady = self.state.withLock { state -> Bool? in
            guard case .opening(_, let current, _) = state.phase, current == ticket else { return nil }
            switch outcome {
            case .success(let item):
                state.phase = .ready(key, item)
                return true
            case .failure(let failure):
                state.phase = .failed(key, failure)
                return false
            }
        }
        if let isReady { onChange(isReady) }
    }

    /// What is ready, once. For the pull's thread.
    func take() -> OpenedItem? {
        self.state.withLock { state in
            guard case .ready(_, let item) = state.phase else { return nil }
            state.phase = .idle
            return item
        }
    }

    /// Gives up what is being opened or is open. For the pull's thread, which closes it.
    func drop() {
        let (interrupt, item) = self.state.withLock { state -> (Interrupt?, OpenedItem?) in
            var dropped: (Interrupt?, OpenedItem?) = (nil, nil)
            switch state.phase {
            case .opening(_, _, let interrupt): dropped.0 = interrupt
            case .ready(_, let item): dropped.1 = item
            case .idle, .failed: break
            }
            state.phase = .idle
            return dropped
        }
        interrupt?.cancel()
        item?.interrupt.cancel()
    }

    /// For good, from any thread: what is being opened ends. What is open already is left to the pull's thread, for closing it may block.
    func cancel() {
        let interrupt = self.state.withLock { state -> Interrupt? in
            state.isCancelled = true
            switch state.phase {
            case .opening(_, _, let interrupt):
                state.phase = .idle
                return interrupt
            case .ready(_, let item): return item.interrupt
            case .idle, .failed: return nil
            }
        }
        interrupt?.cancel()
    }
}

/// An item that was opened ahead, with its first frames.
// Made on the opening thread and not touched by it after it was put under the prefetch's lock; taken out once, by the pull's thread.
final class OpenedItem: @unchecked Sendable {
    let key: ItemPrefetch.Key
    let input: any PullInput
    let head: ItemHead
    let interrupt: Interrupt

    init(key: ItemPrefetch.Key, input: any PullInput, head: ItemHead, interrupt: Interrupt) {
        self.key = key
        self.input = input
        self.head = head
        self.interrupt = interrupt
    }
}
