import CFFmpeg
public import Media

/// Turns the packets of any container into frames of Martlet's one form. Used by one thread at a time.
///
/// Tracks are `TrackID.video` and `TrackID.audio`, at most one of each, and `TrackID.originalAudio` beside the latter where asked for. Times
/// are those of the input's clock, as its container has them: with B-frames the first decode times may be negative, and nothing is repaired.
/// Packets that cannot be used are left out, and counted.
public final class FrameReader {
    public struct Options: Sendable {
        public var video = true
        public var audio = true
        /// Sound that is neither AAC, Opus nor MP3 becomes AAC; left out otherwise.
        public var transcodesAudio = true
        /// Of transcoded sound that some output could use as it is (Vorbis), the original is read, too: `TrackID.originalAudio`.
        public var keepsOriginals = false
        /// Everything is re-encoded to this.
        public var normalTo: NormalFormat?

        public init(
            video: Bool = true, audio: Bool = true, transcodesAudio: Bool = true, keepsOriginals: Bool = false, normalTo: NormalFormat? = nil
        ) {
            self.video = video
            self.audio = audio
            self.transcodesAudio = transcodesAudio
            self.keepsOriginals = keepsOriginals
            self.normalTo = normalTo
        }
    }

    public enum Item: Sendable {
        /// All tracks: the first item, and again whenever one of them is another one from the following frame on.
        case tracks([Track])
        case frame(EncodedFrame)
    }

    /// Packets in a row that are nothing of their codec: a transport stream goes on with another one, and FFmpeg does not see it.
    private static let mostDamagedInARow = 16
    /// Pictures without a keyframe, while there is no sound either, after which none is waited for: a minute at the usual rates.
    private static let mostBeforeKeyframe = 1_800

    let demuxer: Demuxer
    let options: Options
    let packet: Packet
    private(set) var choice: StreamChoice
    private var video: VideoFeed?
    private var audio: AudioSource?
    private var normaliser: Normaliser?
    private let slab = PayloadSlab()
    private var gathering = Gathering()
    private var newcomers = Newcomers()
    /// What the last packet became; read from `taken` on.
    private var ready: [Item] = []
    private var taken = 0
    private var scratch: [EncodedFrame] = []
    private var isAtEnd = false
    /// Sound from before the keyframe that was seeked to is left out, on each track until it is reached.
    private var dropsAudio: (before: MediaTime, on: Set<TrackID>)?

    /// - Throws: `unsupported` when there is nothing in the input that can be carried.
    public init(_ demuxer: Demuxer, options: Options = Options()) throws(AVFailure) {
        self.demuxer = demuxer
        self.options = options
        self.packet = try Packet()
        guard let context = demuxer.context else { throw AVFailure("read streams", code: shim_averror(EINVAL)) }
        self.choice = StreamChoice(context, options: options)
        guard self.choice.video != nil || self.choice.audio != nil else {
            throw AVFailure(cause: .unsupported, operation: "choose streams", text: "neither video nor audio that can be carried")
        }
        demuxer.discard(allBut: [self.choice.video, self.choice.audio].compactMap { $0 })
        try self.connect()
    }

    /// nil when the input does not say, as live ones do not.
    public var duration: MediaTime? { self.demuxer.duration }
    /// Where the input's clock stands at its start; nil when it does not say.
    public var startTime: MediaTime? { self.demuxer.startTime }
    public var isSeekable: Bool { self.demuxer.isSeekable }
    /// Packets of the chosen streams that were left out: before the first keyframe, or damaged.
    public var skipped: Int { (self.video?.skipped ?? 0) + (self.audio?.skipped ?? 0) + (self.normaliser?.skipped ?? 0) }

    /// The next frame, or the tracks; nil at the end of the input. Blocks, for as long as the request's `readTimeout` with each packet.
    public func next() throws(AVFailure) -> Item? {
        while true {
            if self.taken < self.ready.count {
                defer { self.taken += 1 }
                return self.ready[self.taken]
            }
            self.ready.removeAll(keepingCapacity: true)
            self.taken = 0
            guard !self.isAtEnd else { return nil }
            try self.pump()
            // Nearly always a packet is a frame that nothing is to be done with.
            if self.scratch.count == 1, self.ready.isEmpty, self.gathering.isIdle, self.dropsAudio == nil, let frame = self.scratch.popLast() {
                return .frame(frame)
            }
            self.emitScratch()
        }
    }

    /// Goes on at the last keyframe at or before `time`, counted from the input's start; without video, right at it. Times stay those of the
    /// input's clock; tracks come again only when they have changed.
    /// - Throws: `unsupported` when the input cannot be seeked in; reading goes on where it was then.
    public func seek(to time: MediaTime) throws(AVFailure) {
        guard self.isSeekable else { throw AVFailure(cause: .unsupported, operation: "seek", text: "the input cannot be seeked in") }
        let keyframe = try self.demuxer.seekToKeyframe(before: time, video: self.choice.video, using: self.packet)
        self.ready.removeAll(keepingCapacity: true)
        self.taken = 0
        self.isAtEnd = false
        self.gathering.restart()
        try self.connect(startingAt: keyframe)
        self.dropsAudio = (keyframe ?? (max(time, .zero) + (self.startTime ?? .zero)), self.audio?.trackIDs ?? [.audio])
    }

    /// Makes everything that keeps state from packet to packet anew.
    private func connect(startingAt keyframe: MediaTime? = nil) throws(AVFailure) {
        self.video = nil
        self.audio = nil
        if let format = self.options.normalTo {
            self.normaliser = try Normaliser(
                format, video: self.choice.video.flatMap { self.demuxer.stream($0) },
                turn: self.choice.video.map { self.demuxer.turn(of: $0) } ?? .none, audio: self.choice.audio.flatMap { self.demuxer.stream($0) },
                start: keyframe ?? self.startTime, keyframe: keyframe)
            self.gathering.expects(video: false, audio: false)
            return
        }
        if let index = self.choice.video, let stream = self.demuxer.stream(index), let codec = Codec(carried: stream.codecpar.pointee.codec_id) {
            self.video = VideoFeed(index: index, codec: codec, stream: stream, turn: self.demuxer.turn(of: index), startsAt: keyframe)
        }
        if let index = self.choice.audio, let stream = self.demuxer.stream(index) {
            self.audio = try AudioSource(index: index, stream: stream, keepsOriginal: self.options.keepsOriginals)
        }
        self.gathering.expects(video: self.video != nil, audio: self.audio != nil)
    }

    private func pump() throws(AVFailure) {
        guard try self.demuxer.read(into: self.packet) else {
            self.isAtEnd = true
            return try self.finish()
        }
        let index = self.packet.streamIndex
        if let normaliser = self.normaliser {
            try normaliser.take(self.packet, index: index, slab: self.slab, into: &self.scratch)
        } else if index == self.video?.index {
            self.newcomers.saw(.video)
            try self.followVideoCodec(index)
            try self.takeVideo()
        } else if index == self.audio?.index {
            self.newcomers.saw(.audio)
            if self.demuxer.codecID(of: index) != self.audio?.identifier, let stream = self.demuxer.stream(index) {
                try self.connect(to: index, stream)
            }
            try self.takeAudio()
        } else if let stream = self.demuxer.stream(index), self.newcomers.shouldAdopt(index, stream, self.choice, self.options, self.demuxer) {
            try self.connect(to: index, stream)
            if index == self.choice.video { try self.takeVideo() } else { try self.takeAudio() }
        }
    }

    private func takeVideo() throws(AVFailure) {
        guard let hasNewTrack = self.video?.take(self.packet, slab: self.slab, into: &self.scratch) else { return }
        try Self.check(self.video?.damagedInARow)
        if !self.gathering.hasAnnounced, let video = self.video, !video.hasStarted, video.skipped >= Self.mostBeforeKeyframe {
            throw AVFailure(cause: .invalidData, operation: "read frames", text: "no keyframe in \(video.skipped) pictures")
        }
        if hasNewTrack { self.gathering.tracksChanged() }
    }

    private func takeAudio() throws(AVFailure) {
        guard try self.audio?.take(self.packet, slab: self.slab, into: &self.scratch) == true else {
            return try Self.check(self.audio?.damagedInARow)
        }
        self.gathering.tracksChanged()
    }

    private static func check(_ damaged: Int?) throws(AVFailure) {
        guard let damaged, damaged >= self.mostDamagedInARow else { return }
        throw AVFailure(cause: .invalidData, operation: "read frames", text: "\(damaged) damaged packets in a row")
    }

    private func emitScratch() {
        for frame in self.scratch { self.emit(frame) }
        self.scratch.removeAll(keepingCapacity: true)
    }

    private func emit(_ frame: EncodedFrame) {
        if var drops = self.dropsAudio, drops.on.contains(frame.track) {
            guard frame.decodeTime >= drops.before else { return }
            drops.on.remove(frame.track)
            self.dropsAudio = drops.on.isEmpty ? nil : drops
        }
        guard !self.gathering.isIdle else { return self.ready.append(.frame(frame)) }
        self.gathering.take(frame, tracks: self.tracks, hasStarted: self.video?.hasStarted ?? true, joinedLate: self.video?.joinedLate ?? false) {
            self.ready.append($0)
        }
    }

    private var tracks: [Track] {
        if let normaliser = self.normaliser { return normaliser.tracks }
        return [self.video?.track].compactMap { $0 } + (self.audio?.tracks ?? [])
    }

    private func finish() throws(AVFailure) {
        if let normaliser = self.normaliser {
            try normaliser.finish(slab: self.slab, into: &self.scratch)
        } else {
            self.video?.finish(into: &self.scratch)
            try self.audio?.finish(slab: self.slab, into: &self.scratch)
        }
        self.emitScratch()
        self.gathering.finish(tracks: self.tracks) { self.ready.append($0) }
        guard self.gathering.hasAnnounced else {
            throw AVFailure(cause: .invalidData, operation: "read frames", text: "the input ended before anything could be played")
        }
    }

    /// A transport stream may put another codec on a stream it has announced before.
    private func followVideoCodec(_ index: Int) throws(AVFailure) {
        guard self.demuxer.codecID(of: index) != self.video?.codec.identifier, let stream = self.demuxer.stream(index) else { return }
        guard Codec(carried: stream.codecpar.pointee.codec_id) != nil else {
            throw AVFailure(cause: .unsupported, operation: "read frames", text: "the input went on with a codec that cannot be carried")
        }
        try self.connect(to: index, stream)
    }

    /// A stream that turned up later, or is another one than before; the packet in hand is its first.
    private func connect(to index: Int, _ stream: AVStream) throws(AVFailure) {
        if let codec = Codec(carried: stream.codecpar.pointee.codec_id), codec.kind == .video {
            self.choice.video = index
            self.video = VideoFeed(index: index, codec: codec, stream: stream, turn: self.demuxer.turn(of: index))
        } else {
            self.choice.audio = index
            self.audio = try AudioSource(index: index, stream: stream, keepsOriginal: self.options.keepsOriginals)
        }
        self.gathering.tracksChanged()
    }
}
