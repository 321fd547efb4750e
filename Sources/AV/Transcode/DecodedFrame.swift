import CFFmpeg
import Glibc
import Media

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
