import CFFmpeg
import Glibc
public import Media

/// How FFmpeg describes one track: an owned `AVCodecParameters`, and the clock its packets count in.
public final class CodecParameters {
    let raw: UnsafeMutablePointer<AVCodecParameters>
    /// Ticks a second; a muxer may choose another clock, see `Muxer.timescale(of:)`.
    public let timescale: Int32
    /// How the pictures are turned to be shown, as containers say it; empty where they are not.
    private(set) var displayMatrix: [Int32] = []

    private init(timescale: Int32) throws(AVFailure) {
        guard let raw = avcodec_parameters_alloc() else { throw AVFailure("allocate codec parameters", code: shim_averror(ENOMEM)) }
        self.raw = raw
        self.timescale = timescale
    }

    deinit {
        var raw: UnsafeMutablePointer<AVCodecParameters>? = self.raw
        avcodec_parameters_free(&raw)
    }

    /// Video counts in 90 kHz, audio in samples.
    public convenience init(_ track: Track) throws(AVFailure) {
        switch track.format {
        case .video(let format):
            try self.init(timescale: 90_000)
            self.raw.pointee.codec_type = AVMEDIA_TYPE_VIDEO
            self.raw.pointee.width = Int32(clamping: format.width)
            self.raw.pointee.height = Int32(clamping: format.height)
            if format.turn != .none { self.displayMatrix = format.turn.matrix(width: format.width, height: format.height) }
        case .audio(let format):
            guard let rate = Int32(exactly: format.sampleRate), rate > 0 else {
                throw AVFailure(cause: .invalidData, operation: "describe track", text: "sample rate \(format.sampleRate)")
            }
            try self.init(timescale: rate)
            self.raw.pointee.codec_type = AVMEDIA_TYPE_AUDIO
            self.raw.pointee.sample_rate = rate
            self.raw.pointee.frame_size = Int32(clamping: format.samplesPerPacket ?? 0)
            av_channel_layout_default(&self.raw.pointee.ch_layout, Int32(clamping: max(format.channelCount, 1)))
        }
        self.raw.pointee.codec_id = track.codec.identifier
        try self.setConfiguration(track)
    }

    /// A copy of what a demuxer found.
    init(copying other: UnsafePointer<AVCodecParameters>, timescale: Int32, displayMatrix: [Int32]) throws(AVFailure) {
        guard let raw = avcodec_parameters_alloc() else { throw AVFailure("allocate codec parameters", code: shim_averror(ENOMEM)) }
        self.raw = raw
        self.timescale = timescale
        self.displayMatrix = displayMatrix
        let result = avcodec_parameters_copy(raw, other)
        guard result >= 0 else { throw AVFailure("copy codec parameters", code: result) }
    }

    public var codec: Codec? { Codec(identifier: self.raw.pointee.codec_id) }

    /// Of any codec.
    var isVideoOrAudio: Bool { [AVMEDIA_TYPE_VIDEO, AVMEDIA_TYPE_AUDIO].contains(self.raw.pointee.codec_type) }

    /// nil for codecs that Martlet does not carry.
    public func track(id: TrackID) -> Track? {
        guard let codec = self.codec else { return nil }
        let format: TrackFormat
        switch codec.kind {
        case .video:
            format = .video(
                VideoFormat(
                    width: Int(self.raw.pointee.width), height: Int(self.raw.pointee.height), turn: PictureTurn(matrix: self.displayMatrix)))
        case .audio:
            let samples = Int(self.raw.pointee.frame_size)
            format = .audio(
                AudioFormat(
                    sampleRate: Int(self.raw.pointee.sample_rate), channelCount: Int(self.raw.pointee.ch_layout.nb_channels),
                    samplesPerPacket: codec == .opus || codec == .vorbis || samples <= 0 ? nil : samples))
        }
        return Track(id: id, codec: codec, configuration: self.configuration(of: codec), format: format)
    }

    private func configuration(of codec: Codec) -> [UInt8] {
        switch codec {
        case .vp9: VPRecord.bytes(of: self.raw.pointee)
        case .vp8, .mp3: []
        case .h264, .hevc, .av1, .aac, .opus, .vorbis: self.extradata
        }
    }

    private static func vpConfiguration(_ record: [UInt8]) throws(AVFailure) -> VPConfiguration {
        do throws(MediaError) {
            return try VPConfiguration(record: record)
        } catch {
            throw AVFailure(cause: .invalidData, operation: "describe track", text: "VP9 record: \(error)")
        }
    }

    /// Samples at 48 kHz that an Opus decoder throws away at the start (RFC 7845 §5.1); 0 for other codecs.
    var opusDelay: UInt16 {
        guard self.codec == .opus else { return 0 }
        do throws(MediaError) { return try OpusHead(bytes: self.extradata).preSkip } catch { return 0 }
    }

    private var extradata: [UInt8] {
        guard let start = self.raw.pointee.extradata, self.raw.pointee.extradata_size > 0 else { return [] }
        return Array(UnsafeBufferPointer(start: start, count: Int(self.raw.pointee.extradata_size)))
    }

    private func setConfiguration(_ track: Track) throws(AVFailure) {
        let bytes = track.configuration
        switch track.codec {
        case .vp9:
            // FFmpeg writes the record itself, from the pixel format, profile and level.
            VPRecord.apply(try Self.vpConfiguration(bytes), to: &self.raw.pointee)
            return
        case .vp8, .mp3:
            return
        case .h264, .hevc, .av1, .aac, .opus, .vorbis:
            break
        }
        guard !bytes.isEmpty else {
            throw AVFailure(cause: .invalidData, operation: "describe track", text: "\(track.codec) track without a configuration record")
        }
        let padding = Int(AV_INPUT_BUFFER_PADDING_SIZE)
        guard bytes.count <= 1 << 20, let memory = av_mallocz(bytes.count + padding) else {
            throw AVFailure("allocate extradata", code: shim_averror(ENOMEM))
        }
        let start = memory.assumingMemoryBound(to: UInt8.self)
        bytes.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { start.update(from: base, count: source.count) }
        }
        self.raw.pointee.extradata = start
        self.raw.pointee.extradata_size = Int32(bytes.count)
    }
}

extension Codec {
    var identifier: AVCodecID {
        switch self {
        case .h264: AV_CODEC_ID_H264
        case .hevc: AV_CODEC_ID_HEVC
        case .av1: AV_CODEC_ID_AV1
        case .vp8: AV_CODEC_ID_VP8
        case .vp9: AV_CODEC_ID_VP9
        case .aac: AV_CODEC_ID_AAC
        case .opus: AV_CODEC_ID_OPUS
        case .mp3: AV_CODEC_ID_MP3
        case .vorbis: AV_CODEC_ID_VORBIS
        }
    }

    init?(identifier: AVCodecID) {
        guard let codec = Codec.allCases.first(where: { $0.identifier.rawValue == identifier.rawValue }) else { return nil }
        self = codec
    }

    /// nil also for what no stream carries by itself.
    init?(carried identifier: AVCodecID) {
        self.init(identifier: identifier)
        if self.needsConversion { return nil }
    }
}
