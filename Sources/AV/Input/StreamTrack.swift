import CFFmpeg
import Media
import NIOCore

/// Tracks out of what FFmpeg knows of a stream. Its `extradata` has the container's form: a configuration record, or parameter sets with start codes.
enum StreamTrack {
    /// A video track, nil when the bitstream has to tell first; and the bytes before each NAL unit, 0 for start codes.
    static func video(_ codec: Codec, _ parameters: AVCodecParameters) -> (track: Track?, lengthSize: Int) {
        let extradata = self.extradata(parameters)
        let size = VideoFormat(width: Int(parameters.width), height: Int(parameters.height))
        switch codec {
        case .h264, .hevc, .av1:
            return self.nalOrRecord(codec, extradata)
        case .vp9:
            return (Track(id: .video, codec: codec, configuration: VPRecord.bytes(of: parameters), format: .video(size)), 0)
        case .vp8:
            return (Track(id: .video, codec: codec, configuration: [], format: .video(size)), 0)
        case .aac, .opus, .mp3, .vorbis:
            return (nil, 0)
        }
    }

    /// nil where the first packet has to tell (ADTS, MP3).
    static func audio(_ codec: Codec, _ parameters: AVCodecParameters) -> Track? {
        let extradata = self.extradata(parameters)
        switch codec {
        case .aac where !extradata.isEmpty:
            return self.orNil { () throws(MediaError) in try Track(id: .audio, codec: .aac, configuration: extradata) }
        case .opus:
            let channels = Int(parameters.ch_layout.nb_channels)
            return self.orNil { () throws(MediaError) in try Track(id: .audio, codec: .opus, configuration: extradata) }
                ?? self.orNil { () throws(MediaError) in
                    try Track(id: .audio, codec: .opus, configuration: OpusHead(channelCount: channels).bytes)
                }
        default:
            return nil
        }
    }

    /// From parameter sets alone, each with its NAL header.
    static func track(_ codec: Codec, parameterSets sets: [[UInt8]]) throws(MediaError) -> Track {
        if codec == .hevc {
            func found(_ type: HEVCNALUnitType) -> [[UInt8]] { sets.filter { HEVCNALUnitType(header: $0.first ?? 0) == type } }
            let configuration = try HEVCConfiguration(
                videoParameterSets: found(.videoParameterSet), sequenceParameterSets: found(.sequenceParameterSet),
                pictureParameterSets: found(.pictureParameterSet))
            return try Track(id: .video, codec: codec, configuration: configuration.record)
        }
        func found(_ type: AVCNALUnitType) -> [[UInt8]] { sets.filter { AVCNALUnitType(header: $0.first ?? 0) == type } }
        let configuration = try AVCConfiguration(
            sequenceParameterSets: found(.sequenceParameterSet), pictureParameterSets: found(.pictureParameterSet))
        return try Track(id: .video, codec: codec, configuration: configuration.record)
    }

    /// The NAL units of `bytes` in byte stream form.
    static func units(_ bytes: [UInt8]) throws(MediaError) -> [[UInt8]] {
        var ranges: [Range<Int>] = []
        let result = bytes.withUnsafeBytes { source in
            Result { () throws(MediaError) in
                try NALRewriter.scanStartCodes(source) { range throws(MediaError) in
                    guard ranges.count < 64 else { throw .limitExceeded }
                    ranges.append(range)
                }
            }
        }
        try result.get()
        return ranges.map { Array(bytes[$0]) }
    }

    /// Of sound that is converted, as it came; nil when its headers do not parse.
    static func original(_ codec: Codec, _ extradata: [UInt8]) -> Track? {
        self.orNil { () throws(MediaError) in try Track(id: .originalAudio, codec: codec, configuration: extradata) }
    }

    /// The same of headers that came as packets.
    static func original(_ codec: Codec, identification: [UInt8], setup: UnsafeRawBufferPointer) -> Track? {
        self.orNil { () throws(MediaError) in
            let configuration = try VorbisConfiguration(identification: identification, setup: Array(setup))
            return try Track(id: .originalAudio, codec: codec, configuration: configuration.bytes)
        }
    }

    static func extradata(_ parameters: AVCodecParameters, atMost limit: Int = 1 << 16) -> [UInt8] {
        guard let start = parameters.extradata, parameters.extradata_size > 0, parameters.extradata_size <= limit else { return [] }
        return Array(UnsafeBufferPointer(start: start, count: Int(parameters.extradata_size)))
    }

    /// From a record that comes in mid-stream.
    static func nalOrRecord(_ codec: Codec, _ extradata: [UInt8]) -> (track: Track?, lengthSize: Int) {
        switch codec {
        case .h264, .hevc: self.nalTrack(codec, extradata)
        case .av1: (self.orNil { () throws(MediaError) in try self.av1(extradata) }, 0)
        case .vp8, .vp9, .aac, .opus, .mp3, .vorbis: (nil, 0)
        }
    }

    private static func nalTrack(_ codec: Codec, _ extradata: [UInt8]) -> (track: Track?, lengthSize: Int) {
        guard extradata.count >= 7 else { return (nil, 0) }
        guard extradata[0] != 0 || extradata[1] != 0 || extradata[2] > 1 else {
            return (self.orNil { () throws(MediaError) in try self.track(codec, parameterSets: self.units(extradata)) }, 0)
        }
        // The length size stands even in records whose parameter sets are left to the bitstream.
        let field = codec == .hevc ? 21 : 4
        let lengthSize = extradata.count > field ? Int(extradata[field] & 3) + 1 : 4
        let track = self.orNil { () throws(MediaError) in try Track(id: .video, codec: codec, configuration: extradata) }
        return (track, lengthSize == 3 ? 4 : lengthSize)
    }

    private static func av1(_ extradata: [UInt8]) throws(MediaError) -> Track? {
        guard let first = extradata.first else { return nil }
        if first == 0x81 { return try Track(id: .video, codec: .av1, configuration: extradata) }
        guard let header = try AV1SequenceHeader(temporalUnit: ByteBuffer(bytes: extradata)) else { return nil }
        return try Track(id: .video, codec: .av1, configuration: AV1Configuration(sequenceHeader: header).record)
    }

    /// What the container says may be wrong where the bitstream is right, and that comes with the first keyframe.
    private static func orNil(_ make: () throws(MediaError) -> Track?) -> Track? {
        do throws(MediaError) {
            return try make()
        } catch {
            return nil
        }
    }
}
