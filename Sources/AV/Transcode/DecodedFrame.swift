import CFFmpeg
import Glibc
public import Media

/// One picture, or some sound, in the open; owned, as `Packet` owns what is compressed.
public struct DecodedFrame: ~Copyable {
    let raw: UnsafeMutablePointer<AVFrame>

    /// Empty, for a decoder to fill.
    public init() throws(AVFailure) {
        guard let raw = av_frame_alloc() else { throw AVFailure("allocate frame", code: shim_averror(ENOMEM)) }
        self.raw = raw
    }

    deinit {
        var raw: UnsafeMutablePointer<AVFrame>? = self.raw
        av_frame_free(&raw)
    }

    /// Pixels; 0 for sound.
    public var width: Int { Int(self.raw.pointee.width) }
    public var height: Int { Int(self.raw.pointee.height) }
    /// Samples in each channel; 0 for pictures.
    public var sampleCount: Int { Int(self.raw.pointee.nb_samples) }

    /// Width to height of one pixel, 1 where nothing is said.
    public var pixelAspect: Double {
        let ratio = self.raw.pointee.sample_aspect_ratio
        return ratio.num > 0 && ratio.den > 0 ? Double(ratio.num) / Double(ratio.den) : 1
    }

    public var color: PictureColor {
        let frame = self.raw.pointee
        return PictureColor(primaries: frame.color_primaries.rawValue, transfer: frame.color_trc.rawValue, matrix: frame.colorspace.rawValue)
    }

    /// When it is to be shown, where packets counted microseconds; nil when the packet did not say.
    public var presentationTime: MediaTime? { self.time(shim_time_base_q()) }

    /// When it is to be shown, given the clock of the packets it came from.
    func time(_ timeBase: AVRational) -> MediaTime? {
        let known = self.raw.pointee.best_effort_timestamp
        let ticks = known != shim_AV_NOPTS_VALUE ? known : self.raw.pointee.pts
        return ticks == shim_AV_NOPTS_VALUE ? nil : PacketClock.time(ticks, timeBase)
    }

    /// Takes over what `other` holds, which is empty afterwards.
    func move(from other: borrowing DecodedFrame) {
        av_frame_unref(self.raw)
        av_frame_move_ref(self.raw, other.raw)
    }
}

/// What the numbers in a picture mean as colours (ISO/IEC 23091-2), as its bitstream says; FFmpeg's values are those of the standard.
public struct PictureColor: Sendable, Hashable {
    let primaries: UInt32
    let transfer: UInt32
    let matrix: UInt32
}
