public import Media
public import NIOCore

/// The size of the length in front of each NAL unit. `EncodedFrame` wants 4 bytes; a record may say 1, 2 or 3 (ISO/IEC 14496-15 §5.3.3).
public enum NALUnitLengths {
    /// Bytes of the length prefix, 1...4, as an AVC or HEVC configuration record says; nil when it is cut short or another codec's.
    public static func size(_ codec: Codec, record: ByteBuffer) -> Int? {
        let position: Int
        switch codec {
        case .h264: position = 4
        case .hevc: position = 21
        case .av1, .vp8, .vp9, .aac, .opus, .mp3, .vorbis: return nil
        }
        guard let byte = record.getInteger(at: record.readerIndex + position, as: UInt8.self) else { return nil }
        return Int(byte & 3) + 1
    }

    /// The record with its length size set to 4, to go with rewritten payloads. Unchanged where `size` is nil.
    public static func recordWithFourByteLengths(_ codec: Codec, record: ByteBuffer) -> ByteBuffer {
        guard Self.size(codec, record: record) != nil else { return record }
        var copy = record
        let index = copy.readerIndex + (codec == .h264 ? 4 : 21)
        if let byte = copy.getInteger(at: index, as: UInt8.self) { copy.setInteger(byte | 3, at: index) }
        return copy
    }

    /// `payload` with prefixes of `size` bytes rewritten to 4 bytes. Returned as it is, unchecked, when they are already.
    public static func withFourBytes(_ payload: ByteBuffer, from size: Int) throws(FLVError) -> ByteBuffer {
        guard size != 4 else { return payload }
        guard (1...3).contains(size) else { throw .unsupportedLengthSize(size) }
        var rest = payload
        var out = ByteBuffer()
        // Grows with what is really there: one-byte units would claim four times the payload.
        out.reserveCapacity(payload.readableBytes + 16)
        while rest.readableBytes > 0 {
            var length = 0
            for _ in 0..<size {
                guard let byte = rest.readInteger(as: UInt8.self) else { throw .truncated }
                length = length << 8 | Int(byte)
            }
            guard var unit = rest.readSlice(length: length) else {
                throw .unitLengthOutOfRange(claimed: length, available: rest.readableBytes)
            }
            out.writeInteger(UInt32(length))
            out.writeBuffer(&unit)
        }
        return out
    }
}
