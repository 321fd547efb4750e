import CFFmpeg
import Glibc
public import Media

/// Encodes pictures or sound. Not thread-safe. Call `send`, then `receive` until it gives nothing more.
///
/// The same settings give the same parameter sets, always: encoders of one format can follow each other within one track.
public final class Encoder {
    public struct Video: Sendable, Hashable {
        /// Pixels, even.
        public var width: Int
        public var height: Int
        /// Frames a second; times are counted in frames, unless they are free.
        public var frameRate: Int
        /// Bits per second, on average over two seconds.
        public var bitrate: Int
        /// Frames from one keyframe to the next; 0: only those that `send` asks for, of pictures that come when they come. Times are then microseconds,
        /// and the frame rate is what is expected of them.
        public var keyframeInterval: Int
        /// `h264`, `vp8` or `vp9`.
        public var codec: Codec
        /// Of x264.
        public var preset: String
        /// Of libvpx (`cpu-used`), 0…16: the higher, the less CPU time and quality. VP9 knows no more than 8.
        public var speed = 8
        /// Of libvpx (`crf`), 0…63, lower is better: then `bitrate` is what it may come to at most. nil: the bit rate is held.
        public var quality: Int?
        public var threads: Int
        /// What the source says its colours mean, to be said again.
        public var color: PictureColor?

        var isFree: Bool { self.keyframeInterval == 0 }

        public init(
            width: Int, height: Int, frameRate: Int, bitrate: Int, keyframeInterval: Int, codec: Codec = .h264, preset: String = "veryfast",
            threads: Int = 1
        ) {
            self.codec = codec
            self.width = width
            self.height = height
            self.frameRate = frameRate
            self.bitrate = bitrate
            self.keyframeInterval = keyframeInterval
            self.preset = preset
            self.threads = threads
        }
    }

    public struct Audio: Sendable, Hashable {
        /// Samples a second; times are counted in samples.
        public var sampleRate: Int
        public var channels: Int
        /// Bits per second.
        public var bitrate: Int
        /// `aac` or `opus`; Opus wants 48 kHz.
        public var codec: Codec

        /// In which form the encoder takes samples.
        var sampleFormat: AVSampleFormat { self.codec == .opus ? AV_SAMPLE_FMT_FLT : AV_SAMPLE_FMT_FLTP }

        public init(sampleRate: Int, channels: Int, bitrate: Int, codec: Codec = .aac) {
            self.codec = codec
            self.sampleRate = sampleRate
            self.channels = channels
            self.bitrate = bitrate
        }
    }

    private let context: UnsafeMutablePointer<AVCodecContext>
    /// What comes out, with its configuration record.
    public let track: Track

    private init(_ context: UnsafeMutablePointer<AVCodecContext>, _ track: Track) {
        self.context = context
        self.track = track
    }

    /// Pictures without B-frames, which WebRTC viewers could not show, with keyframes at fixed distances or where they are asked for.
    /// - Throws: `unsupported` for codecs that this build of FFmpeg cannot encode.
    public convenience init(video: Video) throws(AVFailure) {
        switch video.codec {
        case .vp8, .vp9: try self.init(Self.libraryName(of: video.codec)) { context throws(AVFailure) in try Self.openVPX(context, video) }
        default: try self.init("libx264") { context throws(AVFailure) in try Self.openX264(context, video) }
        }
    }

    /// AAC-LC or Opus.
    public convenience init(audio: Audio) throws(AVFailure) {
        let name = audio.codec == .opus ? "libopus" : "aac"
        try self.init(name) { context throws(AVFailure) in try Self.open(context, audio) }
    }

    /// `open` says what comes out of the context.
    private convenience init(
        _ name: String, _ open: (UnsafeMutablePointer<AVCodecContext>) throws(AVFailure) -> Track
    ) throws(AVFailure) {
        let context = try Self.allocate(name)
        do throws(AVFailure) {
            self.init(context, try open(context))
        } catch {
            var context: UnsafeMutablePointer<AVCodecContext>? = context
            avcodec_free_context(&context)
            throw error
        }
    }

    /// What is the same for all codecs.
    static func describe(_ video: Video, in context: UnsafeMutablePointer<AVCodecContext>) {
        let rate = Int32(clamping: max(video.frameRate, 1))
        context.pointee.width = Int32(clamping: video.width)
        context.pointee.height = Int32(clamping: video.height)
        context.pointee.pix_fmt = AV_PIX_FMT_YUV420P
        context.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
        context.pointee.time_base = video.isFree ? shim_time_base_q() : AVRational(num: 1, den: rate)
        context.pointee.framerate = AVRational(num: rate, den: 1)
        context.pointee.bit_rate = Int64(video.bitrate)
        context.pointee.max_b_frames = 0
        context.pointee.thread_count = Int32(clamping: max(video.threads, 1))
        if let color = video.color {
            context.pointee.color_primaries = AVColorPrimaries(rawValue: color.primaries)
            context.pointee.color_trc = AVColorTransferCharacteristic(rawValue: color.transfer)
            context.pointee.colorspace = AVColorSpace(rawValue: color.matrix)
        }
    }

    private static func openX264(_ context: UnsafeMutablePointer<AVCodecContext>, _ video: Video) throws(AVFailure) -> Track {
        self.describe(video, in: context)
        // What viewers choose a rendition by is what it needs at most.
        context.pointee.rc_max_rate = video.isFree ? Int64(video.bitrate) : Int64(video.bitrate) * 5 / 4
        context.pointee.rc_buffer_size = Int32(clamping: video.isFree ? video.bitrate * 3 / 2 : video.bitrate * 2)
        // x264 takes 2^30 for never.
        context.pointee.gop_size = video.isFree ? 1 << 30 : Int32(clamping: video.keyframeInterval)
        var options = ["preset": video.preset, "profile": "main", "x264-params": "scenecut=0:open-gop=0:rc-lookahead=10:force-cfr=1"]
        if video.isFree {
            options["x264-params"] = "scenecut=0:open-gop=0:rc-lookahead=10"
            options["forced-idr"] = "1"
        }
        try self.open(context, options)
        do throws(MediaError) {
            var track = try StreamTrack.track(.h264, parameterSets: StreamTrack.units(self.extradata(context)))
            // The clock of free times, which is what the parameter sets tell then, is no frame rate.
            if video.isFree, let format = track.video {
                track.format = .video(VideoFormat(width: format.width, height: format.height, frameRate: Double(video.frameRate)))
            }
            return track
        } catch {
            throw AVFailure(cause: .invalidData, operation: "open encoder", text: "parameter sets: \(error)")
        }
    }

    private static func open(_ context: UnsafeMutablePointer<AVCodecContext>, _ audio: Audio) throws(AVFailure) -> Track {
        context.pointee.sample_rate = Int32(clamping: audio.sampleRate)
        context.pointee.sample_fmt = audio.sampleFormat
        av_channel_layout_default(&context.pointee.ch_layout, Int32(clamping: audio.channels))
        context.pointee.time_base = AVRational(num: 1, den: Int32(clamping: max(audio.sampleRate, 1)))
        context.pointee.bit_rate = Int64(audio.bitrate)
        // For AAC half the time of the two-loop search; at these rates nobody hears it.
        try self.open(context, audio.codec == .opus ? ["application": "audio"] : ["aac_coder": "fast"])
        do throws(MediaError) {
            return try Track(id: .audio, codec: audio.codec, configuration: self.extradata(context))
        } catch {
            throw AVFailure(cause: .invalidData, operation: "open encoder", text: "configuration: \(error)")
        }
    }

    deinit {
        var context: UnsafeMutablePointer<AVCodecContext>? = self.context
        avcodec_free_context(&context)
    }

    /// Samples in each frame of sound, but for the last one.
    public var frameSize: Int { Int(self.context.pointee.frame_size) }

    /// `time` counts frames (video), microseconds (video whose times are free) or samples (audio), and rises.
    public func send(_ frame: borrowing DecodedFrame, time: Int64, isKeyframe: Bool = false) throws(AVFailure) {
        frame.raw.pointee.pts = time
        // What the source's decoder said of the picture is not an order to this encoder.
        frame.raw.pointee.pict_type = isKeyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE
        let result = avcodec_send_frame(self.context, frame.raw)
        guard result >= 0 else { throw AVFailure("encode", code: result) }
    }

    /// No more frames come: what the encoder holds back can be received.
    public func finish() throws(AVFailure) {
        let result = avcodec_send_frame(self.context, nil)
        guard result >= 0 || result == shim_AVERROR_EOF else { throw AVFailure("encode", code: result) }
    }

    /// False when it wants another frame first, or is at its end.
    public func receive(into packet: borrowing Packet) throws(AVFailure) -> Bool {
        let result = avcodec_receive_packet(self.context, packet.raw)
        if result >= 0 { return true }
        guard result == shim_averror(EAGAIN) || result == shim_AVERROR_EOF else { throw AVFailure("encode", code: result) }
        return false
    }

    private static func allocate(_ name: String) throws(AVFailure) -> UnsafeMutablePointer<AVCodecContext> {
        AVLog.install
        guard let codec = avcodec_find_encoder_by_name(name) else { throw AVFailure("open encoder", code: shim_AVERROR_ENCODER_NOT_FOUND) }
        guard let context = avcodec_alloc_context3(codec) else { throw AVFailure("open encoder", code: shim_averror(ENOMEM)) }
        context.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER
        return context
    }

    static func open(_ context: UnsafeMutablePointer<AVCodecContext>, _ options: [String: String]) throws(AVFailure) {
        var dictionary = try OptionDictionary(options)
        let result = avcodec_open2(context, nil, &dictionary.raw)
        guard result >= 0 else { throw AVFailure("open encoder", code: result) }
        if let name = dictionary.leftover {
            throw AVFailure(cause: .unsupported, operation: "open encoder", code: shim_AVERROR_OPTION_NOT_FOUND, text: "unknown option \(name)")
        }
    }

    private static func extradata(_ context: UnsafeMutablePointer<AVCodecContext>) -> [UInt8] {
        guard let start = context.pointee.extradata, context.pointee.extradata_size > 0 else { return [] }
        return Array(UnsafeBufferPointer(start: start, count: Int(context.pointee.extradata_size)))
    }
}
