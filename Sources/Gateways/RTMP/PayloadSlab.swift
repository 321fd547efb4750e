import NIOCore

/// Where a publisher's payloads are kept: copied out of the reads they came in, one behind the other.
///
/// A payload of its own in memory would take the next power of two, and a slice of a read would keep the whole read. The frames of one slab are
/// let go at about the same time, with their group of pictures. Confined to the publisher's event loop.
struct PayloadSlab {
    private static let size = 64 << 10

    private var slab = ByteBuffer()
    private var used = 0

    /// The same bytes, in memory that holds little else.
    mutating func keep(_ payload: ByteBuffer) -> ByteBuffer {
        let count = payload.readableBytes
        guard count > 0 else { return ByteBuffer() }
        if self.used + count <= self.slab.capacity {
            let kept = Self.copy(payload, into: self.slab, at: self.used)
            self.used += count
            return kept
        }
        // A payload larger than a slab gets one of the next power of two, and smaller ones follow it there.
        var fresh = ByteBufferAllocator().buffer(capacity: max(Self.size, count))
        fresh.moveWriterIndex(to: fresh.capacity)
        let kept = Self.copy(payload, into: fresh, at: 0)
        if fresh.capacity - count > self.slab.capacity - self.used {
            self.slab = fresh
            self.used = count
        }
        return kept
    }

    private static func copy(_ payload: ByteBuffer, into slab: ByteBuffer, at position: Int) -> ByteBuffer {
        let count = payload.readableBytes
        payload.withUnsafeReadableBytes { source in
            slab.withVeryUnsafeBytes { storage in
                // Nobody has been given the bytes from `position` on: what is written here is in nobody's slice.
                UnsafeMutableRawBufferPointer(mutating: UnsafeRawBufferPointer(rebasing: storage[position..<position + count])).copyMemory(
                    from: source)
            }
        }
        return slab.getSlice(at: position, length: count) ?? payload
    }
}
