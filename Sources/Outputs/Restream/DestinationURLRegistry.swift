import Synchronization

/// Makes sure that this process never has two sessions to one URL: platforms take a second one for a mistake or an attack, and show neither.
///
/// One per process, owned by the composition root and handed to every `Destination`. First come, first served.
public final class DestinationURLRegistry: Sendable {
    /// The right to open a session to one URL; given back with `release()`, which may be called more than once.
    final class Lease: Sendable {
        private let key: String
        private let registry: DestinationURLRegistry
        private let isReleased = Atomic<Bool>(false)

        fileprivate init(key: String, registry: DestinationURLRegistry) {
            self.key = key
            self.registry = registry
        }

        func release() {
            guard !self.isReleased.exchange(true, ordering: .acquiringAndReleasing) else { return }
            self.registry.pass(self.key)
        }

        deinit { self.release() }
    }

    /// Cancels waiting; the lease is not granted afterwards.
    struct Ticket: Sendable {
        fileprivate let key: String
        fileprivate let number: UInt64
        /// Somebody else had a session when it was asked for.
        let hasToWait: Bool
    }

    private struct Waiter {
        let number: UInt64
        var isLive: Bool
        let grant: @Sendable (Lease) -> Void
    }

    private struct State {
        /// URLs with an open session, and who waits for it to end.
        var waiters: [String: [Waiter]] = [:]
        var lastNumber: UInt64 = 0
    }

    private let state = Mutex(State())

    public init() {}

    /// Calls `grant` with the lease: at once when nobody has it, otherwise when those before have given it back, on their thread. Must not block.
    /// - Parameter isLive: there is a stream to be sent; see `isWanted`.
    func acquire(_ key: String, isLive: Bool = true, grant: @escaping @Sendable (Lease) -> Void) -> Ticket {
        let (isFree, number) = self.state.withLock { state in
            state.lastNumber += 1
            guard state.waiters[key] != nil else {
                state.waiters[key] = []
                return (true, state.lastNumber)
            }
            state.waiters[key]?.append(Waiter(number: state.lastNumber, isLive: isLive, grant: grant))
            return (false, state.lastNumber)
        }
        if isFree { grant(Lease(key: key, registry: self)) }
        return Ticket(key: key, number: number, hasToWait: !isFree)
    }

    /// Who waits has a stream to send by now, or has none any more.
    func update(_ ticket: Ticket, isLive: Bool) {
        self.state.withLock { state in
            guard let index = state.waiters[ticket.key]?.firstIndex(where: { $0.number == ticket.number }) else { return }
            state.waiters[ticket.key]?[index].isLive = isLive
        }
    }

    /// Somebody with a stream waits for the URL: who holds it without one should give it back.
    func isWanted(_ key: String) -> Bool { self.state.withLock { $0.waiters[key]?.contains { $0.isLive } ?? false } }

    func cancel(_ ticket: Ticket) {
        self.state.withLock { state in state.waiters[ticket.key]?.removeAll { $0.number == ticket.number } }
    }

    private func pass(_ key: String) {
        let next: Waiter? = self.state.withLock { state in
            guard let waiters = state.waiters[key], !waiters.isEmpty else {
                state.waiters[key] = nil
                return nil
            }
            return state.waiters[key]?.removeFirst()
        }
        next?.grant(Lease(key: key, registry: self))
    }

    /// How many URLs have an open session.
    var openCount: Int { self.state.withLock { $0.waiters.count } }
}
