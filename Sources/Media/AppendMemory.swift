public import NIOCore

/// Memory that is written once, from the beginning to the end, and whose written bytes can be read while more are written behind them. A `ByteBuffer`
/// whose slices are in use would be copied as a whole with the next write. Used by one thread or event loop; what it returns, by anyone.
public struct AppendMemory: ~Copyable {
    private let storage: ByteBuffer
    /// Bytes that are written.
    public private(set) var count = 0

    /// Room for at least `capacity` bytes.
    public init(capacity: Int) {
        var storage = ByteBufferAllocator().buffer(capacity: max(capacity, 0))
        storage.moveWriterIndex(to: storage.capacity)
        self.storage = storage
    }

    /// Bytes that can still be written.
    public var room: Int { self.storage.capacity - self.count }

    /// What is written so far; nothing is copied.
    public var written: ByteBuffer { self.storage.getSlice(at: 0, length: self.count) ?? ByteBuffer() }

    /// `count` bytes, no more than there is room for, which `fill` must write all of. Returns them; nothing is copied.
    public mutating func append(_ count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> ByteBuffer {
        precondition(count >= 0 && count <= self.room)
        let position = self.count
        self.storage.withVeryUnsafeBytes { storage in
            // The bytes from `position` on are in nobody's slice yet, so nobody reads what is written here.
            fill(UnsafeMutableRawBufferPointer(mutating: UnsafeRawBufferPointer(rebasing: storage[position..<position + count])))
        }
        self.count += count
        return self.storage.getSlice(at: position, length: count) ?? ByteBuffer()
    }
}
