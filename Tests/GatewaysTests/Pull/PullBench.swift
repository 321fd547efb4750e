import AV
import Logging
import Media
import NIOCore
import Streams
import Synchronization
import Testing

@testable import Gateways

/// A pull of scripts in virtual time, with everything it published and told.
final class PullBench: Sendable {
    let opener = ScriptedOpener()
    let streams: StreamDirectory
    let clock = VirtualPullClock()
    let stream: Stream
    private let reader: StreamReader
    private let threads: PullThreads
    private let line = PullEventLine()
    private let events: AsyncStream<PullEvent>
    private let tell: AsyncStream<PullEvent>.Continuation
    private let session = Mutex<RunningPull?>(nil)
    private let items = Mutex<[StreamItem]>([])

    init(
        threads: Int = 64, streams: StreamDirectory = StreamDirectory(configuration: .init(takeoverSilence: .hours(1))), view: StreamView = .universal
    ) {
        self.streams = streams
        self.threads = PullThreads(limit: threads)
        self.stream = self.streams.open(StreamKey("s"))
        self.reader = self.stream.attach(limits: .init(bytes: 1 << 30, duration: MediaTime(milliseconds: 1 << 40)), from: .live, view: view, wake: {})
        (self.events, self.tell) = AsyncStream.makeStream()
    }

    func start(
        _ content: PullPlan.Content, retryDelay: Duration = .seconds(3), onEvent: @escaping @Sendable (PullEvent, RunningPull) -> Void = { _, _ in }
    ) -> RunningPull {
        var configuration = Puller.Configuration(libraryDirectory: "/nowhere")
        configuration.retryDelay = retryDelay
        let environment = PullEnvironment(
            configuration: configuration, streams: self.streams, opener: self.opener, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            wallClock: { 1_700_000_000_000 }, chance: { 0 }, makeClock: { [clock = self.clock] in clock }, threads: self.threads, events: self.line,
            onEnd: { _ in })
        let pull = RunningPull(PullPlan(id: "s", content: content), environment: environment) { [weak self] event in
            guard let self else { return }
            if let pull = self.session.withLock({ $0 }) { onEvent(event, pull) }
            self.tell.yield(event)
            if case .finished = event { self.tell.finish() }
        }
        self.session.withLock { $0 = pull }
        pull.begin()
        return pull
    }

    func threadsHaveEnded() async {
        await withCheckedContinuation { done in self.threads.whenEmpty { done.resume() } }
    }

    /// All events up to the end.
    func eventsToTheEnd() async -> [PullEvent] {
        var all: [PullEvent] = []
        for await event in self.events { all.append(event) }
        return all
    }

    /// Waits for the first event that is wanted. Those before it are gone.
    func wait(for isWanted: @escaping (PullEvent) -> Bool) async throws {
        for await event in self.events where isWanted(event) { return }
        throw Missing()
    }

    struct Missing: Error {}

    /// What the hub gave to its reader.
    func published() -> [StreamItem] {
        self.items.withLock { items in
            while let item = self.reader.next() { items.append(item) }
            return items
        }
    }

    func frames(_ kind: MediaKind = .video) -> [EncodedFrame] {
        self.published().compactMap { item in
            if case .frame(let frame) = item, frame.kind == kind { frame } else { nil }
        }
    }

    /// The pictures' payloads: `url:number`.
    func pictures() -> [String] { self.frames().map { String(buffer: $0.payload) } }

    /// How many sets of tracks the reader was given.
    func trackSets() -> [[Track]] {
        self.published().compactMap { item in if case .tracks(let tracks) = item { tracks } else { nil } }
    }
}

func pictures(_ url: String, _ numbers: Range<Int>) -> [String] { numbers.map { "\(url):\($0)" } }

/// With the first difference in place of thousands of names.
func expectSame(_ found: [String], _ wanted: [String], sourceLocation: SourceLocation = #_sourceLocation) {
    let place = zip(found, wanted).enumerated().first { $1.0 != $1.1 }?.offset ?? min(found.count, wanted.count)
    let (one, other) = (found.dropFirst(place).first ?? "nothing", wanted.dropFirst(place).first ?? "nothing")
    #expect(
        found.count == wanted.count && one == other, "\(found.count) for \(wanted.count); at \(place) \(one) in place of \(other)",
        sourceLocation: sourceLocation)
}
