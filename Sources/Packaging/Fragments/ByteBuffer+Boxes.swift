import NIOCore

/// Writing of ISO base media file boxes (ISO/IEC 14496-12 §4.2).
extension ByteBuffer {
    /// Writes a box; its size is filled in when `body` has run.
    mutating func writeBox(_ type: StaticString, _ body: (inout ByteBuffer) -> Void) {
        let start = self.writerIndex
        self.writeInteger(UInt32(0))
        self.writeStaticString(type)
        body(&self)
        self.setInteger(UInt32(clamping: self.writerIndex - start), at: start)
    }

    mutating func writeFullBox(_ type: StaticString, version: UInt8 = 0, flags: UInt32 = 0, _ body: (inout ByteBuffer) -> Void) {
        self.writeBox(type) { buffer in
            buffer.writeInteger(UInt32(version) << 24 | flags & 0xFF_FFFF)
            body(&buffer)
        }
    }

    /// A descriptor of ISO/IEC 14496-1 §8.3.3, its length always in four bytes.
    mutating func writeDescriptor(tag: UInt8, _ body: (inout ByteBuffer) -> Void) {
        self.writeInteger(tag)
        let start = self.writerIndex
        self.writeInteger(UInt32(0))
        body(&self)
        let length = UInt32(clamping: self.writerIndex - start - 4)
        let spread = (length >> 21 & 0x7F) << 24 | (length >> 14 & 0x7F) << 16 | (length >> 7 & 0x7F) << 8 | length & 0x7F
        self.setInteger(spread | 0x8080_8000, at: start)
    }

    mutating func writeZeros(_ count: Int) { self.writeRepeatingByte(0, count: count) }
}
