import NIOCore

/// The basic and message header of one chunk as it stands on the wire (RTMP 1.0 §5.3.1), before it is applied to its chunk stream.
struct ChunkHeader {
    /// How much of the message header is there: 0 all of it, 1 no message stream id, 2 only a timestamp delta, 3 nothing.
    var format: UInt8
    var chunkStreamID: UInt32
    /// Absolute in format 0, a delta in 1 and 2; 0xFFFFFF announces an extended timestamp.
    var timestampField: UInt32 = 0
    var length = 0
    var type = MessageType(rawValue: 0)
    var messageStreamID: UInt32 = 0
    /// Bytes of the two headers, without an extended timestamp.
    var byteCount: Int

    /// Reads without moving the buffer's reader index; nil when the headers are not all there.
    static func peek(_ buffer: ByteBuffer) -> ChunkHeader? {
        let start = buffer.readerIndex
        guard let first = buffer.getInteger(at: start, as: UInt8.self) else { return nil }
        var header: ChunkHeader
        switch first & 0x3F {
        case 0:
            guard let low = buffer.getInteger(at: start + 1, as: UInt8.self) else { return nil }
            header = ChunkHeader(format: first >> 6, chunkStreamID: UInt32(low) + 64, byteCount: 2)
        case 1:
            guard let wide = buffer.getInteger(at: start + 1, endianness: .little, as: UInt16.self) else { return nil }
            header = ChunkHeader(format: first >> 6, chunkStreamID: UInt32(wide) + 64, byteCount: 3)
        case let id:
            header = ChunkHeader(format: first >> 6, chunkStreamID: UInt32(id), byteCount: 1)
        }
        return header.peekMessageHeader(buffer) ? header : nil
    }

    private mutating func peekMessageHeader(_ buffer: ByteBuffer) -> Bool {
        let start = buffer.readerIndex + self.byteCount
        guard self.format < 3 else { return true }
        if self.format == 2 {
            guard let high = buffer.getInteger(at: start, as: UInt16.self), let low = buffer.getInteger(at: start + 2, as: UInt8.self) else {
                return false
            }
            self.timestampField = UInt32(high) << 8 | UInt32(low)
            self.byteCount += 3
            return true
        }
        // Timestamp (3 bytes), length (3), type (1): the seven bytes are read as two overlapping words.
        guard let head = buffer.getInteger(at: start, as: UInt32.self), let tail = buffer.getInteger(at: start + 3, as: UInt32.self) else {
            return false
        }
        self.timestampField = head >> 8
        self.length = Int(tail >> 8)
        self.type = MessageType(rawValue: UInt8(truncatingIfNeeded: tail))
        self.byteCount += 7
        if self.format == 0 {
            guard let id = buffer.getInteger(at: start + 7, endianness: .little, as: UInt32.self) else { return false }
            self.messageStreamID = id
            self.byteCount += 4
        }
        return true
    }
}
