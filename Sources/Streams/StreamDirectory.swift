public import NIOCore
import Synchronization

/// Which streams exist. Holds them weakly: a stream lives as long as its publisher, a reader or a caller holds it.
public final class StreamDirectory: Sendable {
    private struct Entry {
        weak var stream: Stream?
    }

    private struct State {
        var entries: [StreamKey: Entry] = [:]
        var observers: [@Sendable (StreamEvent) -> Void] = []
        var lastGeneration: UInt64 = 0
    }

    private let configuration: Stream.Configuration
    private let state = Mutex(State())
    /// Of publishers that have ended. A lock of its own: it is taken under a stream's.
    private let ended = Mutex<[PublishType: IngestTotals]>([:])

    public init(configuration: Stream.Configuration = .init()) {
        self.configuration = configuration
    }

    /// Told of every event from now on, outside all locks, on the thread that caused it; must not block.
    public func observe(_ observer: @escaping @Sendable (StreamEvent) -> Void) {
        self.state.withLock { $0.observers.append(observer) }
    }

    /// The stream, when somebody publishes to it, reads it or holds it.
    public func find(_ key: StreamKey) -> Stream? {
        self.state.withLock { $0.entries[key]?.stream }
    }

    /// The stream, made if there is none: a reader may wait on an idle one.
    public func open(_ key: StreamKey) -> Stream {
        self.state.withLock { state in
            if let stream = state.entries[key]?.stream { return stream }
            let stream = Stream(
                key: key, configuration: self.configuration, emit: { [weak self] in self?.emit($0) },
                // What renditions are made of came in once, with their source.
                account: { [weak self] in if key.renditionHeight == 0 { self?.account($0, $1) } }, onDeinit: { [weak self] in self?.forget($0) })
            state.entries[key] = Entry(stream: stream)
            return stream
        }
    }

    /// All streams that somebody publishes, in no particular order; renditions, which this server makes itself, are not among them.
    public func publishing() -> [Stream] {
        let all = self.state.withLock { state in state.entries.filter { $0.key.renditionHeight == 0 }.values.map(\.stream) }
        return all.compactMap { $0 }.filter { $0.generation != nil }
    }

    /// Those of them that are live for readers: their tracks are known.
    public func live() -> [Stream] {
        self.publishing().filter(\.isLive)
    }

    /// Makes `source` the stream's publisher. Refused as `alreadyPublishing` while another one is there that is neither silent nor presented the
    /// same credential; otherwise that one is replaced and asked to leave.
    public func publish(_ key: StreamKey, source: PublishSource, now: NIODeadline) -> Result<Publisher, PublishRefusal> {
        let stream = self.open(key)
        let generation = self.state.withLock { state in
            state.lastGeneration += 1
            return state.lastGeneration
        }
        return stream.beginPublishing(source, generation: generation, now: now)
    }

    /// Whether somebody with this credential could publish now: nobody else does, or may be replaced.
    public func isFree(_ key: StreamKey, for credential: String?, now: NIODeadline) -> Bool {
        self.find(key)?.isFree(for: credential, now: now) ?? true
    }

    /// Asks the current publisher to leave; false when there is none.
    public func stop(_ key: StreamKey, reason: PublishStop) -> Bool {
        self.find(key)?.requestStop(reason) ?? false
    }

    /// What publishers have sent since the start, by protocol. Only grows.
    public func totals() -> [PublishType: IngestTotals] {
        let running = self.publishing().compactMap { $0.runningTotals() }
        var totals = self.ended.withLock { $0 }
        for session in running { totals[session.type, default: .init()] += session.totals }
        return totals
    }

    private func account(_ type: PublishType, _ totals: IngestTotals) {
        self.ended.withLock { $0[type, default: .init()] += totals }
    }

    private func emit(_ event: StreamEvent) {
        for observer in self.state.withLock({ $0.observers }) { observer(event) }
    }

    private func forget(_ key: StreamKey) {
        // Another stream of the same name may have been opened since. It is handed out of the lock, so that it cannot be let go under it.
        _ = self.state.withLock { state -> Stream? in
            guard let entry = state.entries[key] else { return nil }
            let successor = entry.stream
            if successor == nil { state.entries[key] = nil }
            return successor
        }
    }
}
