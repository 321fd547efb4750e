import AV
import Logging
import Media
import Streams
import Synchronization

/// A recorder's own thread: takes frames out of the stream's reader, encodes them where the container needs that, and writes files.
///
/// *waiting* (no file; the next one's name may be claimed) → *recording* (a file is open) → back to waiting at a change of tracks or after a
/// failure → *ended*. After a failure frames are let go until `retryAt`, in media time.
actor RecordingWorker {
    /// A claimed name and what the outside was told of it.
    struct Claim: Sendable {
        var name: RecordingName
        var started: StartedRecording
    }

    /// Items taken from the reader before other jobs of the thread (a stop) get their turn.
    private static let batch = 512
    /// The same where each may have to be decoded and encoded.
    private static let encodingBatch = 8
    /// Taken at most after a stop was asked for: more than a full queue holds at 60 frames and 50 packets a second.
    private static let lastBatch = 8192
    /// Of the media clock, before the first new try after a failure.
    private static let firstBackoff = MediaTime(milliseconds: 1_000)

    private let executor: BlockingExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.executor.asUnownedSerialExecutor() }

    /// Frames that were lost to encoding, while it goes on.
    nonisolated let droppedInEncoding = Atomic<Int>(0)

    private let stream: Stream
    private let request: RecordingRequest
    private let configuration: Recorder.Configuration
    private let disk: RecordingDisk
    private let pool: BlockingPool
    private let completion: RecordingCompletion
    private let logger: Logger

    private var reader: StreamReader?
    private var claim: Claim?
    private var file: RecordingFile?
    private var timeline: RecordingTimeline?
    /// Of a webm.
    private var conversion: WebMConversion?
    /// Kept from the first conversion that encodes pictures to the end.
    private var place: EncoderPlace?
    /// Dropped by the conversions before this one.
    private var droppedBefore = 0
    private var overflows = 0
    private var readerDrops = 0
    /// Frames later than this are not wanted any more; they come only where encoding is behind.
    private var stopTime: MediaTime?
    /// Of the newest frame that was taken.
    private var lastTime = MediaTime.zero
    /// `lastTime` when the last fragment of the file was ended.
    private var fragmentBegan = MediaTime.zero
    /// Reused, so that a frame allocates nothing here.
    private var converted: [EncodedFrame] = []
    private var nextPart = 1
    private var failures = 0
    private var lastFailure: RecordingFailure?
    private var retryAt: MediaTime?
    private var hasEnded = false

    init(
        stream: Stream, request: RecordingRequest, configuration: Recorder.Configuration, disk: RecordingDisk, pool: BlockingPool,
        completion: RecordingCompletion, logger: Logger
    ) {
        self.executor = BlockingExecutor(name: "record")
        self.stream = stream
        self.request = request
        self.configuration = configuration
        self.disk = disk
        self.pool = pool
        self.completion = completion
        self.logger = logger
    }

    // MARK: From any thread

    /// Frames have come.
    nonisolated func wake() {
        // Proof for assumeIsolated, here and below: the executor's thread is this actor's.
        self.executor.execute { self.assumeIsolated { $0.drain() } }
    }

    /// False when there is no thread to record on.
    nonisolated func begin(_ reader: StreamReader, claim: Claim) -> Bool {
        self.executor.execute { self.assumeIsolated { $0.begin(reader, claim) } }
    }

    nonisolated func requestStop() {
        let newest = self.stream.newestTime
        self.executor.execute { self.assumeIsolated { $0.stop(at: newest > .zero ? newest : nil) } }
    }

    // MARK: On the thread

    private func begin(_ reader: StreamReader, _ claim: Claim) {
        self.reader = reader
        self.claim = claim
        // A wake-up may have been here before the reader was.
        self.drain()
    }

    private func drain() {
        guard self.take(atMost: self.conversion?.encodesPictures == true ? Self.encodingBatch : Self.batch) else {
            self.reader?.rest(until: self.nextDrain)
            return
        }
        self.executor.execute { self.assumeIsolated { $0.drain() } }
    }

    /// What is only copied waits until it fills a fragment: to wake a thread for less costs more than the writing. An encoder needs its pictures as
    /// they come.
    private var nextDrain: MediaTime {
        let gathered = self.lastTime + Recorder.gathering
        guard self.file != nil, self.conversion?.encodesPictures != true else { return gathered }
        return max(gathered, self.fragmentBegan + self.configuration.fragmentDuration + Recorder.gathering)
    }

    private func stop(at time: MediaTime?) {
        self.stopTime = time
        if let time { self.conversion?.stop(at: time) }
        _ = self.take(atMost: Self.lastBatch)
        self.end(nil)
    }

    /// True when there may be more.
    private func take(atMost count: Int) -> Bool {
        for _ in 0..<count {
            guard !self.hasEnded, let item = self.reader?.next() else { return false }
            switch item {
            case .tracks(let tracks): self.adopt(tracks)
            case .frame(let frame): self.take(frame)
            case .discontinuity: self.resynchronise()
            case .ended: self.end(nil)
            }
        }
        return true
    }

    private func adopt(_ tracks: [Track]) {
        if let conversion = self.conversion {
            guard !conversion.continues(with: tracks) else { return }
        }
        if let timeline = self.timeline, timeline.hasBegun {
            guard self.conversion != nil || !timeline.continues(with: tracks) else { return }
            self.log(.notice, "The stream's tracks have changed; the recording goes on in another file")
            self.closeFile(nil)
        }
        self.begin(with: tracks)
    }

    /// What follows has these tracks.
    private func begin(with tracks: [Track]) {
        self.retireConversion()
        var held = tracks
        if self.request.format == .webM {
            guard self.hasPlace(for: tracks) else {
                self.log(.error, "A recording cannot be encoded", .tooManyEncoders)
                return self.end(.tooManyEncoders)
            }
            let conversion = WebMConversion(tracks, of: self.stream, encoding: self.configuration.webM, logger: self.logger)
            self.conversion = conversion
            if let time = self.stopTime { conversion.stop(at: time) }
            held = conversion.tracks
        }
        let timeline = RecordingTimeline(tracks: held, format: self.request.format)
        self.timeline = timeline.tracks.isEmpty ? nil : timeline
        if timeline.tracks.count < held.count {
            let codecs = held.filter { !self.request.format.holds($0) }.map(\.codec.rawValue).joined(separator: ",")
            self.logger.warning("Some tracks cannot be recorded", metadata: ["codecs": "\(codecs)", "format": "\(self.request.format.rawValue)"])
        }
        if timeline.tracks.isEmpty { self.lastFailure = .unsupportedTracks }
    }

    /// False when as many recordings are encoded as may be.
    private func hasPlace(for tracks: [Track]) -> Bool {
        guard self.place == nil, tracks.contains(where: { $0.kind == .video && !RecordingFormat.webM.holds($0) }) else { return true }
        self.place = EncoderPlace(self.configuration.webM.slots)
        return self.place != nil
    }

    private func take(_ frame: EncodedFrame) {
        self.lastTime = frame.decodeTime
        if let retryAt = self.retryAt {
            guard frame.decodeTime >= retryAt else { return }
            self.retryAt = nil
        }
        guard let conversion = self.conversion else { return self.add(frame, at: frame.decodeTime) }
        if let stopTime = self.stopTime, frame.decodeTime > stopTime { return }
        self.noteLosses(conversion)
        self.convert(at: frame.decodeTime) { frames throws(AVFailure) in try conversion.take(frame, into: &frames) }
        // It may have been retired meanwhile, and is counted as such.
        self.droppedInEncoding.store(self.droppedBefore + (self.conversion?.dropped ?? 0), ordering: .relaxed)
    }

    private func add(_ frame: EncodedFrame, at time: MediaTime) {
        if frame.isKeyframe, frame.kind == .video, let timeline = self.timeline, timeline.lacksPictures {
            self.log(.notice, "The stream has pictures after all; the recording goes on in another file")
            self.closeFile(nil, keepingConversion: true)
            self.timeline = RecordingTimeline(tracks: timeline.offered, format: self.request.format)
        }
        guard let samples = self.timeline?.add(frame) else { return }
        self.write(samples, at: time)
    }

    private func convert(at time: MediaTime, _ body: (inout [EncodedFrame]) throws(AVFailure) -> Void) {
        self.converted.removeAll(keepingCapacity: true)
        do throws(AVFailure) {
            try body(&self.converted)
            for frame in self.converted { self.add(frame, at: time) }
        } catch {
            self.fail(RecordingFailure(error), at: time)
        }
    }

    /// Another publisher goes on.
    private func resynchronise() {
        if let conversion = self.conversion {
            self.convert(at: self.lastTime) { frames throws(AVFailure) in try conversion.resynchronise(into: &frames) }
        }
        self.timeline?.resynchronise()
    }

    private func noteLosses(_ conversion: WebMConversion) {
        guard let reader = self.reader, reader.overflows != self.overflows else { return }
        self.overflows = reader.overflows
        let drops = reader.droppedPictures
        conversion.noteLost(drops - self.readerDrops)
        self.readerDrops = drops
    }

    /// Without what it holds back; see `drainConversion`.
    private func retireConversion() {
        self.droppedBefore += self.conversion?.dropped ?? 0
        self.conversion = nil
    }

    private func write(_ samples: [RecordingTimeline.Sample], at time: MediaTime) {
        do throws(RecordingFailure) {
            try self.append(samples)
        } catch {
            self.fail(error, at: time)
        }
    }

    private func append(_ samples: [RecordingTimeline.Sample]) throws(RecordingFailure) {
        guard !samples.isEmpty else { return }
        let file = try self.openFile()
        for sample in samples {
            guard try self.write(sample, to: file) else { continue }
            self.failures = 0
            self.fragmentBegan = self.lastTime
            if let free = self.disk.freeBytes(file.name.directory), free < self.configuration.minimumFreeBytes { throw .diskFull }
        }
    }

    private func write(_ sample: RecordingTimeline.Sample, to file: RecordingFile) throws(RecordingFailure) -> Bool {
        do throws(AVFailure) {
            return try file.write(sample)
        } catch {
            throw RecordingFailure(error)
        }
    }

    private func openFile() throws(RecordingFailure) -> RecordingFile {
        if let file = self.file { return file }
        let claim: Claim
        if let claimed = self.claim { claim = claimed } else { claim = try self.claimNext() }
        self.claim = claim
        let timeline = self.timeline ?? RecordingTimeline(tracks: [])
        do throws(AVFailure) {
            let file = try RecordingFile(
                name: claim.name, timeline: timeline, format: self.request.format, disk: self.disk, configuration: self.configuration)
            self.file = file
            self.fragmentBegan = self.lastTime
            self.completion.change(to: .recording)
            return file
        } catch {
            throw RecordingFailure(error)
        }
    }

    private func claimNext() throws(RecordingFailure) -> Claim {
        let name = try RecordingName.claim(
            directory: self.request.directory, baseName: self.request.baseName, format: self.request.format)
        let started = StartedRecording(
            id: Self.newID(), part: self.nextPart, temporaryPath: name.temporaryPath, path: name.path,
            startedAtMilliseconds: RecordingDisk.wallClockMilliseconds())
        self.nextPart += 1
        self.completion.fileStarted(started)
        return Claim(name: name, started: started)
    }

    /// 24 letters and digits, as ids of VoDs are.
    private static func newID() -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        return String((0..<24).map { _ in alphabet[Int.random(in: alphabet.indices)] })
    }

    private func fail(_ failure: RecordingFailure, at time: MediaTime) {
        self.failures += 1
        self.lastFailure = failure
        self.log(.error, "A recording could not be written", failure)
        guard failure != .diskFull, self.failures <= self.configuration.retries else {
            self.end(failure)
            return
        }
        if (self.file?.fragments ?? 0) > 0 {
            self.closeFile(failure)
        } else {
            // Nothing is in it yet: the same name is tried again.
            self.file = nil
        }
        self.beginAgain()
        self.retryAt = time + MediaTime(microseconds: Self.firstBackoff.microseconds << Int64(min(self.failures - 1, 6)))
        self.completion.change(to: .waiting)
    }

    /// With the same tracks, at a keyframe.
    private func beginAgain() {
        guard let conversion = self.conversion else {
            self.timeline = self.timeline.map { RecordingTimeline(tracks: $0.offered, format: self.request.format) }
            return
        }
        self.begin(with: conversion.sources)
    }

    private func end(_ failure: RecordingFailure?) {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        self.closeFile(failure)
        self.retireConversion()
        self.place = nil
        self.reader?.detach()
        self.reader = nil
        self.timeline = nil
        self.completion.close()
    }

    /// Hands the current file, or the name claimed for one, over for finishing.
    private func closeFile(_ failure: RecordingFailure?, keepingConversion: Bool = false) {
        var failure = failure
        if failure == nil, !keepingConversion { failure = self.drainConversion() }
        guard let claim = self.claim else { return }
        let samples = self.file.flatMap { self.finishWriting($0, &failure) }
        if self.file == nil { failure = failure ?? self.lastFailure }
        self.file = nil
        self.claim = nil
        let dropped = max(self.reader?.droppedFrames ?? 0, self.droppedInEncoding.load(ordering: .relaxed))
        let completion = self.completion
        let logger = self.logger
        let (format, disk, minimumFreeBytes) = (self.request.format, self.disk, self.configuration.minimumFreeBytes)
        let finish: @Sendable () -> Void = { [failure] in
            let finisher = RecordingFinisher(
                name: claim.name, format: format, disk: disk, minimumFreeBytes: minimumFreeBytes, samples: samples,
                onProgress: { completion.progressed(claim.started.id, $0) })
            let outcome = RecordingOutcome(claim.started, finisher.run(), failure: failure, droppedFrames: dropped)
            logger.info("A recording was finished", metadata: RecordingWorker.metadata(of: outcome))
            completion.fileEnded(outcome)
        }
        completion.beginFinishing()
        if !self.pool.execute(finish) { finish() }
    }

    /// What decoders and encoders still hold goes into the file.
    private func drainConversion() -> RecordingFailure? {
        guard let conversion = self.conversion else { return nil }
        var frames: [EncodedFrame] = []
        do throws(AVFailure) {
            try conversion.finish(into: &frames)
        } catch {
            // What is in the file stays good.
            self.log(.warning, "The last frames were not encoded", RecordingFailure(error))
        }
        do throws(RecordingFailure) {
            for frame in frames { try self.append(self.timeline?.add(frame) ?? []) }
            return nil
        } catch {
            self.log(.error, "A recording could not be ended", error)
            return error
        }
    }

    /// The number of samples in the file; nil when it could not be closed as it should.
    private func finishWriting(_ file: RecordingFile, _ failure: inout RecordingFailure?) -> Int? {
        guard failure == nil else { return nil }
        do throws(AVFailure) {
            for sample in self.timeline?.finish() ?? [] { _ = try file.write(sample) }
            try file.close()
            return file.samples
        } catch {
            failure = RecordingFailure(error)
            self.log(.error, "A recording could not be ended", failure)
            return nil
        }
    }

    private func log(_ level: Logger.Level, _ message: Logger.Message, _ failure: RecordingFailure? = nil) {
        var metadata: Logger.Metadata = ["file": "\(self.claim?.name.fileName ?? self.request.baseName)"]
        if let failure { metadata["failure"] = "\(failure)" }
        self.logger.log(level: level, message, metadata: metadata)
    }

    private static func metadata(of outcome: RecordingOutcome) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "file": "\(outcome.fileName)", "milliseconds": "\(outcome.durationMilliseconds)", "bytes": "\(outcome.bytes)",
        ]
        if outcome.droppedFrames > 0 { metadata["droppedFrames"] = "\(outcome.droppedFrames)" }
        if let failure = outcome.failure { metadata["failure"] = "\(failure)" }
        if let failure = outcome.remuxFailure { metadata["notMadePlain"] = "\(failure)" }
        return metadata
    }
}

extension RecordingOutcome {
    /// What stopped the recording says more than what became of finishing it.
    init(_ started: StartedRecording, _ result: RecordingFinisher.Result, failure: RecordingFailure?, droppedFrames: Int) {
        self.init(
            id: started.id, part: started.part, path: result.name.path, fileName: result.name.fileName,
            startedAtMilliseconds: started.startedAtMilliseconds, durationMilliseconds: result.duration.milliseconds, bytes: result.bytes,
            droppedFrames: droppedFrames, failure: failure ?? result.failure, remuxFailure: result.remuxFailure, hasPicture: result.hasPicture,
            isLeft: result.isLeft)
    }
}
