public import Media

/// Writes what stands in front of a payload in an audio or video message. H.264, AAC and MP3 in the legacy form that every peer reads; HEVC,
/// AV1, VP9, VP8 and Opus by FourCC (enhanced RTMP).
public enum FLVTag {
    /// In front of a track's configuration record; nil for codecs that have none on the wire.
    public static func configurationHeader(_ track: Track) -> FLVHeader? {
        switch track.codec {
        case .h264: return FLVHeader(0x17, 0x00, 0, 0, 0)
        case .aac: return FLVHeader(0xAF, 0x00)
        case .mp3, .vorbis: return nil
        case .hevc, .av1, .vp8, .vp9, .opus:
            guard !track.configuration.isEmpty, let name = FourCC(track.codec) else { return nil }
            // Video: enhanced bit, keyframe, SequenceStart. Audio: sound format 9, SequenceStart. The same byte.
            var header = FLVHeader(0x90)
            header.append(name)
            return header
        }
    }

    /// In front of `frame.payload`; nil for codecs that RTMP does not carry.
    public static func header(of frame: EncodedFrame, in track: Track) -> FLVHeader? {
        switch track.codec {
        case .aac: return FLVHeader(0xAF, 0x01)
        case .mp3: return FLVHeader(Self.mp3Flags(track.audio))
        case .opus:
            var header = FLVHeader(0x91)
            header.append(FourCC.opus)
            return header
        case .h264:
            var header = FLVHeader(frame.isKeyframe ? 0x17 : 0x27, 0x01)
            header.append(compositionTime: Self.compositionTime(frame))
            return header
        case .hevc:
            let time = Self.compositionTime(frame)
            // CodedFramesX saves the composition time where it is 0.
            var header = FLVHeader((frame.isKeyframe ? 0x90 : 0xA0) | (time == 0 ? 3 : 1))
            header.append(FourCC.hvc1)
            if time != 0 { header.append(compositionTime: time) }
            return header
        case .av1, .vp8, .vp9:
            guard let name = FourCC(track.codec) else { return nil }
            var header = FLVHeader((frame.isKeyframe ? 0x90 : 0xA0) | 1)
            header.append(name)
            return header
        case .vorbis: return nil
        }
    }

    /// Says that no more video of this sequence comes.
    public static func endOfSequenceHeader(_ codec: Codec) -> FLVHeader? {
        switch codec {
        case .h264: return FLVHeader(0x17, 0x02, 0, 0, 0)
        case .hevc, .av1, .vp8, .vp9:
            guard let name = FourCC(codec) else { return nil }
            var header = FLVHeader(0x92)
            header.append(name)
            return header
        case .aac, .mp3, .opus, .vorbis: return nil
        }
    }

    /// The RTMP timestamp of a frame: its decode time in milliseconds, wrapping at 32 bits.
    @inlinable public static func timestamp(of frame: EncodedFrame) -> UInt32 {
        UInt32(truncatingIfNeeded: frame.decodeTime.milliseconds)
    }

    /// The difference of two rounded times, so that timestamp plus composition time is the rounded presentation time.
    private static func compositionTime(_ frame: EncodedFrame) -> Int64 {
        frame.presentationTime.milliseconds &- frame.decodeTime.milliseconds
    }

    /// FLV E.4.2.1: format 2, the rate, 16-bit samples, mono or stereo. Only three rates can be said; decoders go by the MP3 header.
    private static func mp3Flags(_ format: AudioFormat?) -> UInt8 {
        let rate: UInt8 =
            switch format?.sampleRate ?? 44100 {
            case ..<16000: 1
            case ..<32000: 2
            default: 3
            }
        return 0x22 | rate << 2 | (format?.channelCount == 1 ? 0 : 1)
    }
}
