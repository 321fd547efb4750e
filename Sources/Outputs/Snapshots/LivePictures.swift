public import AV
public import Logging
import Media
public import NIOCore
public import Streams
import Synchronization

/// Still pictures of live streams, made of their newest keyframe: when somebody asks, and, where that is set, again and again into a folder.
/// Owned by the composition root; safe to use from anywhere.
///
/// Nothing is decoded but that keyframe, by a decoder that lives as long. All pictures are made one after the other on one thread that stands back
/// for others; who asks for a picture that is being made waits for that one. Pictures that were asked for are kept in memory until they are
/// older than the period, their stream ends, or newer ones need the room.
public final class LivePictures: Sendable {
    public struct Configuration: Sendable {
        /// Absolute; must exist. Holds `{id}.{format}` of live streams and `{id}_finished.{format}` of ended ones.
        public var directory: String
        /// Writes pictures of all live streams there.
        public var generates: Bool
        /// Between two pictures of one stream.
        public var period: TimeAmount
        /// Pixels; pictures are not higher than that, nor than their source.
        public var height: Int
        /// Of the files.
        public var format: PictureFormat
        /// How long who asks waits.
        public var patience: TimeAmount
        /// Bytes of pictures in memory.
        public var memory: Int
        /// Files in the folder; the oldest go when there are more.
        public var mostFiles: Int

        public init(
            directory: String, generates: Bool = false, period: TimeAmount = .seconds(5), height: Int = 480, format: PictureFormat = .png,
            patience: TimeAmount = .seconds(5), memory: Int = 32 << 20, mostFiles: Int = 20_000
        ) {
            self.directory = directory
            self.generates = generates
            self.period = period
            self.height = height
            self.format = format
            self.patience = patience
            self.memory = memory
            self.mostFiles = mostFiles
        }
    }

    public enum Reply: Sendable, Equatable {
        /// The tag is another one for every other picture.
        case picture(ByteBuffer, tag: String)
        /// There is no picture in that stream, or none that can be decoded.
        case none
        /// There is none yet, or too many are being made: worth another try.
        case unavailable
    }

    /// Requests that may wait for pictures.
    static let mostWaiting = 4_096
    /// Streams ended between two looks at how many files there are.
    private static let sweepPeriod = 1_000

    private let configuration: Configuration
    private let streams: StreamDirectory
    private let logger: Logger
    private let pool: BlockingPool
    private let state: Mutex<PictureBoard>
    /// Makes pictures when they are due; cancelled by `stop`.
    private let ticker = Mutex<Task<Void, Never>?>(nil)
    private let ended = Atomic<Int>(0)
    private let isStopping = Atomic<Bool>(false)
    private let now: @Sendable () -> NIODeadline
    private let encode: @Sendable (StreamKeyframe, PictureFormat, Int) throws(AVFailure) -> [UInt8]

    public convenience init(configuration: Configuration, streams: StreamDirectory, logger: Logger) {
        self.init(
            configuration: configuration, streams: streams, logger: logger,
            pool: BlockingPool(name: "martlet-picture", threads: 1, waiting: 1_024, niceness: 5), now: { .now() },
            encode: { keyframe, format, height throws(AVFailure) in
                try StillPicture.encode(keyframe.frame, of: keyframe.track, as: format, height: height)
            })
    }

    init(
        configuration: Configuration, streams: StreamDirectory, logger: Logger, pool: BlockingPool, now: @escaping @Sendable () -> NIODeadline,
        encode: @escaping @Sendable (StreamKeyframe, PictureFormat, Int) throws(AVFailure) -> [UInt8]
    ) {
        self.configuration = configuration
        self.streams = streams
        self.logger = logger
        self.pool = pool
        self.now = now
        self.encode = encode
        self.state = Mutex(PictureBoard(period: configuration.period, memory: configuration.memory, mostWaiting: Self.mostWaiting))
    }

    // MARK: Asking

    /// How names of pictures may end, without the dot.
    public static let endings = Set(PictureFormat.allCases.map(\.fileExtension))

    /// The newest picture of a live stream, or one that is not older than the period, of the format that `ending` stands for. Nil: no such stream is
    /// live, or no such format. Quick, and touches no disk.
    public func picture(of id: String, ending: String, on eventLoop: any EventLoop) -> EventLoopFuture<Reply>? {
        guard let format = PictureFormat(rawValue: ending), let stream = self.streams.find(StreamKey(id)), stream.isLive else { return nil }
        guard let keyframe = stream.newestKeyframe() else {
            let hasVideo = stream.tracks.contains { $0.kind == .video }
            return eventLoop.makeSucceededFuture(hasVideo ? .unavailable : .none)
        }
        let promise = eventLoop.makePromise(of: Reply.self)
        // On this loop alone, so that only one of the two answers.
        let waiter = PictureWaiter(promise: promise, patience: self.configuration.patience)
        let key = PictureBoard.Key(id: id, format: format)
        let decision = self.state.withLock { $0.asked(key, for: PictureBoard.Origin(keyframe), waiter: waiter, now: self.now()) }
        switch decision {
        case .reply(let reply): waiter.answer(reply)
        case .wait: break
        case .make:
            if !self.pool.execute({ self.make(key, keyframe) }) { self.finish(key, .init(keyframe), .failure(.full)) }
        }
        return promise.futureResult
    }

    private func make(_ key: PictureBoard.Key, _ keyframe: StreamKeyframe) {
        // `stop` waits for its turn behind all that were asked for.
        guard !self.isStopping.load(ordering: .relaxed) else { return self.finish(key, .init(keyframe), .failure(.full)) }
        do throws(AVFailure) {
            let bytes = try self.encode(keyframe, key.format, self.configuration.height)
            self.finish(key, .init(keyframe), .success(ByteBuffer(bytes: bytes)))
        } catch {
            self.logger.debug("no picture of a keyframe", metadata: ["stream": "\(key.id)", "reason": "\(error)"])
            self.finish(key, .init(keyframe), .failure(.impossible))
        }
    }

    private func finish(_ key: PictureBoard.Key, _ origin: PictureBoard.Origin, _ result: Result<ByteBuffer, PictureBoard.Failure>) {
        let (waiters, reply) = self.state.withLock { $0.made(key, of: origin, result, now: self.now()) }
        for waiter in waiters { waiter.answer(reply) }
    }

    /// Bytes of pictures in memory, for metrics.
    public var memory: Int { self.state.withLock { $0.bytes } }

    // MARK: Running

    /// Tidies the folder, and begins to make pictures where that is set. Touches the disk.
    public func start() {
        PictureFile.sweep(self.configuration.directory, most: self.configuration.mostFiles)
        guard self.configuration.generates else { return }
        let task = Task { [weak self] in
            while true {
                do { try await Task.sleep(for: .seconds(1)) } catch { return }
                guard let self else { return }
                self.tick()
            }
        }
        self.ticker.withLock { $0 = task }
    }

    /// Begins no more pictures, tells who waits that there is none, and returns when the last ones of streams that have ended are in their places.
    public func stop() async {
        self.ticker.withLock { $0 }?.cancel()
        self.isStopping.store(true, ordering: .relaxed)
        do throws(BlockingPool.Refusal) { try await self.pool.run {} } catch { return }
    }

    public func streamBecameLive(_ id: String) {
        guard self.configuration.generates else { return }
        self.state.withLock { $0.schedule(id, now: self.now()) }
        self.tick()
    }

    public func streamEnded(_ id: String) {
        let isScheduled = self.state.withLock { $0.ended(id) }
        guard isScheduled else { return }
        // After a picture that is being made: there is one thread.
        self.pool.execute {
            let ending = self.configuration.format.fileExtension
            do throws(AVFailure) {
                try PictureFile.copy("\(id).\(ending)", to: "\(id)_finished.\(ending)", in: self.configuration.directory)
            } catch {
                // Its stream had no picture, or was over before the first.
                self.logger.debug("no last picture", metadata: ["stream": "\(id)", "reason": "\(error)"])
            }
            guard self.ended.wrappingAdd(1, ordering: .relaxed).newValue.isMultiple(of: Self.sweepPeriod) else { return }
            PictureFile.sweep(self.configuration.directory, most: self.configuration.mostFiles)
        }
    }

    /// Removes the files of a broadcast that is no more.
    public func forget(_ id: String) {
        self.pool.execute {
            for format in PictureFormat.allCases {
                for name in ["\(id).\(format.fileExtension)", "\(id)_finished.\(format.fileExtension)"] {
                    PictureFile.remove(name, in: self.configuration.directory)
                }
            }
        }
    }

    /// Begins what is due.
    func tick() {
        for id in self.state.withLock({ $0.takeDue(now: self.now()) }) {
            if !self.pool.execute({ self.refresh(id) }) { self.state.withLock { $0.refreshed(id, of: nil) } }
        }
    }

    /// Writes a new file, if there is a new keyframe.
    private func refresh(_ id: String) {
        let keyframe = self.streams.find(StreamKey(id))?.newestKeyframe()
        let origin = keyframe.map { PictureBoard.Origin($0) }
        guard !self.isStopping.load(ordering: .relaxed), let keyframe, let origin, self.state.withLock({ $0.isNew(origin, for: id) }) else {
            return self.state.withLock { $0.refreshed(id, of: nil) }
        }
        do throws(AVFailure) {
            let bytes = try self.encode(keyframe, self.configuration.format, self.configuration.height)
            try PictureFile.write(bytes, to: "\(id).\(self.configuration.format.fileExtension)", in: self.configuration.directory)
            // Who asks for the same gets this one.
            self.finish(.init(id: id, format: self.configuration.format), origin, .success(ByteBuffer(bytes: bytes)))
        } catch {
            self.logger.warning("a preview picture was not made", metadata: ["stream": "\(id)", "reason": "\(error)"])
        }
        self.state.withLock { $0.refreshed(id, of: origin) }
    }
}
