import AV
public import Logging
public import Media
public import NIOCore
public import Streams
import Synchronization

/// Writes one stream to disk, from the newest keyframe on, until it is stopped, the stream ends, or the disk is full.
///
/// Files: one, unless the stream changes in a way that a file cannot (another codec, size or set of tracks) or the writer fails: then the file is
/// finished and the next one (`_1`, `_2`, …) begins at the next keyframe. `onEnd` is called once for each file, when it has its final name
/// or is known to be lost; then `onClosed` once, after the last of them. Both come on threads that may block.
///
/// The stream is drained and the disk written on a thread of the recorder's own, about once in a fragment, so neither an event loop nor the publisher
/// ever waits for a disk. One that is too slow costs this recording whole groups of pictures, which are counted.
///
/// A webm is encoded on that thread, ten times a second, where the stream is not of its codecs; the thread then stands back for others, and pictures
/// that it has no time for are left out and counted.
public final class Recorder: Sendable {
    public struct Configuration: Sendable {
        /// Media time in one fragment. With what waits in memory it makes up the second that a killed process may lose.
        public var fragmentDuration: MediaTime
        /// Less than this left on the disk stops the recording before the disk is really full.
        public var minimumFreeBytes: Int64
        /// How often the file is handed to the device; bounds what a power failure costs.
        public var syncInterval: TimeAmount
        /// What may wait for a slow disk.
        public var queue: StreamReader.Limits
        /// Failures in a row after which the recorder gives up; each waits twice as long as the one before for its next try, beginning with a second.
        public var retries: Int
        /// For webm, where pictures or sound have to be encoded.
        public var webM: WebMEncoding

        public init(
            fragmentDuration: MediaTime = MediaTime(milliseconds: 800), minimumFreeBytes: Int64 = 100_000_000,
            syncInterval: TimeAmount = .seconds(10),
            queue: StreamReader.Limits = .init(bytes: 32 << 20, duration: MediaTime(milliseconds: 20_000)), retries: Int = 5,
            webM: WebMEncoding = .init()
        ) {
            self.webM = webM
            self.fragmentDuration = fragmentDuration
            self.minimumFreeBytes = minimumFreeBytes
            self.syncInterval = syncInterval
            self.queue = queue
            self.retries = retries
        }
    }

    /// Media time that gathers at least before it is taken, and beyond a fragment's: so that what ends one is there when the thread wakes.
    static let gathering = MediaTime(milliseconds: 100)

    private let stream: Stream
    private let request: RecordingRequest
    private let configuration: Configuration
    private let disk: RecordingDisk
    private let completion: RecordingCompletion
    private let worker: RecordingWorker
    private let hasStarted = Atomic<Bool>(false)

    /// - Parameters:
    ///   - onFileStarted: for every file after the first one, which `start()` returns.
    ///   - onProgress: how much of a file's finishing is done, 0…1; only where that takes seconds.
    ///   - onEnd: once for each file.
    ///   - onClosed: once, after everything else.
    public convenience init(
        stream: Stream, request: RecordingRequest, logger: Logger, configuration: Configuration = .init(),
        onFileStarted: @escaping @Sendable (StartedRecording) -> Void = { _ in },
        onProgress: @escaping @Sendable (_ id: String, _ share: Double) -> Void = { _, _ in },
        onEnd: @escaping @Sendable (RecordingOutcome) -> Void, onClosed: @escaping @Sendable () -> Void = {}
    ) {
        self.init(
            stream: stream, request: request, logger: logger, configuration: configuration, disk: .system, pool: .shared,
            onFileStarted: onFileStarted, onProgress: onProgress, onEnd: onEnd, onClosed: onClosed)
    }

    init(
        stream: Stream, request: RecordingRequest, logger: Logger, configuration: Configuration, disk: RecordingDisk, pool: BlockingPool,
        onFileStarted: @escaping @Sendable (StartedRecording) -> Void,
        onProgress: @escaping @Sendable (String, Double) -> Void = { _, _ in }, onEnd: @escaping @Sendable (RecordingOutcome) -> Void,
        onClosed: @escaping @Sendable () -> Void
    ) {
        self.stream = stream
        self.request = request
        self.configuration = configuration
        self.disk = disk
        self.completion = RecordingCompletion(onFileStarted: onFileStarted, onProgress: onProgress, onEnd: onEnd, onClosed: onClosed)
        self.worker = RecordingWorker(
            stream: stream, request: request, configuration: configuration, disk: disk, pool: pool, completion: self.completion, logger: logger)
    }

    deinit {
        // Nobody could stop it any more.
        self.stop()
    }

    /// Claims a file name, makes the directory where it is missing, and attaches to the stream. Touches the disk shortly: not for an event loop.
    /// After a failure nothing was left behind, and neither `onEnd` nor `onClosed` will be called.
    public func start() throws(RecordingFailure) -> StartedRecording {
        guard self.hasStarted.compareExchange(expected: false, desired: true, ordering: .sequentiallyConsistent).exchanged else {
            throw .alreadyStarted
        }
        let name: RecordingName
        do throws(RecordingFailure) {
            if self.needsEncoder, !self.configuration.webM.slots.hasRoom { throw .tooManyEncoders }
            name = try RecordingName.claim(directory: self.request.directory, baseName: self.request.baseName, format: self.request.format)
            if let free = self.disk.freeBytes(name.directory), free < self.configuration.minimumFreeBytes {
                RecordingDisk.remove(name.temporaryPath)
                throw .diskFull
            }
        } catch {
            self.completion.close(silently: true)
            throw error
        }
        let started = StartedRecording(
            id: self.request.id, part: 0, temporaryPath: name.temporaryPath, path: name.path,
            startedAtMilliseconds: RecordingDisk.wallClockMilliseconds())
        self.completion.change(to: .waiting)
        let worker = self.worker
        let reader = self.stream.attach(
            limits: self.configuration.queue, from: self.request.start, view: self.request.format.view, wake: { worker.wake() })
        guard worker.begin(reader, claim: .init(name: name, started: started)) else {
            reader.detach()
            RecordingDisk.remove(name.temporaryPath)
            self.completion.close(silently: true)
            throw .io("no thread for another recording")
        }
        return started
    }

    /// As far as is known now: of a stream that has not begun nothing is.
    private var needsEncoder: Bool {
        self.request.format == .webM && self.stream.tracks.contains { $0.kind == .video && !RecordingFormat.webM.holds($0) }
    }

    /// Pictures that were not encoded because the machine could not keep up.
    public var droppedInEncoding: Int { self.worker.droppedInEncoding.load(ordering: .relaxed) }

    /// Finishes asynchronously what has been published so far. Does nothing when the recorder is ending already or was never started.
    public func stop() {
        guard self.hasStarted.load(ordering: .sequentiallyConsistent) else { return }
        self.worker.requestStop()
    }

    /// Returns after `onClosed`; at once when `start()` has failed or was not called.
    public func waitUntilEnded() async { await self.completion.wait() }

    public var state: RecorderState { self.completion.state }
}
