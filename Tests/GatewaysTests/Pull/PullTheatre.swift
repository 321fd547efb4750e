import AV
import Egress
import Foundation
import Logging
import Media
import NIOCore
import Streams
import Synchronization
import Testing

@testable import Gateways

/// A puller on real inputs, with a reader of what it publishes.
final class PullTheatre: Sendable {
    let files: PullFilesBox
    let puller: Puller
    let streams = StreamDirectory()
    let stream: Streams.Stream
    let log = LogLines()
    private let reader: StreamReader
    private let wakes: AsyncStream<Void>
    private let items = Mutex<[(item: StreamItem, at: NIODeadline)]>([])
    private let events: AsyncStream<PullEvent>
    private let tell: AsyncStream<PullEvent>.Continuation

    init(allowsLocal: Bool = true, _ change: (inout Puller.Configuration) -> Void = { _ in }) throws {
        self.files = PullFilesBox(try PullFiles())
        var configuration = Puller.Configuration(libraryDirectory: self.files.value.directory)
        configuration.retryDelay = .milliseconds(50)
        // A test of a limit sets its own.
        configuration.openTimeout = .seconds(60)
        configuration.readTimeout = .seconds(60)
        change(&configuration)
        let log = self.log
        self.puller = Puller(
            configuration: configuration, streams: self.streams, policy: AddressPolicy(allowsLocal: allowsLocal),
            logger: Logger(label: "test") { _ in log.handler }, wallClock: { Int64(Date().timeIntervalSince1970 * 1000) })
        self.stream = self.streams.open(StreamKey("s"))
        let (wakes, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.wakes = wakes
        self.reader = self.stream.attach(
            limits: .init(bytes: 1 << 30, duration: MediaTime(milliseconds: 1 << 40)), from: .live, wake: { wake.yield() })
        (self.events, self.tell) = AsyncStream.makeStream()
    }

    func live(_ url: String, username: String? = nil, password: String? = nil) -> any PullSession {
        self.start(.live(PullItem(url: url, username: username, password: password, isFile: false)))
    }

    func list(_ urls: [String], loops: Bool = false, start: MediaTime = .zero, normalises: Bool = false) -> any PullSession {
        let items = urls.map { PullItem(url: $0, start: start, isFile: true) }
        return self.start(.sequence(PullSequence(items: items, loops: loops, normalises: normalises)))
    }

    func start(_ content: PullPlan.Content) -> any PullSession {
        self.puller.start(PullPlan(id: "s", content: content)) { [tell = self.tell] event in
            tell.yield(event)
            if case .finished = event { tell.finish() }
        }
    }

    /// The first event that gives a value. Those before it are gone.
    func event<Value>(_ wanted: (PullEvent) -> Value?) async throws -> Value {
        for await event in self.events {
            if let value = wanted(event) { return value }
        }
        throw PullBench.Missing()
    }

    func failure() async throws -> PullFailure {
        try await self.event { event in if case .retrying(let failure, _, _) = event { failure } else { nil } }
    }

    func finished() async throws {
        try await self.event { event in if case .finished = event { () } else { nil } }
    }

    private func drain() -> [(item: StreamItem, at: NIODeadline)] {
        self.items.withLock { items in
            while let item = self.reader.next() { items.append((item, .now())) }
            return items
        }
    }

    /// Everything that was published so far.
    func published() -> [StreamItem] { self.drain().map(\.item) }

    /// Waits until the hub has given so many frames of a kind.
    func frames(_ kind: MediaKind = .video, atLeast count: Int) async -> [EncodedFrame] {
        var frames = self.frames(kind)
        if frames.count >= count { return frames }
        for await _ in self.wakes {
            frames = self.frames(kind)
            if frames.count >= count { break }
        }
        return frames
    }

    func frames(_ kind: MediaKind) -> [EncodedFrame] {
        self.published().compactMap { item in if case .frame(let frame) = item, frame.kind == kind { frame } else { nil } }
    }

    var trackSets: [[Track]] { self.published().compactMap { item in if case .tracks(let tracks) = item { tracks } else { nil } } }
}

/// `PullFiles` is only used by its test.
// The folder's name never changes, and a test calls it from one task.
final class PullFilesBox: @unchecked Sendable {
    let value: PullFiles
    init(_ value: PullFiles) { self.value = value }
}

/// What was logged.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { self.lines.withLock { $0 } }
    var handler: any LogHandler { Handler(lines: self) }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let fields = (event.metadata ?? [:]).map { "\($0)=\($1)" }.sorted().joined(separator: " ")
            self.lines.lines.withLock { $0.append("\(event.level) \(event.message) \(fields)") }
        }
    }
}
