import Glibc
import Logging
import Media
import NIOCore
import Packaging
import Streams

/// Reads one publish session of a stream and makes it into segments of a run, on one event loop, never on the publisher's thread.
///
/// Stays until the publisher goes or `stop()`. The next publish session gets a packager of its own.
final class LivePackager: Sendable {
    enum End: Sendable {
        /// The publisher has gone.
        case published
        /// `stop()`, or nothing in the stream can be packaged.
        case stopped
    }

    /// Whose segments these are.
    enum Role: Sendable {
        /// The source's; its cuts are written there.
        case leader(SegmentCuts)
        /// A rendition's, cut where the source is.
        case follower(SegmentCuts)

        var cuts: SegmentCuts {
            switch self {
            case .leader(let cuts), .follower(let cuts): cuts
            }
        }
    }

    struct Configuration: Sendable {
        var segmentDuration: MediaTime
        /// nil: parts are not given out.
        var partDuration: MediaTime?
        var clock: @Sendable () -> NIODeadline
        /// Milliseconds since 1970.
        var wallClock: @Sendable () -> Int64
    }

    /// A class, so that the segmenter is changed in place.
    private final class State {
        var reader: StreamReader?
        var segmenter: Segmenter
        var targetSeconds: Int?
        var meter = BandwidthMeter()
        var overflows = 0
        /// Wall clock minus stream time; nil until the next frame fixes it.
        var wallOffset: Int64?
        var isDone = false
        /// A rendition's keyframe of which the source has not said yet whether a segment begins there.
        var pending: StreamItem?
        /// The source's keyframes of this drain were told of.
        var hasNews = false

        init(segmenter: consuming Segmenter, targetSeconds: Int?) {
            self.segmenter = segmenter
            self.targetSeconds = targetSeconds
        }
    }

    private let stream: Stream
    private let run: HLSRun
    let role: Role
    private let configuration: Configuration
    private let eventLoop: any EventLoop
    private let logger: Logger
    private let onEnd: @Sendable (LivePackager, End) -> Void
    private let state: NIOLoopBoundBox<State>

    /// `onEnd` is called once, on the event loop.
    init(
        stream: Stream, run: HLSRun, role: Role, continuation: HLSRun.Continuation, configuration: Configuration, eventLoop: any EventLoop,
        logger: Logger,
        onEnd: @escaping @Sendable (LivePackager, End) -> Void
    ) {
        self.stream = stream
        self.run = run
        self.role = role
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        self.onEnd = onEnd
        var settings = Segmenter.Configuration()
        settings.targetDuration = configuration.segmentDuration
        settings.partDuration = configuration.partDuration
        settings.firstSequenceNumber = continuation.number
        settings.firstInitVersion = continuation.initVersion
        settings.startsWithDiscontinuity = continuation.isDiscontinuous
        settings.prepareMemory = FreshMemory.populate
        if case .follower(let cuts) = role {
            // Frames of which the source has said nothing are not given to the segmenter.
            settings.lead = { cuts.lead(at: $0) ?? .continues }
            settings.takesLeadsNumber = continuation.targetSeconds == nil
        }
        var segmenter = Segmenter(configuration: settings)
        if let seconds = continuation.targetSeconds {
            segmenter.limitDuration(to: MediaPlaylist.longestSegment(targetSeconds: seconds))
        }
        self.state = .makeBoxSendingValue(State(segmenter: segmenter, targetSeconds: continuation.targetSeconds), eventLoop: eventLoop)
    }

    func start() {
        self.eventLoop.execute {
            guard !self.state.value.isDone else { return }
            switch self.role {
            case .leader(let cuts): if let seconds = self.state.value.targetSeconds { cuts.set(targetSeconds: seconds) }
            case .follower(let cuts): cuts.follow(as: self) { [weak self] in self?.wake() }
            }
            // The wake-up holds the packager weakly: the stream holds its readers, and they hold their wake-ups.
            self.state.value.reader = self.stream.attach(from: .allGroups) { [weak self] in self?.wake() }
            // Who attaches after the publisher has gone hears nothing of its end, and players would wait for ever.
            guard self.stream.generation == nil else { return }
            self.drain()
            self.finish(.published)
        }
    }

    /// On the publisher's thread.
    private func wake() {
        self.eventLoop.execute { self.drain() }
    }

    func stop() {
        self.eventLoop.execute { self.finish(.stopped) }
    }

    private func finish(_ end: End) {
        guard !self.state.value.isDone else { return }
        self.state.value.isDone = true
        self.state.value.reader?.detach()
        self.state.value.reader = nil
        self.state.value.pending = nil
        switch self.role {
        case .leader(let cuts): cuts.end()
        case .follower(let cuts): cuts.unfollow(self)
        }
        self.onEnd(self, end)
    }

    private func drain() {
        while !self.state.value.isDone, let reader = self.state.value.reader, let item = self.state.value.pending ?? reader.next() {
            self.state.value.pending = nil
            if self.mustWait(for: item) {
                self.state.value.pending = item
                break
            }
            let overflows = reader.overflows
            if overflows != self.state.value.overflows {
                // Whole groups were lost: decoders must not be told that what follows belongs together.
                self.state.value.overflows = overflows
                self.take(self.state.value.segmenter.discontinuity())
            }
            self.take(item)
        }
        // Also when it is nil: a frame that came since the last one was taken has ended no rest.
        if self.state.value.pending == nil { self.state.value.reader?.rest(until: self.state.value.segmenter.quietUntil) }
        self.run.answerWaiting()
        guard self.state.value.hasNews else { return }
        self.state.value.hasNews = false
        self.role.cuts.wakeFollowers()
    }

    /// The source decides where segments begin, and has not come so far.
    private func mustWait(for item: StreamItem) -> Bool {
        guard case .follower(let cuts) = self.role, case .frame(let frame) = item, frame.kind == .video, frame.isKeyframe else { return false }
        return cuts.lead(at: frame.presentationTime) == nil
    }

    private func tellFollowers(of keyframe: EncodedFrame) {
        guard case .leader(let cuts) = self.role else { return }
        let time = keyframe.presentationTime
        cuts.note(keyframe: time, number: self.state.value.segmenter.number(ofSegmentBeginningAt: time))
        self.state.value.hasNews = true
    }

    private func take(_ item: StreamItem) {
        switch item {
        case .tracks(let tracks):
            do throws(PackagingError) {
                self.take(try self.state.value.segmenter.setTracks(tracks))
            } catch {
                self.cannotPackage(error)
            }
        case .frame(let frame):
            if self.state.value.wallOffset == nil { self.fixWallClock(frame) }
            let outputs = self.state.value.segmenter.append(frame)
            if !outputs.isEmpty { self.take(outputs) }
            if frame.isKeyframe, frame.kind == .video { self.tellFollowers(of: frame) }
        case .discontinuity:
            self.take(self.state.value.segmenter.discontinuity())
            self.state.value.wallOffset = nil
        case .ended:
            self.take(self.state.value.segmenter.finish())
            self.finish(.published)
        }
    }

    /// Cached frames are from the past: the newest frame the stream has is from now.
    private func fixWallClock(_ frame: EncodedFrame) {
        let newest = max(self.stream.snapshot(now: self.configuration.clock())?.mediaTime ?? .zero, frame.decodeTime)
        let own = self.configuration.wallClock() - newest.milliseconds
        switch self.role {
        case .leader(let cuts):
            self.state.value.wallOffset = own
            cuts.set(wallOffset: own)
        case .follower(let cuts):
            // What a rendition has is from when its source had it.
            self.state.value.wallOffset = cuts.common.wallOffset ?? own
        }
    }

    /// Frames of tracks that cannot be written must not go under the init segment of those before them.
    private func cannotPackage(_ error: PackagingError) {
        self.logger.warning("the stream cannot be packaged for HLS", metadata: ["stream": "\(self.stream.key)", "error": "\(error)"])
        // Parts that are out already belong to a segment that players will ask for.
        self.take(self.state.value.segmenter.finish())
        self.finish(.stopped)
    }

    private func take(_ outputs: [Segmenter.Output]) {
        let whole = outputs.compactMap { output in
            if case .segment(let segment) = output { segment.number } else { nil }
        }
        for output in outputs {
            switch output {
            case .initSegment(let initSegment): self.run.add(initSegment)
            case .segment(let segment): self.list(segment)
            // Its segment brings it: listed before, it would make the playlist hint at a part that never comes.
            case .part(let part) where whole.contains(part.segmentNumber): break
            case .part(let part):
                self.run.add(
                    part, programDateTimeMilliseconds: self.date(of: part.segmentStart), wallMilliseconds: self.configuration.wallClock())
            }
        }
    }

    private func date(of time: MediaTime) -> Int64? { self.state.value.wallOffset.map { $0 + time.milliseconds } }

    private func list(_ segment: Segment) {
        let snapshot = self.stream.snapshot(now: self.configuration.clock())
        let targetSeconds: Int
        if let known = self.state.value.targetSeconds {
            targetSeconds = known
        } else {
            // RFC 8216 §6.2.4: the same for all renditions.
            targetSeconds =
                self.role.cuts.common.targetSeconds
                ?? MediaPlaylist.targetSeconds(
                    configured: self.configuration.segmentDuration, keyframeInterval: snapshot?.keyframeInterval, firstSegment: segment.duration)
            self.state.value.targetSeconds = targetSeconds
            if case .leader(let cuts) = self.role { cuts.set(targetSeconds: targetSeconds) }
            self.state.value.segmenter.limitDuration(to: MediaPlaylist.longestSegment(targetSeconds: targetSeconds))
        }
        self.state.value.meter.add(bytes: segment.byteCount, duration: segment.duration)
        let meter = self.state.value.meter
        let tracks = self.state.value.segmenter.tracks
        let saysFrameRate = tracks.contains { $0.video?.frameRate != nil }
        let variant = MultivariantPlaylist.Variant(
            uri: URIText.encode(self.run.name) + ".m3u8", bandwidth: meter.peak, averageBandwidth: meter.average, tracks: tracks,
            frameRate: saysFrameRate ? nil : snapshot.map(\.frameRate).flatMap { $0 > 0 ? $0 : nil })
        self.run.add(
            segment, programDateTimeMilliseconds: self.date(of: segment.start), targetSeconds: targetSeconds,
            variant: variant, now: self.configuration.clock(), wallMilliseconds: self.configuration.wallClock())
    }
}

enum WallClock {
    /// Milliseconds since 1970.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
