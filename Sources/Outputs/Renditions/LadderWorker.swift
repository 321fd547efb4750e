import AV
import Logging
import Media
import NIOCore
import Streams
import Synchronization

/// A decoder, and the picture it fills.
private final class Decoding {
    let decoder: Decoder
    let picture: DecodedFrame

    init(_ track: Track) throws(AVFailure) {
        self.decoder = try Decoder(track)
        self.picture = try DecodedFrame()
    }
}

/// A ladder's own thread: takes frames out of the source's reader, decodes them once, and encodes each picture for every rendition.
///
/// *waiting* (no tracks, or nothing that can be decoded) → *running* (a decoder, and the renditions that the newest plan has) → *ended*. A plan is made
/// at the first picture that begins a group after something has changed: the tracks, the pictures' shape, the settings, the publisher.
actor LadderWorker {
    /// Items taken from the reader before other jobs of the thread (a stop, new settings) get their turn.
    private static let batch = 8
    /// How far the thread stands back for those that serve the source.
    private static let niceness = 10
    /// What renditions prove themselves with to the hub: the next encoder run of a height takes over from the one before.
    private static let credential = "ladder"
    private static let mostEarlySound = 128

    private let executor: BlockingExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.executor.asUnownedSerialExecutor() }
    /// Pictures and frames that were not encoded.
    nonisolated let dropped = Atomic<Int>(0)
    /// Told before the last pictures are encoded, which takes a while.
    nonisolated let isEnding = Atomic<Bool>(false)

    private let source: Stream
    private let environment: Ladder.Environment
    private let onEvent: @Sendable (LadderEvent) -> Void
    private let onClosed: @Sendable () -> Void
    private let logger: Logger

    private var settings: [RenditionSetting]
    private var reader: StreamReader?
    private var overflows = 0
    private var readerDrops = 0
    private var video: Track?
    private var decoding: Decoding?
    private var shape: LadderPlan.Source?
    /// Of the pictures since the last one that began a group: not every picture says it.
    private var turn = PictureTurn.none
    private var keyframes = KeyframeRule()
    private var load = EncodingLoad()
    private var sound: LadderSound
    /// Sound that came before there was a rendition, of at most `mostEarlySound` frames: a decoder gives its first picture late.
    private var earlySound = CircularBuffer<EncodedFrame>()
    private var running: [RunningRendition] = []
    /// Of renditions whose encoder has ended with the publisher before; by height. The next encoder of that height takes over from them.
    private var stale: [Int: Publisher] = [:]
    /// Heights that are not tried again for now.
    private var givenUp: Set<Int> = []
    private var needsPlan = true
    private var hasEnded = false

    init(
        source: Stream, settings: [RenditionSetting], environment: Ladder.Environment, onEvent: @escaping @Sendable (LadderEvent) -> Void,
        onClosed: @escaping @Sendable () -> Void
    ) {
        self.executor = BlockingExecutor(name: "ladder", niceness: Self.niceness)
        self.source = source
        self.settings = settings
        self.environment = environment
        self.onEvent = onEvent
        self.onClosed = onClosed
        var logger = environment.logger
        logger[metadataKey: "stream"] = "\(source.key)"
        self.logger = logger
        self.sound = LadderSound(logger: logger)
    }

    // MARK: From any thread

    nonisolated func wake() {
        // Proof for assumeIsolated, here and below: the executor's thread is this actor's.
        self.executor.execute { self.assumeIsolated { $0.drain() } }
    }

    /// False when there is no thread.
    nonisolated func begin(_ reader: StreamReader) -> Bool {
        self.executor.execute { self.assumeIsolated { $0.begin(reader) } }
    }

    nonisolated func change(to settings: [RenditionSetting]) {
        self.executor.execute { self.assumeIsolated { $0.adopt(settings) } }
    }

    nonisolated func requestStop() {
        self.executor.execute { self.assumeIsolated { $0.end() } }
    }

    // MARK: On the thread

    private func begin(_ reader: StreamReader) {
        self.reader = reader
        self.drain()
    }

    private func adopt(_ settings: [RenditionSetting]) {
        guard settings != self.settings else { return }
        self.settings = settings
        self.givenUp = []
        self.needsPlan = true
    }

    private func drain() {
        for _ in 0..<Self.batch {
            guard !self.hasEnded, let item = self.reader?.next() else { return }
            switch item {
            case .tracks(let tracks): self.adopt(tracks)
            case .frame(let frame): self.take(frame)
            case .discontinuity: self.breakOff()
            case .ended: self.end()
            }
        }
        self.executor.execute { self.assumeIsolated { $0.drain() } }
    }

    private func adopt(_ tracks: [Track]) {
        let audio = tracks.first { $0.kind == .audio }
        if audio != self.sound.source {
            self.sound.finish(for: self.running)
            self.sound.begin(audio)
            for rendition in self.running { rendition.announce(sound: self.sound.track(bitrate: rendition.rendition.audioBitrate)) }
        }
        let video = tracks.first { $0.kind == .video }
        guard video != self.video || (video != nil && self.decoding == nil) else { return }
        self.finishDecoding()
        self.video = video
        self.needsPlan = true
        guard let video else { return self.endAll() }
        do throws(AVFailure) {
            self.decoding = try Decoding(video)
        } catch {
            self.logger.warning("no renditions: the source cannot be decoded", metadata: ["codec": "\(video.codec.rawValue)", "reason": "\(error)"])
            self.endAll()
            for setting in self.settings { self.onEvent(.notStarted(height: setting.height, reason: "\(error)")) }
        }
    }

    private func take(_ frame: EncodedFrame) {
        guard frame.kind == .video else {
            if frame.track == self.sound.source?.id { self.take(sound: frame) }
            return
        }
        guard frame.track == self.video?.id, let decoding = self.decoding else { return }
        self.noteLosses()
        if frame.isKeyframe { self.keyframes.sourceKeyframe(at: frame.presentationTime) }
        do throws(AVFailure) {
            try decoding.decoder.send(try Packet(frame))
            try self.encodeDecoded(decoding)
        } catch {
            self.fail(error)
        }
    }

    private func take(sound frame: EncodedFrame) {
        guard self.running.isEmpty else { return self.sound.take(frame, for: self.running) }
        guard self.decoding != nil else { return }
        if self.earlySound.count == Self.mostEarlySound { self.earlySound.removeFirst() }
        self.earlySound.append(frame)
    }

    private func noteLosses() {
        guard let reader = self.reader else { return }
        let overflows = reader.overflows
        guard overflows != self.overflows else { return }
        self.overflows = overflows
        let drops = reader.droppedPictures
        self.load.noteLost(drops - self.readerDrops)
        self.readerDrops = drops
        self.countDrops()
    }

    private func countDrops() {
        let before = self.dropped.exchange(self.load.dropped, ordering: .relaxed)
        self.environment.slots.droppedFrames.wrappingAdd(UInt64(max(0, self.load.dropped - before)), ordering: .relaxed)
    }

    private func encodeDecoded(_ decoding: Decoding) throws(AVFailure) {
        while try decoding.decoder.receive(into: decoding.picture) {
            guard let time = decoding.picture.presentationTime else { continue }
            self.encode(decoding.picture, at: time)
        }
    }

    private func encode(_ picture: borrowing DecodedFrame, at time: MediaTime) {
        let beginsGroup = self.keyframes.beginsGroup(at: time)
        if beginsGroup { self.turn = picture.turn(told: self.video?.video?.turn ?? .none) }
        let shape = LadderPlan.Source(picture, turn: self.turn)
        let isOther = shape != self.shape
        let isKeyframe = beginsGroup || isOther
        if isOther {
            self.shape = shape
            self.needsPlan = true
        }
        if isKeyframe, self.needsPlan { self.plan(shape, color: picture.color, at: time) }
        guard !self.running.isEmpty else { return }
        switch self.load.decide(lag: self.source.newestTime - time, at: time, isKeyframe: isKeyframe) {
        case .encode: break
        case .shed: self.shed()
        case .drop: return self.countDrops()
        }
        for rendition in self.running {
            do throws(AVFailure) {
                try rendition.encode(picture, turn: self.turn, at: time, isKeyframe: isKeyframe)
            } catch {
                self.logger.error("a rendition has failed", metadata: ["height": "\(rendition.rendition.height)", "reason": "\(error)"])
                self.remove(rendition, .lost)
                self.givenUp.insert(rendition.rendition.height)
                self.report()
                self.onEvent(.failed(height: rendition.rendition.height, reason: "\(error)"))
            }
        }
    }

    // MARK: Plans

    /// Makes what runs equal to what is wished for of pictures of this shape.
    private func plan(_ shape: LadderPlan.Source, color: PictureColor, at time: MediaTime) {
        self.needsPlan = false
        let planned = LadderPlan(self.settings, of: shape).renditions.filter { !self.givenUp.contains($0.height) }
        for present in self.running where !planned.contains(present.rendition) {
            let follows = planned.contains { $0.height == present.rendition.height }
            if follows { self.stale[present.rendition.height] = self.retire(present) } else { self.remove(present, .finished) }
        }
        for rendition in planned where !self.running.contains(where: { $0.rendition == rendition }) { self.begin(rendition, color: color) }
        for (height, publisher) in self.stale where !self.running.contains(where: { $0.rendition.height == height }) { publisher.end(.finished) }
        self.stale = [:]
        self.report()
        for frame in self.earlySound where frame.decodeTime >= time && !self.running.isEmpty { self.sound.take(frame, for: self.running) }
        self.earlySound.removeAll()
    }

    private func begin(_ rendition: Rendition, color: PictureColor) {
        guard self.environment.slots.take() else { return self.notBegun(rendition, "as many renditions are made as may be") }
        do throws(AVFailure) {
            let encoder = try PictureEncoder(self.format(of: rendition, color: color))
            guard let publisher = self.publisher(of: rendition) else {
                self.environment.slots.give()
                return self.notBegun(rendition, "another is being published")
            }
            let running = RunningRendition(rendition, encoder: encoder, publisher: publisher)
            running.announce(sound: self.sound.track(bitrate: rendition.audioBitrate))
            self.running.append(running)
            self.logger.info(
                "rendition started",
                metadata: ["size": "\(rendition.width)x\(rendition.height)", "bitrate": "\(rendition.videoBitrate)"])
            // Who hears of it looks for it.
            self.report()
            self.onEvent(.started(rendition))
        } catch {
            self.environment.slots.give()
            self.notBegun(rendition, "\(error)")
        }
    }

    private func notBegun(_ rendition: Rendition, _ reason: String) {
        self.givenUp.insert(rendition.height)
        self.logger.error("rendition not started", metadata: ["height": "\(rendition.height)", "reason": "\(reason)"])
        self.onEvent(.notStarted(height: rendition.height, reason: reason))
    }

    private func publisher(of rendition: Rendition) -> Publisher? {
        let snapshot = self.source.snapshot(now: .now())
        let source = PublishSource(
            type: snapshot?.type ?? .rtmp, remoteAddress: "", credential: Self.credential, keepsTimes: true,
            startedAtMilliseconds: self.environment.wallClock(), stop: { _ in })
        let result = self.environment.streams.publish(rendition.key(of: self.source.key.id), source: source, now: .now())
        guard case .success(let publisher) = result else { return nil }
        return publisher
    }

    private func format(of rendition: Rendition, color: PictureColor) -> Encoder.Video {
        var format = Encoder.Video(
            width: rendition.width, height: rendition.height, frameRate: self.source.expectedFrameRate(of: self.video),
            bitrate: rendition.videoBitrate, keyframeInterval: 0, preset: self.environment.configuration.preset,
            threads: self.environment.configuration.threads)
        format.color = color
        return format
    }

    /// The one that is worth least: what nobody reads, and of that the tallest, which costs most and is nearest to the source, so that its viewers have
    /// the source to go to. The last one stays, with as many pictures as there is time for.
    private func shed() {
        guard self.running.count > 1 else { return }
        let tallestFirst = self.running.sorted { $0.rendition.height > $1.rendition.height }
        guard let least = tallestFirst.first(where: { $0.publisher.stream.readerCount == 0 }) ?? tallestFirst.first else { return }
        self.logger.warning("a rendition is shed: the machine cannot keep up", metadata: ["height": "\(least.rendition.height)"])
        self.givenUp.insert(least.rendition.height)
        self.remove(least, .finished)
        self.report()
        self.onEvent(.shed(height: least.rendition.height))
    }

    // MARK: Endings

    /// Another publisher comes: what there is is finished, and what follows is encoded afresh.
    private func breakOff() {
        self.finishDecoding()
        self.sound.finish(for: self.running)
        for rendition in self.running { self.stale[rendition.rendition.height] = self.retire(rendition) }
        self.sound.begin(nil)
        self.earlySound.removeAll()
        self.video = nil
        self.shape = nil
        self.keyframes = KeyframeRule()
        self.givenUp = []
        self.needsPlan = true
    }

    /// The pictures that the decoder holds back; it is gone afterwards.
    private func finishDecoding() {
        guard let decoding = self.decoding.take() else { return }
        do throws(AVFailure) {
            try decoding.decoder.finish()
            try self.encodeDecoded(decoding)
        } catch {
            self.logger.debug("the last pictures were not decoded", metadata: ["reason": "\(error)"])
        }
    }

    /// The rest of its frames goes out; its publisher is left.
    private func retire(_ rendition: RunningRendition) -> Publisher {
        do throws(AVFailure) {
            try rendition.finish()
        } catch {
            self.logger.debug("the last pictures were not encoded", metadata: ["reason": "\(error)"])
        }
        self.running.removeAll { $0 === rendition }
        self.environment.slots.give()
        return rendition.publisher
    }

    private func remove(_ rendition: RunningRendition, _ reason: PublishEnd) { self.retire(rendition).end(reason) }

    private func fail(_ failure: AVFailure) {
        self.logger.error("no renditions any more", metadata: ["reason": "\(failure)"])
        for rendition in self.running { self.onEvent(.failed(height: rendition.rendition.height, reason: "\(failure)")) }
        self.end()
    }

    private func endAll() {
        self.sound.finish(for: self.running)
        for rendition in self.running { self.remove(rendition, .finished) }
        for publisher in self.stale.values { publisher.end(.finished) }
        self.stale = [:]
        self.report()
    }

    private func end() {
        guard !self.hasEnded else { return }
        self.isEnding.store(true, ordering: .sequentiallyConsistent)
        self.finishDecoding()
        self.endAll()
        self.hasEnded = true
        self.reader?.detach()
        self.reader = nil
        self.onClosed()
    }

    private func report() { self.environment.board.set(self.running.map(\.rendition), of: self.source.key.id, by: self) }
}
