import CFFmpeg
import Glibc

/// Samples between a resampler and an encoder, which wants them in pieces of its own size.
final class SampleQueue {
    private let fifo: OpaquePointer
    private let format: Encoder.Audio
    /// Silence, as much as is put in at once.
    private let silence: DecodedFrame

    init(_ format: Encoder.Audio) throws(AVFailure) {
        guard let fifo = av_audio_fifo_alloc(format.sampleFormat, Int32(clamping: format.channels), 4096) else {
            throw AVFailure("allocate samples", code: shim_averror(ENOMEM))
        }
        self.fifo = fifo
        self.format = format
        self.silence = try DecodedFrame()
        try self.allocate(self.silence, samples: 1024)
        _ = av_samples_set_silence(self.silence.raw.pointee.extended_data, 0, 1024, Int32(clamping: format.channels), format.sampleFormat)
    }

    deinit { av_audio_fifo_free(self.fifo) }

    var count: Int { Int(av_audio_fifo_size(self.fifo)) }

    func append(_ frame: borrowing DecodedFrame) throws(AVFailure) { try self.write(frame, samples: frame.sampleCount) }

    func appendSilence(_ samples: Int) throws(AVFailure) {
        var rest = samples
        while rest > 0 {
            try self.write(self.silence, samples: min(rest, 1024))
            rest -= 1024
        }
    }

    /// Moves `samples` of them, which must be there, into a new buffer of `frame`.
    func take(_ samples: Int, into frame: borrowing DecodedFrame) throws(AVFailure) {
        try self.allocate(frame, samples: samples)
        let result = frame.raw.pointee.extended_data.withMemoryRebound(to: UnsafeMutableRawPointer?.self, capacity: self.format.channels) { planes in
            av_audio_fifo_read(self.fifo, planes, Int32(clamping: samples))
        }
        guard result == Int32(clamping: samples) else { throw AVFailure("take samples", code: min(result, shim_averror(EINVAL))) }
    }

    func removeAll() { av_audio_fifo_reset(self.fifo) }

    private func write(_ frame: borrowing DecodedFrame, samples: Int) throws(AVFailure) {
        guard samples > 0, let data = frame.raw.pointee.extended_data else { return }
        let result = data.withMemoryRebound(to: UnsafeMutableRawPointer?.self, capacity: self.format.channels) { planes in
            av_audio_fifo_write(self.fifo, planes, Int32(clamping: samples))
        }
        guard result >= 0 else { throw AVFailure("queue samples", code: result) }
    }

    private func allocate(_ frame: borrowing DecodedFrame, samples: Int) throws(AVFailure) {
        av_frame_unref(frame.raw)
        frame.raw.pointee.format = self.format.sampleFormat.rawValue
        frame.raw.pointee.sample_rate = Int32(clamping: self.format.sampleRate)
        frame.raw.pointee.nb_samples = Int32(clamping: samples)
        av_channel_layout_default(&frame.raw.pointee.ch_layout, Int32(clamping: self.format.channels))
        let result = av_frame_get_buffer(frame.raw, 0)
        guard result >= 0 else { throw AVFailure("allocate samples", code: result) }
    }
}
