import CFFmpeg
import Media

/// Turns one audio stream into AAC frames whose times follow the source's clock: a slow drift is followed, a gap of up to `longestSilence` is
/// filled, anything else shows as a jump of the times. Used by one thread.
final class AudioTranscoder {
    struct Target {
        var audio: Encoder.Audio
        var longestSilence: MediaTime

        /// For players that know AAC of the common rates only: 44.1 kHz stays, everything else becomes 48 kHz, in one channel or two.
        static func carrying(_ parameters: AVCodecParameters) -> Target {
            let channels = min(max(Int(parameters.ch_layout.nb_channels), 1), 2)
            let rate = parameters.sample_rate == 44_100 ? 44_100 : 48_000
            return Target(
                audio: Encoder.Audio(sampleRate: rate, channels: channels, bitrate: channels * 64_000),
                longestSilence: MediaTime(milliseconds: 2_000))
        }
    }

    private let decoder: Decoder
    private let sink: AudioSink
    private let decoded: DecodedFrame
    private var lastEnd: MediaTime?

    init(_ stream: AVStream, target: Target) throws(AVFailure) {
        self.decoder = try Decoder(stream.codecpar, timeBase: stream.time_base)
        self.sink = try AudioSink(target.audio, longestSilence: target.longestSilence)
        self.decoded = try DecodedFrame()
    }

    var track: Track { self.sink.track }
    var skipped: Int { self.decoder.damaged }
    /// Up to where there is sound.
    var end: MediaTime? { self.sink.end }

    /// The sound starts there, with silence until the first of it comes.
    func begin(at time: MediaTime) { self.sink.begin(at: time) }

    func take(_ packet: borrowing Packet, slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        try self.decoder.send(packet)
        try self.drain(slab: slab, into: &frames)
    }

    /// Silence until `time`, where nothing comes.
    func fill(until time: MediaTime, slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        try self.sink.fill(until: time, slab: slab, into: &frames)
    }

    /// The decoder's rest; the encoder stays open for `fill`.
    func finishDecoding(slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        try self.decoder.finish()
        try self.drain(slab: slab, into: &frames)
    }

    func finish(slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        try self.finishDecoding(slab: slab, into: &frames)
        try self.sink.finish(slab: slab, into: &frames)
    }

    private func drain(slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        while try self.decoder.receive(into: self.decoded) {
            let rate = Int64(max(self.decoded.raw.pointee.sample_rate, 1))
            let time = self.decoded.time(self.decoder.timeBase) ?? self.lastEnd ?? self.sink.end ?? .zero
            self.lastEnd = time + MediaTime(microseconds: Int64(self.decoded.sampleCount) * 1_000_000 / rate)
            try self.sink.take(self.decoded, at: time, slab: slab, into: &frames)
        }
    }
}
