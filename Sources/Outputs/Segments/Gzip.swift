import CZlib
public import NIOCore

/// gzip (RFC 1952) of small texts in one go.
public enum Gzip {
    /// nil when zlib has no memory; the text is then sent as it is.
    public static func compress(_ text: ByteBuffer) -> ByteBuffer? {
        var stream = z_stream()
        guard shim_deflate_init_gzip(&stream, 6) == Z_OK else { return nil }
        defer { deflateEnd(&stream) }
        var input = text
        let bound = Int(deflateBound(&stream, UInt(input.readableBytes)))
        var output = ByteBufferAllocator().buffer(capacity: bound)
        let isDone = input.withUnsafeMutableReadableBytes { source in
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { target in
                stream.next_in = source.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.avail_out = UInt32(clamping: target.count)
                let room = Int(stream.avail_out)
                return deflate(&stream, Z_FINISH) == Z_STREAM_END ? room - Int(stream.avail_out) : 0
            } > 0
        }
        return isDone ? output : nil
    }
}
