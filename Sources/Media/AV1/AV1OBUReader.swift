public import NIOCore

/// Walks the open bitstream units of a temporal unit in low-overhead form (AV1 specification §5.3), without copying.
public struct AV1OBUReader: Sendable {
    public struct Unit: Sendable {
        /// obu_type: 1 sequence header, 2 temporal delimiter, 3 frame header, 6 frame, …
        public let type: UInt8
        /// With header and size field.
        public let whole: ByteBuffer
        public let payload: ByteBuffer
    }

    static let sequenceHeader: UInt8 = 1
    static let temporalDelimiter: UInt8 = 2
    static let frameHeader: UInt8 = 3
    static let frame: UInt8 = 6

    private var rest: ByteBuffer

    public init(_ temporalUnit: ByteBuffer) { self.rest = temporalUnit }

    /// The next unit, nil at the end. A unit without size field reaches to the end.
    public mutating func next() throws(MediaError) -> Unit? {
        let before = self.rest
        guard let header = self.rest.readInteger(as: UInt8.self) else { return nil }
        guard header & 0x80 == 0 else { throw .invalidValue }
        if header & 0x04 != 0, self.rest.readInteger(as: UInt8.self) == nil { throw .truncated }
        let size = header & 0x02 != 0 ? try self.readSize() : self.rest.readableBytes
        guard let payload = self.rest.readSlice(length: size),
            let whole = before.getSlice(at: before.readerIndex, length: self.rest.readerIndex - before.readerIndex)
        else { throw .truncated }
        return Unit(type: header >> 3 & 0x0F, whole: whole, payload: payload)
    }

    /// leb128() (§4.10.5), at most 32 bits of value.
    private mutating func readSize() throws(MediaError) -> Int {
        var value: UInt64 = 0
        for index in 0..<8 {
            guard let byte = self.rest.readInteger(as: UInt8.self) else { throw .truncated }
            value |= UInt64(byte & 0x7F) << UInt64(index * 7)
            if byte & 0x80 == 0 {
                guard value <= UInt64(UInt32.max) else { throw .limitExceeded }
                return Int(value)
            }
        }
        throw .invalidValue
    }

    /// Whether a decoder can start at this temporal unit: it has a sequence header and its first frame is a key frame.
    public static func isKeyframe(_ temporalUnit: ByteBuffer) throws(MediaError) -> Bool {
        var reader = AV1OBUReader(temporalUnit)
        var hasSequenceHeader = false
        while let unit = try reader.next() {
            switch unit.type {
            case Self.sequenceHeader:
                hasSequenceHeader = true
            case Self.frameHeader, Self.frame:
                guard let first = unit.payload.getInteger(at: unit.payload.readerIndex, as: UInt8.self) else { throw .truncated }
                // show_existing_frame 0, frame_type KEY_FRAME (§5.9.2).
                return hasSequenceHeader && first & 0xE0 == 0
            default:
                break
            }
        }
        return false
    }

    /// The temporal unit without temporal delimiters, as `EncodedFrame` wants it. Shares the bytes when there are none.
    public static func withoutTemporalDelimiters(_ temporalUnit: ByteBuffer) throws(MediaError) -> ByteBuffer {
        var reader = AV1OBUReader(temporalUnit)
        var kept: [ByteBuffer] = []
        var found = false
        while let unit = try reader.next() {
            if unit.type == Self.temporalDelimiter { found = true } else { kept.append(unit.whole) }
        }
        guard found else { return temporalUnit }
        var output = ByteBufferAllocator().buffer(capacity: temporalUnit.readableBytes)
        for unit in kept { output.writeImmutableBuffer(unit) }
        return output
    }
}
