public import NIOCore

/// Cuts messages into chunks (RTMP 1.0 §5.3). Every message gets a type 0 header, so what is written can be sent to any number of peers that
/// were told the same chunk size, from any message on.
public struct ChunkEncoder: Sendable {
    /// The most body bytes in one chunk. Peers expect 128 until a Set Chunk Size has been sent to them.
    public var chunkSize: Int

    public init(chunkSize: Int = 128) { self.chunkSize = chunkSize }

    public func encode(_ message: RTMPMessage, into out: inout ByteBuffer) throws(RTMPError) {
        try Self.encode(
            payload: message.payload, timestamp: message.timestamp, type: message.type, chunkStreamID: message.chunkStreamID,
            messageStreamID: message.messageStreamID, chunkSize: self.chunkSize, into: &out)
    }

    /// Writes one self-contained message whose body is `header` followed by `payload`: a type 0 header, then type 3 headers between the
    /// chunks, each repeating the extended timestamp when there is one (§5.3.1.3). The cost of a stream's fan-out: one copy of the payload.
    ///
    /// - Throws: `messageTooLarge` for a body over 0xFFFFFF bytes; then nothing is written.
    public static func encode(
        header: FLVHeader = FLVHeader(), payload: ByteBuffer, timestamp: UInt32, type: MessageType, chunkStreamID: UInt32,
        messageStreamID: UInt32, chunkSize: Int, into out: inout ByteBuffer
    ) throws(RTMPError) {
        let length = header.count + payload.readableBytes
        guard length <= 0xFF_FFFF else { throw .messageTooLarge(claimed: length, limit: 0xFF_FFFF) }
        Self.write(
            header: header, payload: payload, timestamp: timestamp, type: type, chunkStreamID: chunkStreamID, messageStreamID: messageStreamID,
            chunkSize: chunkSize, into: &out)
    }

    /// The same for bodies known to be short enough, as all of our own replies are.
    static func write(
        header: FLVHeader = FLVHeader(), payload: ByteBuffer, timestamp: UInt32, type: MessageType, chunkStreamID: UInt32,
        messageStreamID: UInt32, chunkSize: Int, into out: inout ByteBuffer
    ) {
        let length = header.count + payload.readableBytes
        let chunkSize = max(1, chunkSize)
        let basicLength = chunkStreamID < 64 ? 1 : chunkStreamID < 320 ? 2 : 3
        let isExtended = timestamp >= 0xFF_FFFF
        let continuations = length <= chunkSize ? 0 : (length - 1) / chunkSize
        let total = basicLength + 11 + (isExtended ? 4 : 0) + continuations * (basicLength + (isExtended ? 4 : 0)) + length
        out.reserveCapacity(minimumWritableBytes: total + FLVHeader.capacity)

        Self.writeBasicHeader(format: 0, chunkStreamID, into: &out)
        // Timestamp (3 bytes), length (3) and type (1) in two writes, then the message stream id, the only little-endian field of RTMP.
        out.writeInteger((isExtended ? 0xFF_FFFF : timestamp) << 8 | UInt32(length >> 16))
        out.writeMultipleIntegers(UInt16(truncatingIfNeeded: length), type.rawValue)
        out.writeInteger(messageStreamID, endianness: .little)
        if isExtended { out.writeInteger(timestamp) }
        header.write(into: &out)
        guard continuations > 0 else {
            out.writeImmutableBuffer(payload)
            return
        }
        payload.withUnsafeReadableBytes { bytes in
            // A chunk smaller than the tag header is not worth code of its own: it is cut like the rest.
            var room = chunkSize - header.count
            if room < 0 { room = Self.recut(&out, header: header, chunkSize: chunkSize, chunkStreamID, isExtended ? timestamp : nil) }
            var position = 0
            while position < bytes.count {
                if room == 0 {
                    Self.writeBasicHeader(format: 3, chunkStreamID, into: &out)
                    if isExtended { out.writeInteger(timestamp) }
                    room = chunkSize
                }
                let count = min(room, bytes.count - position)
                out.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[position..<position + count]))
                position += count
                room -= count
            }
        }
    }

    /// Takes the tag header back out of the buffer and writes it again in chunks smaller than itself. Returns the room left in the last one.
    private static func recut(
        _ out: inout ByteBuffer, header: FLVHeader, chunkSize: Int, _ chunkStreamID: UInt32, _ extended: UInt32?
    ) -> Int {
        out.moveWriterIndex(to: out.writerIndex - header.count)
        for (index, byte) in header.bytes.enumerated() {
            if index > 0, index % chunkSize == 0 {
                Self.writeBasicHeader(format: 3, chunkStreamID, into: &out)
                if let extended { out.writeInteger(extended) }
            }
            out.writeInteger(byte)
        }
        let used = header.count % chunkSize
        return used == 0 ? 0 : chunkSize - used
    }

    @inline(__always)
    private static func writeBasicHeader(format: UInt8, _ chunkStreamID: UInt32, into out: inout ByteBuffer) {
        if chunkStreamID < 64 {
            out.writeInteger(format << 6 | UInt8(truncatingIfNeeded: chunkStreamID))
        } else if chunkStreamID < 320 {
            out.writeMultipleIntegers(format << 6, UInt8(truncatingIfNeeded: chunkStreamID &- 64))
        } else {
            out.writeInteger(format << 6 | 1)
            out.writeInteger(UInt16(truncatingIfNeeded: chunkStreamID &- 64), endianness: .little)
        }
    }
}
