public import NIOCore

/// Walks the length-prefixed NAL units of an access unit (ISO/IEC 14496-15 §5.3.2) without copying. Zero-length units are skipped; a length that
/// goes beyond the payload throws `MediaError.truncated`.
public struct NALUnitReader: Sendable {
    private var rest: ByteBuffer
    private let lengthSize: Int

    /// `lengthSize` is 1, 2 or 4; anything else is read as 4.
    @inlinable public init(_ payload: ByteBuffer) { self.init(payload, lengthSize: 4) }

    public init(_ payload: ByteBuffer, lengthSize: Int) {
        self.rest = payload
        self.lengthSize = lengthSize
    }

    /// The next NAL unit with its header, never empty; nil at the end.
    public mutating func next() throws(MediaError) -> ByteBuffer? {
        while self.rest.readableBytes > 0 {
            guard let length = self.readLength(), let unit = self.rest.readSlice(length: length) else { throw .truncated }
            if length > 0 { return unit }
        }
        return nil
    }

    private mutating func readLength() -> Int? {
        switch self.lengthSize {
        case 1: self.rest.readInteger(as: UInt8.self).map(Int.init)
        case 2: self.rest.readInteger(as: UInt16.self).map(Int.init)
        default: self.rest.readInteger(as: UInt32.self).map(Int.init)
        }
    }
}
