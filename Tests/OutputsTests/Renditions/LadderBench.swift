import AV
import Logging
import Media
import NIOCore
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Outputs

/// Everything that comes out of a stream, and somebody who waits for it to come so far.
final class Collector: Sendable {
    private struct State {
        var reader: StreamReader?
        var items: [StreamItem] = []
        var newestPicture = MediaTime(microseconds: -1)
        var waiting: [(until: MediaTime, done: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    init(_ stream: Streams.Stream) {
        let reader = stream.attach(limits: .init(bytes: 1 << 30, duration: MediaTime(milliseconds: 3_600_000)), from: .allGroups) { [weak self] in
            self?.drain()
        }
        self.state.withLock { $0.reader = reader }
        self.drain()
    }

    deinit { self.state.withLock { $0.reader }?.detach() }

    private func drain() {
        let due = self.state.withLock { state in
            while let item = state.reader?.next() {
                state.items.append(item)
                if case .frame(let frame) = item, frame.kind == .video { state.newestPicture = max(state.newestPicture, frame.presentationTime) }
                if case .ended = item { state.newestPicture = MediaTime(microseconds: .max) }
            }
            let due = state.waiting.filter { $0.until <= state.newestPicture }
            state.waiting.removeAll { $0.until <= state.newestPicture }
            return due
        }
        for waiter in due { waiter.done.resume() }
    }

    /// Until there is a picture of this time or a later one, or the stream has ended.
    func wait(until time: MediaTime) async {
        await withCheckedContinuation { continuation in
            let isThere = self.state.withLock { state in
                if state.newestPicture >= time { return true }
                state.waiting.append((time, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    var items: [StreamItem] { self.state.withLock { $0.items } }
    var frames: [EncodedFrame] { self.items.compactMap { if case .frame(let frame) = $0 { frame } else { nil } } }
    var pictures: [EncodedFrame] { self.frames.filter { $0.kind == .video } }
    var sounds: [EncodedFrame] { self.frames.filter { $0.kind == .audio } }
    var tracks: [[Track]] { self.items.compactMap { if case .tracks(let tracks) = $0 { tracks } else { nil } } }
    /// When pictures are shown, in order.
    var times: [MediaTime] { self.pictures.map(\.presentationTime).sorted() }
    var keyframeTimes: [MediaTime] { self.pictures.filter(\.isKeyframe).map(\.presentationTime) }
}

/// A source, its ladder, and readers of all its streams.
final class LadderBench: Sendable {
    let directory = StreamDirectory()
    let board = RenditionBoard()
    let slots: EncoderSlots
    let source: Streams.Stream
    let folder: TestFolder
    let events = Noted<[LadderEvent]>([])
    /// Called with each event, on the ladder's thread.
    let duringEvents = Noted<@Sendable (LadderEvent) -> Void>({ _ in })
    /// For each that was told to have started, whether it was to be found by then.
    let found = Noted<[Bool]>([])
    private let closed = Noted<(isClosed: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    init(slots: Int = 8) throws {
        self.folder = try TestFolder("ladder")
        self.slots = EncoderSlots(limit: slots)
        self.source = self.directory.open(StreamKey("cam"))
    }

    func collector(_ height: Int) -> Collector { Collector(self.directory.open(StreamKey("cam", renditionHeight: height))) }

    func ladder(_ settings: [RenditionSetting], queue: StreamReader.Limits = Ladder.Configuration().queue) -> Ladder {
        Ladder(
            stream: self.source, settings: settings,
            environment: .init(
                configuration: .init(preset: "ultrafast", threads: 1, queue: queue), streams: self.directory, board: self.board, slots: self.slots,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, wallClock: { 0 }),
            onEvent: { event in
                self.events.change { $0.append(event) }
                self.duringEvents.value(event)
                guard case .started(let rendition) = event else { return }
                self.found.change { $0.append(self.board.rendition(of: "cam", height: rendition.height) != nil) }
            },
            onClosed: {
                let waiting = self.closed.change { closed in
                    closed.isClosed = true
                    defer { closed.waiting = [] }
                    return closed.waiting
                }
                for waiter in waiting { waiter.resume() }
            })
    }

    func waitUntilClosed() async {
        await withCheckedContinuation { continuation in
            let isClosed = self.closed.change { closed in
                if !closed.isClosed { closed.waiting.append(continuation) }
                return closed.isClosed
            }
            if isClosed { continuation.resume() }
        }
    }

    func publisher(_ tracks: [Track], credential: String? = nil) throws -> Publisher {
        let source = PublishSource(type: .rtmp, remoteAddress: "192.0.2.1", credential: credential, startedAtMilliseconds: 0, stop: { _ in })
        let publisher = try self.directory.publish(self.source.key, source: source, now: .now()).get()
        publisher.expect(video: true, audio: tracks.contains { $0.kind == .audio })
        publisher.announce(tracks)
        return publisher
    }

    /// As fast as a rendition comes after, so that there is no lag. The hub adds at least `shift` to the frames' times.
    func publish(_ frames: [EncodedFrame], to publisher: Publisher, after collector: Collector, shift: MediaTime = .zero) async {
        var start = frames.first?.decodeTime ?? .zero
        for frame in frames {
            if frame.decodeTime - start >= MediaTime(milliseconds: 200) {
                // An encoder looks ahead by ten pictures, a decoder holds back two.
                await collector.wait(until: frame.decodeTime + shift - MediaTime(milliseconds: 700))
                start = frame.decodeTime
            }
            publisher.publish(frame, now: .now())
        }
    }
}
