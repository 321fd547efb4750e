import CFFmpeg
import Glibc

/// Brings sound of any rate, layout and sample format to those of one encoder. Not thread-safe.
public final class Resampler {
    private struct Input: Equatable {
        var rate: Int32
        var channels: Int32
        var format: Int32
    }

    private let target: Encoder.Audio
    private var context: OpaquePointer?
    private var input: Input?

    public init(_ target: Encoder.Audio) { self.target = target }

    deinit { swr_free(&self.context) }

    /// Samples of the target's rate that went in and have not come out yet.
    public var delay: Int { self.context.map { Int(swr_get_delay($0, Int64(self.target.sampleRate))) } ?? 0 }

    /// Fills `output` with what there is now, which may be nothing.
    public func convert(_ source: borrowing DecodedFrame, into output: borrowing DecodedFrame) throws(AVFailure) {
        let raw = source.raw
        // A decoder that knows only how many channels there are means their usual order.
        if raw.pointee.ch_layout.order == AV_CHANNEL_ORDER_UNSPEC {
            av_channel_layout_default(&raw.pointee.ch_layout, raw.pointee.ch_layout.nb_channels)
        }
        let input = Input(rate: raw.pointee.sample_rate, channels: raw.pointee.ch_layout.nb_channels, format: raw.pointee.format)
        if input != self.input { try self.open(input, raw) }
        try self.run(raw, output)
    }

    /// Fills `output` with what is left inside; sound that follows starts afresh.
    public func drain(into output: borrowing DecodedFrame) throws(AVFailure) {
        guard self.context != nil else { return av_frame_unref(output.raw) }
        try self.run(nil, output)
        swr_free(&self.context)
        self.input = nil
    }

    private func open(_ input: Input, _ raw: UnsafeMutablePointer<AVFrame>) throws(AVFailure) {
        swr_free(&self.context)
        var layout = AVChannelLayout()
        av_channel_layout_default(&layout, Int32(clamping: self.target.channels))
        var result = swr_alloc_set_opts2(
            &self.context, &layout, self.target.sampleFormat, Int32(clamping: self.target.sampleRate), &raw.pointee.ch_layout,
            AVSampleFormat(rawValue: input.format), input.rate, 0, nil)
        if result >= 0 { result = swr_init(self.context) }
        guard result >= 0 else { throw AVFailure("resample", code: result) }
        self.input = input
    }

    private func run(_ source: UnsafeMutablePointer<AVFrame>?, _ output: borrowing DecodedFrame) throws(AVFailure) {
        av_frame_unref(output.raw)
        output.raw.pointee.format = self.target.sampleFormat.rawValue
        output.raw.pointee.sample_rate = Int32(clamping: self.target.sampleRate)
        av_channel_layout_default(&output.raw.pointee.ch_layout, Int32(clamping: self.target.channels))
        let result = swr_convert_frame(self.context, output.raw, source)
        guard result >= 0 else { throw AVFailure("resample", code: result) }
    }
}
