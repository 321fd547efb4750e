import CFFmpeg
import Glibc

/// An `AVIOContext` that reads from a `ByteSource`, and remembers the failure in the source's own words.
final class SourceContext {
    /// Room to go back to the first packets after the container was recognised by them.
    private static let bufferSize = 64 << 10

    private let source: any ByteSource
    private(set) var raw: UnsafeMutablePointer<AVIOContext>?
    private(set) var failure: AVFailure?

    init(_ source: any ByteSource) throws(AVFailure) {
        self.source = source
        guard let buffer = av_malloc(Self.bufferSize) else { throw AVFailure("allocate buffer", code: shim_averror(ENOMEM)) }
        let opaque = Unmanaged.passUnretained(self).toOpaque()
        self.raw = avio_alloc_context(
            buffer.assumingMemoryBound(to: UInt8.self), Int32(Self.bufferSize), 0, opaque, Self.readCallback, nil, nil)
        guard let raw = self.raw else {
            av_free(buffer)
            throw AVFailure("allocate input", code: shim_averror(ENOMEM))
        }
        raw.pointee.seekable = 0
    }

    deinit {
        guard self.raw != nil else { return }
        // FFmpeg may have replaced the buffer, so it is freed through the context.
        av_freep(&self.raw!.pointee.buffer)
        avio_context_free(&self.raw)
    }

    private func read(_ data: UnsafeMutablePointer<UInt8>?, _ size: Int32) -> Int32 {
        guard let data, size > 0 else { return shim_averror(EINVAL) }
        if let failure = self.failure { return failure.code }
        do throws(AVFailure) {
            let count = try self.source.read(into: UnsafeMutableRawBufferPointer(start: data, count: Int(size)))
            return count > 0 ? Int32(clamping: min(count, Int(size))) : shim_AVERROR_EOF
        } catch {
            self.failure = error
            return error.code < 0 ? error.code : shim_averror(EIO)
        }
    }

    // A C callback: no captures. `opaque` is this object, which outlives the context it owns.
    private static let readCallback: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt8>?, Int32) -> Int32 = {
        opaque, data, size in
        guard let opaque else { return shim_averror(EINVAL) }
        return Unmanaged<SourceContext>.fromOpaque(opaque).takeUnretainedValue().read(data, size)
    }
}
