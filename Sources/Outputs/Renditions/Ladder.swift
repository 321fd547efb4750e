public import Logging
public import Media
import NIOCore
public import Streams
import Synchronization

/// The renditions of one stream, from its start until its publisher goes: decoded once, encoded for each height, each a stream of its own beside the
/// source, with the source's times and keyframes at the same places.
///
/// All the work is done on a thread of the ladder's own, which stands back for others. It reads the stream as any output does: what it cannot keep up
/// with is lost to the renditions, never to the source. It ends by itself when the publisher goes, after what was published last.
public final class Ladder: Sendable {
    public struct Configuration: Sendable {
        /// Of x264.
        public var preset: String
        /// Of each encoder, 1…
        public var threads: Int
        /// What may wait for the decoder.
        public var queue: StreamReader.Limits

        public init(
            preset: String = "veryfast", threads: Int = 2,
            queue: StreamReader.Limits = .init(bytes: 32 << 20, duration: MediaTime(milliseconds: 6_000))
        ) {
            self.preset = preset
            self.threads = threads
            self.queue = queue
        }
    }

    /// What a ladder needs beside its stream.
    public struct Environment: Sendable {
        public var configuration: Configuration
        public var streams: StreamDirectory
        public var board: RenditionBoard
        public var slots: EncoderSlots
        public var logger: Logger
        /// Milliseconds since 1970.
        public var wallClock: @Sendable () -> Int64

        public init(
            configuration: Configuration = .init(), streams: StreamDirectory, board: RenditionBoard, slots: EncoderSlots, logger: Logger,
            wallClock: @escaping @Sendable () -> Int64
        ) {
            self.configuration = configuration
            self.streams = streams
            self.board = board
            self.slots = slots
            self.logger = logger
            self.wallClock = wallClock
        }
    }

    private let stream: Stream
    private let limits: StreamReader.Limits
    private let worker: LadderWorker
    private let hasStarted = Atomic<Bool>(false)

    /// - Parameters:
    ///   - onEvent: on the ladder's thread; must not block.
    ///   - onClosed: once, after everything else, when the ladder was started.
    public init(
        stream: Stream, settings: [RenditionSetting], environment: Environment, onEvent: @escaping @Sendable (LadderEvent) -> Void,
        onClosed: @escaping @Sendable () -> Void
    ) {
        self.stream = stream
        self.limits = environment.configuration.queue
        self.worker = LadderWorker(
            source: stream, settings: settings, environment: environment, onEvent: onEvent, onClosed: onClosed)
    }

    /// - Parameter start: `latestGroup` for a stream that has just begun, `live` when it had renditions before, which must not be made twice.
    /// - Returns: false when there is no thread for it; then nothing was begun, and `onClosed` is not called.
    public func start(from start: StreamStart) -> Bool {
        guard self.hasStarted.compareExchange(expected: false, desired: true, ordering: .sequentiallyConsistent).exchanged else { return false }
        let worker = self.worker
        let reader = self.stream.attach(limits: self.limits, from: start, wake: { worker.wake() })
        guard worker.begin(reader) else {
            reader.detach()
            return false
        }
        return true
    }

    /// What is wished for has changed. Renditions that are wished for as before go on undisturbed; others begin at the next keyframe.
    /// - Returns: false when it has ended by itself, and takes nothing more.
    public func change(to settings: [RenditionSetting]) -> Bool {
        self.worker.change(to: settings)
        return !self.worker.isEnding.load(ordering: .sequentiallyConsistent)
    }

    /// Ends all renditions; `onClosed` follows.
    public func stop() {
        guard self.hasStarted.load(ordering: .sequentiallyConsistent) else { return }
        self.worker.requestStop()
    }

    /// Pictures that were not encoded because the machine could not keep up.
    public var droppedFrames: Int { self.worker.dropped.load(ordering: .relaxed) }
}

public enum LadderEvent: Sendable, Equatable {
    /// It is live, or will be with its first frame.
    case started(Rendition)
    /// A rendition could not be begun. It is not tried again before the settings or the source's pictures change.
    case notStarted(height: Int, reason: String)
    /// It ended while the source goes on, and does not come back before the next publish.
    case failed(height: Int, reason: String)
    /// The same, because the machine could not keep up.
    case shed(height: Int)
}
