import CFFmpeg
import Media

/// The packets of sound that is converted, as they came, for those who can use them: Vorbis.
struct OriginalFeed {
    private(set) var track: Track
    private var clock: PacketClock

    /// nil for sound that nobody could use as it is, or that does not say what it is.
    init?(_ stream: AVStream) {
        let parameters = stream.codecpar.pointee
        guard let codec = Codec(identifier: parameters.codec_id), codec.needsConversion,
            let track = StreamTrack.original(codec, StreamTrack.extradata(parameters, atMost: 1 << 24))
        else { return nil }
        self.track = track
        self.clock = PacketClock(numerator: stream.time_base.num, denominator: stream.time_base.den, usualStep: MediaTime(milliseconds: 20))
    }

    /// Appends the packet's frame; true when the track is another one from it on.
    mutating func take(_ packet: borrowing Packet, slab: PayloadSlab, into frames: inout [EncodedFrame]) -> Bool {
        let time = self.clock.stamp(packet).decode
        var isAnother = false
        if packet.hasNewExtradata, let track = StreamTrack.original(self.track.codec, packet.newExtradata), track != self.track {
            self.track = track
            isAnother = true
        }
        let bytes = packet.bytes
        guard let first = bytes.first, VorbisConfiguration.isSound(firstByte: first) else { return isAnother }
        frames.append(EncodedFrame(track: .originalAudio, kind: .audio, isKeyframe: true, decodeTime: time, payload: slab.copy(bytes)))
        return isAnother
    }
}
