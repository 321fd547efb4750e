import CFFmpeg
import Glibc

/// An `AVIOContext` that writes to a `ByteSink`, and remembers the first failure in the sink's own words.
final class SinkContext {
    private static let bufferSize = 64 << 10

    private let sink: any ByteSink
    private(set) var raw: UnsafeMutablePointer<AVIOContext>?
    private(set) var failure: AVFailure?

    init(_ sink: any ByteSink) throws(AVFailure) {
        self.sink = sink
        guard let buffer = av_malloc(Self.bufferSize) else { throw AVFailure("allocate buffer", code: shim_averror(ENOMEM)) }
        let opaque = Unmanaged.passUnretained(self).toOpaque()
        self.raw = avio_alloc_context(
            buffer.assumingMemoryBound(to: UInt8.self), Int32(Self.bufferSize), 1, opaque, nil, Self.writeCallback, Self.seekCallback)
        guard let raw = self.raw else {
            av_free(buffer)
            throw AVFailure("allocate output", code: shim_averror(ENOMEM))
        }
        raw.pointee.seekable = sink.isSeekable ? AVIO_SEEKABLE_NORMAL : 0
    }

    deinit {
        guard self.raw != nil else { return }
        // FFmpeg may have replaced the buffer, so it is freed through the context.
        av_freep(&self.raw!.pointee.buffer)
        avio_context_free(&self.raw)
    }

    /// Empties FFmpeg's buffer into the sink.
    func flush() throws(AVFailure) {
        guard let raw = self.raw else { return }
        avio_flush(raw)
        if let failure = self.failure { throw failure }
        if raw.pointee.error < 0 { throw AVFailure("write output", code: raw.pointee.error) }
    }

    private func write(_ data: UnsafeMutablePointer<UInt8>?, _ size: Int32) -> Int32 {
        guard let data, size > 0 else { return 0 }
        if let failure = self.failure { return failure.code }
        do throws(AVFailure) {
            try self.sink.write(UnsafeRawBufferPointer(start: data, count: Int(size)))
            return size
        } catch {
            self.failure = error
            return error.code < 0 ? error.code : shim_averror(EIO)
        }
    }

    private func seek(_ offset: Int64, _ whence: Int32) -> Int64 {
        if whence & AVSEEK_SIZE != 0 { return self.sink.length }
        guard self.sink.isSeekable else { return Int64(shim_averror(ESPIPE)) }
        let start: Int64
        switch whence & ~AVSEEK_FORCE {
        case SEEK_SET: start = 0
        case SEEK_CUR: start = self.sink.position
        case SEEK_END: start = self.sink.length
        default: return Int64(shim_averror(EINVAL))
        }
        let (target, overflow) = start.addingReportingOverflow(offset)
        guard !overflow else { return Int64(shim_averror(EINVAL)) }
        do throws(AVFailure) {
            try self.sink.seek(to: target)
            return target
        } catch {
            self.failure = self.failure ?? error
            return Int64(error.code < 0 ? error.code : shim_averror(EIO))
        }
    }

    // C callbacks: statics of a non-isolated class, no captures. `opaque` is this object, which outlives the context it owns.
    private static let writeCallback: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt8>?, Int32) -> Int32 = {
        opaque, data, size in
        guard let opaque else { return shim_averror(EINVAL) }
        return Unmanaged<SinkContext>.fromOpaque(opaque).takeUnretainedValue().write(data, size)
    }

    private static let seekCallback: @convention(c) (UnsafeMutableRawPointer?, Int64, Int32) -> Int64 = { opaque, offset, whence in
        guard let opaque else { return Int64(shim_averror(EINVAL)) }
        return Unmanaged<SinkContext>.fromOpaque(opaque).takeUnretainedValue().seek(offset, whence)
    }
}
