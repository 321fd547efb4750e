public import NIOCore

/// Memory for the payloads of one input, each written once, behind one another.
///
/// A payload with memory of its own would take the next power of two of its size, and a slice of a read would keep the whole read. What is in one
/// slab is let go at about the same time: with its group of pictures. Used by one thread or event loop.
public final class PayloadSlab {
    private static let bytes = 64 << 10

    private var slab = AppendMemory(capacity: 0)

    public init() {}

    /// `count` bytes, which `fill` must write all of.
    public func make(_ count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> ByteBuffer {
        guard count > 0 else { return ByteBuffer() }
        if count > self.slab.room {
            // More than a slab: memory of its own, whose rest smaller ones may use when it is larger than what is left here.
            var fresh = AppendMemory(capacity: max(Self.bytes, count))
            guard fresh.room - count > self.slab.room else { return fresh.append(count, fill) }
            self.slab = fresh
        }
        return self.slab.append(count, fill)
    }

    /// A copy of the bytes.
    public func copy(_ source: UnsafeRawBufferPointer) -> ByteBuffer {
        self.make(source.count) { $0.copyMemory(from: source) }
    }

    /// The same bytes, in memory that holds little else.
    public func copy(_ source: ByteBuffer) -> ByteBuffer {
        source.withUnsafeReadableBytes { self.copy($0) }
    }
}
