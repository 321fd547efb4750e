import NIOCore

/// Where a publisher's payloads are kept: copied out of the reads they came in, one behind the other.
///
/// A payload of its own in memory would take the next power of two, and a slice of a read would keep the whole read. The frames of one slab are
/// let go at about the same time, with their group of pictures. Confined to the publisher's event loop.
struct PayloadSlab {
    private static let size = 64 << 10

    private var slab = ByteBuffer()
    private var used = PayloadSlab.size

    /// The same bytes, in memory that holds little else.
    mutating func keep(_ payload: ByteBuffer) -> ByteBuffer {
        let count = payload.readableBytes
        guard count > 0 else { return ByteBuffer() }
        guard count <= Self.size / 2 else { return Self.compacted(payload) }
        if self.used + count > Self.size {
            self.slab = ByteBufferAllocator().buffer(capacity: Self.size)
            self.slab.moveWriterIndex(to: Self.size)
            self.used = 0
        }
        let position = self.used
        payload.withUnsafeReadableBytes { source in
            self.slab.withVeryUnsafeBytes { storage in
                // Nobody has been given the bytes from `used` on: what is written here is in nobody's slice.
                UnsafeMutableRawBufferPointer(mutating: UnsafeRawBufferPointer(rebasing: storage[position..<position + count])).copyMemory(
                    from: source)
            }
        }
        self.used += count
        return self.slab.getSlice(at: position, length: count) ?? payload
    }

    /// A large payload that is most of its storage stays where it is.
    private static func compacted(_ payload: ByteBuffer) -> ByteBuffer {
        let size = payload.readableBytes
        guard payload.storageCapacity > size + size / 2 else { return payload }
        var copy = ByteBufferAllocator().buffer(capacity: size)
        copy.writeImmutableBuffer(payload)
        return copy
    }
}
