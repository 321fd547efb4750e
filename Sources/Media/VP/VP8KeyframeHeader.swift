public import NIOCore

/// The uncompressed header of a VP8 key frame (RFC 6386 §9.1).
public struct VP8KeyframeHeader: Sendable, Hashable {
    public let width: Int
    public let height: Int

    /// - Throws: `invalidValue` when the frame is no key frame.
    public init(_ frame: ByteBuffer) throws(MediaError) {
        var rest = frame
        guard let tag = rest.readBytes(length: 3) else { throw .truncated }
        guard tag[0] & 1 == 0 else { throw .invalidValue }
        guard let start = rest.readBytes(length: 3), let width = rest.readInteger(endianness: .little, as: UInt16.self),
            let height = rest.readInteger(endianness: .little, as: UInt16.self)
        else { throw .truncated }
        guard start == [0x9D, 0x01, 0x2A] else { throw .invalidValue }
        // The upper two bits scale the display, which no player does.
        self.width = Int(width & 0x3FFF)
        self.height = Int(height & 0x3FFF)
        guard self.width > 0, self.height > 0 else { throw .invalidValue }
    }

    public static func isKeyframe(_ frame: ByteBuffer) throws(MediaError) -> Bool {
        guard let first = frame.getInteger(at: frame.readerIndex, as: UInt8.self) else { throw .truncated }
        return first & 1 == 0
    }
}
