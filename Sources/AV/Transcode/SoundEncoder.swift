import CFFmpeg
public import Media

/// Turns the sound of a track into AAC of another bit rate, or into Opus, with the source's own times. Not thread-safe.
public final class SoundEncoder {
    private let decoder: Decoder
    private let sink: AudioSink
    private let decoded: DecodedFrame
    private let slab = PayloadSlab()
    private var lastEnd: MediaTime?

    /// - Parameters:
    ///   - bitrate: bits per second.
    ///   - codec: `aac` or `opus`.
    /// - Throws: `unsupported` when the track cannot be decoded.
    public init(_ track: Track, bitrate: Int, codec: Codec = .aac) throws(AVFailure) {
        let format = track.audio
        let channels = min(max(format?.channelCount ?? 2, 1), 2)
        // Players know AAC of these rates; Opus has only the one.
        let rate = format?.sampleRate == 44_100 && codec == .aac ? 44_100 : 48_000
        self.decoder = try Decoder(track)
        self.sink = try AudioSink(
            Encoder.Audio(sampleRate: rate, channels: channels, bitrate: bitrate, codec: codec),
            longestSilence: MediaTime(milliseconds: 2_000))
        self.decoded = try DecodedFrame()
    }

    public var track: Track { self.sink.track }

    /// Appends the frames that are ready. Damaged frames are left out.
    public func encode(_ frame: EncodedFrame, into frames: inout [EncodedFrame]) throws(AVFailure) {
        try self.decoder.send(try Packet(frame))
        try self.drain(into: &frames)
    }

    /// What is held back; it takes nothing more.
    public func finish(into frames: inout [EncodedFrame]) throws(AVFailure) {
        try self.decoder.finish()
        try self.drain(into: &frames)
        guard self.sink.end != nil else { return }
        try self.sink.finish(slab: self.slab, into: &frames)
    }

    private func drain(into frames: inout [EncodedFrame]) throws(AVFailure) {
        while try self.decoder.receive(into: self.decoded) {
            let time = self.decoded.presentationTime ?? self.lastEnd ?? .zero
            let rate = Int64(max(self.decoded.raw.pointee.sample_rate, 1))
            self.lastEnd = time + MediaTime(microseconds: Int64(self.decoded.sampleCount) * 1_000_000 / rate)
            try self.sink.take(self.decoded, at: time, slab: self.slab, into: &frames)
        }
    }
}
