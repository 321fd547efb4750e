/// What a decoder and a container need to know of one track. Equal tracks can share an init segment.
public struct Track: Sendable, Hashable {
    public var id: TrackID
    public var codec: Codec
    /// The codec's configuration record, as MP4 and FLV carry it: AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3),
    /// HEVCDecoderConfigurationRecord (§8.3.3), AV1CodecConfigurationRecord (AV1-ISOBMFF §2.3), VPCodecConfigurationRecord
    /// (VP-ISOBMFF), AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1), the Opus identification header (RFC 7845 §5.1), the Vorbis headers as Matroska has
    /// them (`VorbisConfiguration`). Empty for VP8 and MP3.
    public var configuration: [UInt8]
    public var format: TrackFormat

    /// For formats that are known from elsewhere; see `init(id:codec:configuration:)` for parsing them out of the record.
    public init(id: TrackID, codec: Codec, configuration: [UInt8], format: TrackFormat) {
        self.id = id
        self.codec = codec
        self.configuration = configuration
        self.format = format
    }

    @inlinable public var kind: MediaKind { self.codec.kind }

    public var video: VideoFormat? {
        if case .video(let format) = self.format { format } else { nil }
    }
    public var audio: AudioFormat? {
        if case .audio(let format) = self.format { format } else { nil }
    }

    /// The same pictures, shown this way; sound stays as it is.
    public func turned(_ turn: PictureTurn) -> Track {
        guard var video = self.video, video.turn != turn else { return self }
        video.turn = turn
        var track = self
        track.format = .video(video)
        return track
    }
}

public enum TrackFormat: Sendable, Hashable {
    case video(VideoFormat)
    case audio(AudioFormat)
}

public struct VideoFormat: Sendable, Hashable {
    /// Size of the decoded pictures in pixels, after cropping and before they are turned; 0 when the bitstream does not say.
    public var width: Int
    public var height: Int
    /// Frames per second as the bitstream claims it; nil when it does not.
    public var frameRate: Double?
    /// How decoded pictures are turned to be shown upright, as the container says; the bitstream may have more to say where that is `none`.
    public var turn: PictureTurn

    public init(width: Int, height: Int, frameRate: Double? = nil, turn: PictureTurn = .none) {
        self.width = width
        self.height = height
        self.frameRate = frameRate
        self.turn = turn
    }

    /// As viewers see it.
    public var shownWidth: Int { self.turn.isSideways ? self.height : self.width }
    public var shownHeight: Int { self.turn.isSideways ? self.width : self.height }
}

public struct AudioFormat: Sendable, Hashable {
    /// Samples per second of the decoded sound, e.g. 48000.
    public var sampleRate: Int
    public var channelCount: Int
    /// Samples in one packet: 1024 for AAC-LC, 1152 for MPEG-1 Layer III; nil where packets differ (Opus, Vorbis).
    public var samplesPerPacket: Int?

    public init(sampleRate: Int, channelCount: Int, samplesPerPacket: Int? = nil) {
        self.sampleRate = sampleRate
        self.channelCount = channelCount
        self.samplesPerPacket = samplesPerPacket
    }
}
