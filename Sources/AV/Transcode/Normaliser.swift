import CFFmpeg
import Media

/// Re-encodes one input to a `NormalFormat`: always one picture track at a constant rate and one sound track without gaps, both from the input's
/// start to its end, whatever of it is there. Used by one thread.
final class Normaliser {
    /// How far one of the two may be behind the other before it is taken for missing.
    private static let patience = MediaTime(milliseconds: 2_000)
    /// A longer step of the input's clock is none of the input's time.
    private static let longestGap = MediaTime(milliseconds: 10_000)
    private static let longestBackstep = MediaTime(milliseconds: 3_000)
    /// Sound that comes this late is left out.
    private static let overlap = MediaTime(milliseconds: 100)

    private let videoIndex: Int?
    private let audioIndex: Int?
    private let videoDecoder: Decoder?
    private let audioDecoder: Decoder?
    private let video: VideoSink
    private let audio: AudioSink
    private let decoded: DecodedFrame
    private var awaited: MediaTime?
    private let videoTimeBase: AVRational?
    private let turn: PictureTurn
    private var hasBegun = false
    /// Added to the input's times, to take out its jumps.
    private var offset = MediaTime.zero
    private var newest = MediaTime.zero

    /// - Parameters:
    ///   - turn: what the container says of the pictures, which come out upright.
    ///   - start: where both tracks begin; nil: at the first frame.
    ///   - keyframe: video packets are skipped until the one that is shown then.
    init(
        _ format: NormalFormat, video: AVStream?, turn: PictureTurn, audio: AVStream?, start: MediaTime?, keyframe: MediaTime?
    ) throws(AVFailure) {
        self.videoIndex = video.map { Int($0.index) }
        self.audioIndex = audio.map { Int($0.index) }
        self.videoTimeBase = video?.time_base
        self.turn = turn
        if let video { self.videoDecoder = try Decoder(video.codecpar, timeBase: video.time_base) } else { self.videoDecoder = nil }
        if let audio { self.audioDecoder = try Decoder(audio.codecpar, timeBase: audio.time_base) } else { self.audioDecoder = nil }
        self.video = try VideoSink(format)
        self.audio = try AudioSink(
            Encoder.Audio(sampleRate: format.audioSampleRate, channels: format.channels, bitrate: format.audioBitrate),
            longestSilence: MediaTime(milliseconds: 15_000))
        self.decoded = try DecodedFrame()
        self.awaited = keyframe
        if let start { self.begin(at: start) }
    }

    var tracks: [Track] { [self.video.track, self.audio.track] }
    var skipped: Int { (self.videoDecoder?.damaged ?? 0) + (self.audioDecoder?.damaged ?? 0) }

    func take(_ packet: borrowing Packet, index: Int, slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        if index == self.videoIndex, let decoder = self.videoDecoder {
            if let awaited = self.awaited, let base = self.videoTimeBase {
                let time = PacketClock(numerator: base.num, denominator: base.den).time(packet.presentationTime ?? packet.decodeTime)
                guard packet.isKeyframe, let time, time >= awaited else { return }
                self.awaited = nil
            }
            try decoder.send(packet)
            try self.drainVideo(decoder, slab: slab, into: &frames)
        } else if index == self.audioIndex, let decoder = self.audioDecoder {
            try decoder.send(packet)
            try self.drainAudio(decoder, slab: slab, into: &frames)
        }
    }

    func finish(slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        if let decoder = self.videoDecoder {
            try decoder.finish()
            try self.drainVideo(decoder, slab: slab, into: &frames)
        }
        if let decoder = self.audioDecoder {
            try decoder.finish()
            try self.drainAudio(decoder, slab: slab, into: &frames)
        }
        guard self.hasBegun else { return }
        try self.video.finishPictures(slab: slab, into: &frames)
        // Both end together, so that what follows can be put right behind.
        if let end = self.audio.end { try self.video.fill(until: end, slab: slab, into: &frames) }
        if let end = self.video.end { try self.audio.fill(until: end, slab: slab, into: &frames) }
        try self.video.finish(slab: slab, into: &frames)
        try self.audio.finish(slab: slab, into: &frames)
    }

    private func begin(at start: MediaTime) {
        self.hasBegun = true
        self.newest = start
        self.video.begin(at: start)
        self.audio.begin(at: start)
    }

    private func drainVideo(_ decoder: Decoder, slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        while try decoder.receive(into: self.decoded) {
            guard let time = self.decoded.time(decoder.timeBase) else { continue }
            let placed = self.place(time)
            try self.video.take(self.decoded, turn: self.decoded.turn(told: self.turn), at: placed, slab: slab, into: &frames)
            guard let end = self.audio.end else { continue }
            if self.audioIndex == nil {
                try self.audio.fill(until: placed, slab: slab, into: &frames)
            } else if end + Self.patience < placed {
                try self.audio.fill(until: end + MediaTime(microseconds: Self.patience.microseconds / 2), slab: slab, into: &frames)
            }
        }
    }

    private func drainAudio(_ decoder: Decoder, slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        while try decoder.receive(into: self.decoded) {
            let placed = self.place(self.decoded.time(decoder.timeBase) ?? self.audio.end ?? .zero)
            if let end = self.audio.end, placed + Self.overlap < end { continue }
            try self.audio.take(self.decoded, at: placed, slab: slab, into: &frames)
            guard let end = self.video.end else { continue }
            if self.videoIndex == nil {
                try self.video.fill(until: placed, slab: slab, into: &frames)
            } else if end + Self.patience < placed {
                try self.video.fill(until: end + MediaTime(microseconds: Self.patience.microseconds / 2), slab: slab, into: &frames)
            }
        }
    }

    /// Where a frame belongs in what comes out.
    private func place(_ time: MediaTime) -> MediaTime {
        if !self.hasBegun { self.begin(at: time) }
        var placed = time + self.offset
        if placed - self.newest > Self.longestGap || self.newest - placed > Self.longestBackstep {
            self.offset = self.newest - time
            placed = self.newest
        }
        self.newest = max(self.newest, placed)
        return placed
    }
}
