extension Track {
    /// Parses a codec configuration record as FLV and MP4 carry it.
    ///
    /// The record is kept, except that the size of NAL unit lengths is set to four bytes, as in every `EncodedFrame`. What a record does not say
    /// (the size of VP9; of AV1 without a sequence header) is 0 and comes with the first keyframe: see `refreshed(byKeyframe:)`.
    /// VP8 has no record: an empty one is taken. MP3 has none either: see `init(id:mp3Frame:)`.
    public init(id: TrackID, codec: Codec, configuration: [UInt8]) throws(MediaError) {
        var stored = configuration
        let format: TrackFormat
        switch codec {
        case .h264:
            let sps = try AVCConfiguration(record: configuration).first
            stored[4] |= 3
            format = .video(VideoFormat(width: sps.width, height: sps.height, frameRate: sps.frameRate))
        case .hevc:
            let sps = try HEVCConfiguration(record: configuration).first
            stored[0] = 1
            stored[21] |= 3
            format = .video(VideoFormat(width: sps.width, height: sps.height, frameRate: sps.frameRate))
        case .av1:
            let header = try AV1Configuration(record: configuration).sequenceHeader
            format = .video(VideoFormat(width: header?.width ?? 0, height: header?.height ?? 0, frameRate: header?.frameRate))
        case .vp9:
            stored = try VPConfiguration(record: configuration).record
            format = .video(VideoFormat(width: 0, height: 0))
        case .vp8:
            format = .video(VideoFormat(width: 0, height: 0))
        case .aac:
            format = .audio(try AudioSpecificConfig(bytes: configuration).format)
        case .opus:
            format = .audio(try OpusHead(bytes: configuration).format)
        case .vorbis:
            let vorbis = try VorbisConfiguration(bytes: configuration)
            stored = vorbis.bytes
            format = .audio(vorbis.format)
        case .mp3:
            throw .unsupportedCodec(codec)
        }
        self.init(id: id, codec: codec, configuration: stored, format: format)
    }

    /// MP3 says what it is in every frame (ISO/IEC 11172-3 §2.4.1.3).
    public init(id: TrackID, mp3Frame: some Collection<UInt8>) throws(MediaError) {
        self.init(id: id, codec: .mp3, configuration: [], format: .audio(try MP3FrameHeader(mp3Frame).format))
    }

    /// The bytes of the length before each NAL unit that the source of this record uses; `Track` itself always means four.
    /// - Throws: for a record that does not parse, and `unsupportedCodec` for anything but H.264 and HEVC.
    public static func nalLengthSize(codec: Codec, configuration: [UInt8]) throws(MediaError) -> Int {
        switch codec {
        case .h264: try AVCConfiguration(record: configuration).nalLengthSize
        case .hevc: try HEVCConfiguration(record: configuration).nalLengthSize
        case .av1, .vp8, .vp9, .aac, .opus, .mp3, .vorbis: throw .unsupportedCodec(codec)
        }
    }
}
