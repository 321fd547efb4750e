import CFFmpeg
import Glibc
public import Media

/// Decodes one stream. Not thread-safe. Call `send`, then `receive` until it gives nothing more.
public final class Decoder {
    /// A frame of 8K; what is larger is not decoded.
    private static let mostPixels: Int64 = 7680 * 4320

    private let context: UnsafeMutablePointer<AVCodecContext>
    let timeBase: AVRational
    /// Packets the decoder could not make sense of.
    public private(set) var damaged = 0

    /// - Throws: `unsupported` for codecs that this build of FFmpeg does not have.
    public convenience init(_ parameters: CodecParameters, threads: Int = 1) throws(AVFailure) {
        try self.init(parameters.raw, timeBase: AVRational(num: 1, den: parameters.timescale), threads: threads)
    }

    /// Of frames as the hub has them, sent as `Packet(frame)`; times are microseconds.
    /// - Throws: `unsupported` for codecs that this build of FFmpeg does not have.
    public convenience init(_ track: Track, threads: Int = 1) throws(AVFailure) {
        let parameters = try CodecParameters(track)
        try self.init(parameters.raw, timeBase: shim_time_base_q(), threads: threads)
        withExtendedLifetime(parameters) {}
    }

    init(_ parameters: UnsafePointer<AVCodecParameters>, timeBase: AVRational, threads: Int = 1) throws(AVFailure) {
        AVLog.install
        guard let codec = avcodec_find_decoder(parameters.pointee.codec_id) else {
            throw AVFailure("open decoder", code: shim_AVERROR_DECODER_NOT_FOUND)
        }
        guard let context = avcodec_alloc_context3(codec) else { throw AVFailure("open decoder", code: shim_averror(ENOMEM)) }
        self.context = context
        self.timeBase = timeBase
        let copied = avcodec_parameters_to_context(context, parameters)
        guard copied >= 0 else { throw AVFailure("open decoder", code: copied) }
        context.pointee.pkt_timebase = timeBase
        context.pointee.thread_count = Int32(clamping: max(threads, 1))
        context.pointee.max_pixels = Self.mostPixels
        let opened = avcodec_open2(context, codec, nil)
        guard opened >= 0 else { throw AVFailure("open decoder", code: opened) }
    }

    deinit {
        var context: UnsafeMutablePointer<AVCodecContext>? = self.context
        avcodec_free_context(&context)
    }

    /// Damaged packets are counted and skipped.
    public func send(_ packet: borrowing Packet) throws(AVFailure) { try self.check(avcodec_send_packet(self.context, packet.raw)) }

    /// No more packets come: what the decoder holds back can be received.
    public func finish() throws(AVFailure) { try self.check(avcodec_send_packet(self.context, nil)) }

    /// False when it wants another packet first, or is at its end.
    public func receive(into frame: borrowing DecodedFrame) throws(AVFailure) -> Bool {
        while true {
            let result = avcodec_receive_frame(self.context, frame.raw)
            if result >= 0 { return true }
            if result == shim_averror(EAGAIN) || result == shim_AVERROR_EOF { return false }
            guard result == shim_AVERROR_INVALIDDATA else { throw AVFailure("decode", code: result) }
            self.damaged += 1
        }
    }

    private func check(_ result: Int32) throws(AVFailure) {
        if result >= 0 || result == shim_AVERROR_EOF { return }
        // The caller has received everything, so EAGAIN is the codec's own; a packet that some codec refuses for any other reason is as damaged.
        guard result != shim_averror(ENOMEM) else { throw AVFailure("decode", code: result) }
        self.damaged += 1
    }
}
