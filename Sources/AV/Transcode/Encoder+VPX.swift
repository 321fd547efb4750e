import CFFmpeg
import Media

extension Encoder {
    static func libraryName(of codec: Codec) -> String { codec == .vp9 ? "libvpx-vp9" : "libvpx" }

    /// VP8 or VP9 in real time: nothing is looked ahead for, and no frame is hidden, so that one goes in and one comes out.
    static func openVPX(_ context: UnsafeMutablePointer<AVCodecContext>, _ video: Video) throws(AVFailure) -> Track {
        self.describe(video, in: context)
        // How long a picture is expected to last, in its own clock: libvpx spends bits by it.
        if video.isFree { context.pointee.ticks_per_frame = Int32(clamping: 1_000_000 / max(video.frameRate, 1)) }
        // libvpx makes keyframes where the picture changes altogether, too; without an order it makes one in ten seconds.
        context.pointee.gop_size = Int32(clamping: video.isFree ? max(video.frameRate, 1) * 10 : video.keyframeInterval)
        var options = [
            "deadline": "realtime", "lag-in-frames": "0", "auto-alt-ref": "0",
            // VP8 takes a positive number as the share of the time that it may use up, looking at the clock, and a negative one as a speed.
            "cpu-used": "\(video.codec == .vp9 ? min(video.speed, 8) : -video.speed)",
        ]
        if video.codec == .vp9 {
            options["row-mt"] = "1"
            // Columns of a picture that threads share: 2 to the power of this; libvpx makes fewer of narrow pictures.
            options["tile-columns"] = "2"
        }
        if let quality = video.quality {
            options["crf"] = "\(quality)"
        } else {
            context.pointee.rc_min_rate = Int64(video.bitrate)
            context.pointee.rc_max_rate = Int64(video.bitrate)
            context.pointee.rc_buffer_size = Int32(clamping: video.bitrate * 3 / 2)
        }
        try self.open(context, options)
        return Track(
            id: .video, codec: video.codec, configuration: video.codec == .vp9 ? VPConfiguration().record : [],
            format: .video(VideoFormat(width: video.width, height: video.height, frameRate: Double(video.frameRate))))
    }
}
