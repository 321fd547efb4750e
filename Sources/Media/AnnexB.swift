public import NIOCore

/// The byte stream format of H.264 and HEVC (Annex B of both): NAL units behind start codes. Used where a transport or a tool wants it; inside
/// Martlet access units are length-prefixed.
public enum AnnexB {
    private static let startCode: [UInt8] = [0, 0, 0, 1]
    private static let mostUnits = 4096

    /// From 4-byte length prefixes to start codes, behind the given parameter sets.
    public static func fromLengthPrefixed(_ payload: ByteBuffer, parameterSets: [[UInt8]] = []) throws(MediaError) -> ByteBuffer {
        let extra = parameterSets.reduce(0) { $0 + $1.count + 4 }
        var output = ByteBufferAllocator().buffer(capacity: payload.readableBytes + extra)
        for set in parameterSets {
            output.writeBytes(self.startCode)
            output.writeBytes(set)
        }
        var reader = NALUnitReader(payload)
        while let unit = try reader.next() {
            output.writeBytes(self.startCode)
            output.writeImmutableBuffer(unit)
        }
        return output
    }

    /// From start codes (three or four bytes) to 4-byte length prefixes. Bytes before the first start code must be zero.
    public static func toLengthPrefixed(_ stream: ByteBuffer) throws(MediaError) -> ByteBuffer {
        var output = ByteBufferAllocator().buffer(capacity: stream.readableBytes + 64)
        for range in try self.units(in: stream) {
            output.writeInteger(UInt32(truncatingIfNeeded: range.count))
            if let unit = stream.getSlice(at: range.lowerBound, length: range.count) { output.writeImmutableBuffer(unit) }
        }
        return output
    }

    /// Where the NAL units stand, as indices of the buffer; start codes and the zeros around them are in no unit.
    private static func units(in stream: ByteBuffer) throws(MediaError) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start: Int?
        var zeros = 0
        var hasStrayBytes = false
        for (offset, byte) in stream.readableBytesView.enumerated() {
            if byte == 1, zeros >= 2 {
                let end = stream.readerIndex + offset - zeros
                if let start, end > start { ranges.append(start..<end) }
                start = stream.readerIndex + offset + 1
                guard ranges.count < self.mostUnits else { throw .limitExceeded }
            } else if byte != 0, start == nil {
                hasStrayBytes = true
            }
            zeros = byte == 0 ? zeros + 1 : 0
        }
        guard !hasStrayBytes else { throw .invalidValue }
        guard let start else {
            if stream.readableBytes == 0 { return [] }
            throw .invalidValue
        }
        // trailing_zero_8bits belong to no unit.
        let end = stream.writerIndex - zeros
        if end > start { ranges.append(start..<end) }
        return ranges
    }
}
