import AV
import Media
import Streams
import Synchronization

/// Makes the pictures of one track into VP8 or VP9, upright, in the size and with the times and keyframes they have. Confined to the recorder's thread.
///
/// What it has no time for is left out before it is encoded, and counted; whoever publishes notices nothing.
final class PictureConversion {
    /// What comes in a burst is encoded all the same. The recorder's queue holds four times this, or fewer seconds of a stream of many bits.
    private static let patience = MediaTime(milliseconds: 5_000)

    private let track: Track
    private let source: Stream
    private let encoding: WebMEncoding
    private var decoder: Decoder
    private let picture: DecodedFrame
    /// Made for the first picture, whose size it keeps.
    private var encoder: PictureEncoder?
    private var keyframes = KeyframeRule()
    /// Of the pictures since the last one that began a group.
    private var turn = PictureTurn.none
    private var load = EncodingLoad(patience: PictureConversion.patience)
    private var waitsForKeyframe = true
    private var newest = MediaTime.zero
    private var leastLag: MediaTime?
    /// Nothing later than this is wanted: what is published meanwhile is no lag.
    var stopTime: MediaTime?

    /// - Throws: `unsupported` when the track cannot be decoded.
    init(_ track: Track, of source: Stream, encoding: WebMEncoding) throws(AVFailure) {
        self.track = track
        self.source = source
        self.encoding = encoding
        self.decoder = try Decoder(track)
        self.picture = try DecodedFrame()
    }

    /// What comes out; its first keyframe says how large it is.
    var output: Track {
        Track(
            id: .video, codec: self.encoding.codec, configuration: self.encoding.codec == .vp9 ? VPConfiguration().record : [],
            format: .video(VideoFormat(width: 0, height: 0)))
    }

    /// Pictures that were left out.
    var dropped: Int { self.load.dropped }

    func take(_ frame: EncodedFrame, into frames: inout [EncodedFrame]) throws(AVFailure) {
        guard frame.isKeyframe || !self.waitsForKeyframe else { return }
        self.waitsForKeyframe = false
        if frame.isKeyframe { self.keyframes.sourceKeyframe(at: frame.presentationTime) }
        try self.decoder.send(try Packet(frame))
        try self.encodeDecoded(into: &frames)
    }

    /// Frames were lost before they came here.
    func noteLost(_ count: Int) {
        self.load.noteLost(count)
        self.encoding.slots.droppedFrames.wrappingAdd(UInt64(max(0, count)), ordering: .relaxed)
    }

    /// Other frames follow than were to be expected.
    func resynchronise(into frames: inout [EncodedFrame]) throws(AVFailure) {
        try self.finishDecoding(into: &frames)
        self.decoder = try Decoder(self.track)
        self.waitsForKeyframe = true
        self.newest = .zero
        self.leastLag = nil
    }

    /// What is held back; it takes nothing more.
    func finish(into frames: inout [EncodedFrame]) throws(AVFailure) {
        try self.finishDecoding(into: &frames)
        try self.encoder?.finish(into: &frames)
    }

    private func finishDecoding(into frames: inout [EncodedFrame]) throws(AVFailure) {
        try self.decoder.finish()
        try self.encodeDecoded(into: &frames)
    }

    private func encodeDecoded(into frames: inout [EncodedFrame]) throws(AVFailure) {
        while try self.decoder.receive(into: self.picture) {
            guard let time = self.picture.presentationTime else { continue }
            let isKeyframe = self.keyframes.beginsGroup(at: time)
            if isKeyframe { self.turn = self.picture.turn(told: self.track.video?.turn ?? .none) }
            let before = self.load.dropped
            // There is nothing to shed: the recording goes on with as many pictures as there is time for.
            let decision = self.load.decide(lag: self.lag(at: time), at: time, isKeyframe: isKeyframe)
            self.encoding.slots.droppedFrames.wrappingAdd(UInt64(self.load.dropped - before), ordering: .relaxed)
            guard decision != .drop else { continue }
            let encoder = try self.openEncoder()
            try encoder.encode(self.picture, turn: self.turn, at: time, isKeyframe: isKeyframe, into: &frames)
        }
    }

    /// Beyond what a start finds waiting, which may be a long group of pictures and says nothing of the machine.
    private func lag(at time: MediaTime) -> MediaTime {
        // A source whose publisher has left knows no time any more.
        self.newest = max(self.newest, self.source.newestTime)
        let newest = self.newest
        let lag = max(.zero, (self.stopTime.map { min($0, newest) } ?? newest) - time)
        let least = min(self.leastLag ?? lag, lag)
        self.leastLag = least
        return lag - least
    }

    private func openEncoder() throws(AVFailure) -> PictureEncoder {
        if let encoder = self.encoder { return encoder }
        let shape = LadderPlan.Source(self.picture, turn: self.turn)
        let wish = RenditionSetting(height: shape.height, videoBitrate: self.encoding.bitrate, encodesSameHeight: true)
        guard let plan = LadderPlan([wish], of: shape).renditions.first else {
            throw AVFailure(cause: .unsupported, operation: "open encoder", text: "pictures of \(self.picture.width)x\(self.picture.height)")
        }
        var format = Encoder.Video(
            width: plan.width, height: plan.height, frameRate: self.source.expectedFrameRate(of: self.track), bitrate: plan.videoBitrate,
            keyframeInterval: 0, codec: self.encoding.codec, threads: self.encoding.threads)
        format.speed = self.encoding.speed
        format.quality = self.encoding.quality
        format.color = self.picture.color
        let encoder = try PictureEncoder(format)
        self.encoder = encoder
        return encoder
    }
}
