public import AV
public import Egress
public import Logging
public import Streams
import Synchronization

/// Everything that is fetched: cameras, stream URLs, files and playlists. Each pull has a thread of its own; a sequence has a second one while it
/// opens its next item.
public final class Puller: Sendable {
    /// How RTSP media is carried.
    public enum RTSPTransport: String, Sendable, CaseIterable {
        /// Interleaved in the connection; by datagrams when the server does not do that.
        case auto
        case tcp
        case udp
    }

    public struct Configuration: Sendable {
        /// After a first failure; it doubles with every further one.
        public var retryDelay = Duration.seconds(3)
        public var longestRetryDelay = Duration.seconds(60)
        /// For connecting and finding out what is sent.
        public var openTimeout = Duration.seconds(10)
        /// A source that sends nothing for so long is lost.
        public var readTimeout = Duration.seconds(10)
        /// Where a URL does not say it (`rtsp_transport=`).
        public var rtspTransport = RTSPTransport.auto
        /// Sound that HLS and RTMP cannot carry becomes AAC; left out otherwise.
        public var transcodesAudio = true
        /// Where the files of `vod:` URLs are.
        public var libraryDirectory: String
        /// Directories of the host that links in it may lead to.
        public var importDirectories: [String] = []
        /// What the items of sequences are brought to that ask for it.
        public var normalFormat = NormalFormat()
        /// How much of a source is looked at to find out what it holds, at most.
        public var analyzeDuration = Duration.milliseconds(1_500)
        /// At a time; more are refused.
        public var maximumPulls = 500

        public init(libraryDirectory: String) {
            self.libraryDirectory = libraryDirectory
        }
    }

    /// How many there are now.
    public struct Counts: Sendable, Equatable {
        public var running = 0
        public var preparing = 0
        public var broadcasting = 0
        public var retrying = 0
        /// Of pulls that run and of some that have ended and whose peers still hold them up.
        public var threads = 0
    }

    private struct State {
        var pulls: [ObjectIdentifier: RunningPull] = [:]
        var isOpen = true
    }

    private final class Registry: Sendable {
        let state = Mutex(State())
    }

    private static let probeThreads = 4

    private let opener: InputOpener
    private let environment: PullEnvironment
    private let limit: Int
    private let registry: Registry
    private let events: PullEventLine
    private let threads: PullThreads
    private let probes = BlockingPool(name: "pull-probe", threads: Puller.probeThreads, waiting: 256)

    /// - Parameter wallClock: milliseconds since 1970.
    public convenience init(
        configuration: Configuration, streams: StreamDirectory, policy: AddressPolicy, logger: Logger, wallClock: @escaping @Sendable () -> Int64
    ) {
        let opener = InputOpener(configuration: configuration, policy: policy)
        self.init(configuration: configuration, streams: streams, opener: opener, logger: logger, wallClock: wallClock)
    }

    init(
        configuration: Configuration, streams: StreamDirectory, opener: InputOpener, logger: Logger, wallClock: @escaping @Sendable () -> Int64
    ) {
        self.opener = opener
        self.limit = max(configuration.maximumPulls, 1)
        let registry = Registry()
        self.registry = registry
        self.events = PullEventLine()
        // Two for each pull, and as many again for those that were given up and still wait for the system.
        self.threads = PullThreads(limit: max(configuration.maximumPulls, 1) * 4)
        self.environment = PullEnvironment(
            configuration: configuration, streams: streams, opener: opener, logger: logger, wallClock: wallClock, threads: self.threads,
            events: self.events, onEnd: { pull in _ = registry.state.withLock { $0.pulls.removeValue(forKey: ObjectIdentifier(pull)) } })
    }

    /// Begins to pull; the session runs until it is stopped, or a list is at its end. `onEvent` is called on one thread for all pulls, in order, and
    /// must not block; `finished` is the last.
    public func start(_ plan: PullPlan, onEvent: @escaping @Sendable (PullEvent) -> Void) -> any PullSession {
        let pull = RunningPull(plan, environment: self.environment, onEvent: onEvent)
        let isAdmitted = self.registry.state.withLock { state in
            guard state.isOpen, state.pulls.count < self.limit else { return false }
            state.pulls[ObjectIdentifier(pull)] = pull
            return true
        }
        if isAdmitted { pull.begin() } else { pull.refuse() }
        return pull
    }

    /// Why something may not be pulled, as far as that can be told without contacting anybody; nil when it may.
    public func refusal(of item: PullItem) -> PullFailure? { self.opener.refusal(of: item) }

    /// Opens an item, looks at it and lets it go again.
    public func probe(_ item: PullItem, within: Duration) async -> Result<MediaProbe, PullFailure> {
        if let refusal = self.refusal(of: item) { return .failure(refusal) }
        let interrupt = Interrupt()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = Answer(continuation)
                let opener = self.opener
                let isQueued = self.probes.execute {
                    opener.guarded {
                        do throws(PullFailure) {
                            answer.give(.success(try opener.probe(item, within: within, interrupt: interrupt)))
                        } catch {
                            answer.give(.failure(error))
                        }
                    }
                }
                guard isQueued else { return answer.give(.failure(PullFailure(cause: .other, text: "too many sources are being looked at"))) }
                // A name lookup asks no interrupt, and the job may have to wait for a thread.
                self.events.after(within) {
                    interrupt.cancel()
                    answer.give(.failure(PullFailure(cause: .timedOut, text: "no answer in time")))
                }
            }
        } onCancel: {
            interrupt.cancel()
        }
    }

    /// Stops all pulls and waits for their threads, two seconds at most. No further one starts.
    public func shutdown() async {
        let pulls = self.registry.state.withLock { state in
            state.isOpen = false
            return Array(state.pulls.values)
        }
        for pull in pulls { pull.stop() }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let answer = Answer(continuation)
            self.threads.whenEmpty { answer.give(()) }
            self.events.after(.seconds(2)) { answer.give(()) }
        }
    }

    /// For metrics.
    public var counts: Counts {
        var counts = Counts()
        for pull in self.registry.state.withLock({ Array($0.pulls.values) }) {
            counts.running += 1
            switch pull.status.state {
            case .preparing: counts.preparing += 1
            case .broadcasting: counts.broadcasting += 1
            case .retrying: counts.retrying += 1
            case .idle, .finished: break
            }
        }
        counts.threads = self.threads.count
        return counts
    }
}

/// What a caller waits for: the first one counts.
private final class Answer<Value: Sendable>: Sendable {
    private let continuation: Mutex<CheckedContinuation<Value, Never>?>

    init(_ continuation: CheckedContinuation<Value, Never>) {
        self.continuation = Mutex(continuation)
    }

    func give(_ value: Value) {
        let continuation = self.continuation.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        continuation?.resume(returning: value)
    }
}
