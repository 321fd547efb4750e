import NIOCore

/// AV1CodecConfigurationRecord (AV1-ISOBMFF §2.3).
public struct AV1Configuration: Sendable, Hashable {
    public let profile: UInt8
    public let level: UInt8
    public let isHighTier: Bool
    /// 8, 10 or 12.
    public let bitDepth: Int
    public let isMonochrome: Bool
    public let record: [UInt8]
    /// Some encoders leave it to the first keyframe.
    public let sequenceHeader: AV1SequenceHeader?

    public init(record: [UInt8]) throws(MediaError) {
        guard record.count <= AVCConfiguration.largestRecord else { throw .limitExceeded }
        var cursor = ByteCursor(record)
        let marker = try cursor.uint8()
        guard marker & 0x80 != 0 else { throw .invalidValue }
        guard marker & 0x7F == 1 else { throw .unsupportedVersion(marker & 0x7F) }
        let profileAndLevel = try cursor.uint8()
        let flags = try cursor.uint8()
        _ = try cursor.uint8()
        self.profile = profileAndLevel >> 5
        guard self.profile <= 2 else { throw .invalidValue }
        self.level = profileAndLevel & 0x1F
        self.isHighTier = flags & 0x80 != 0
        self.bitDepth = flags & 0x40 == 0 ? 8 : flags & 0x20 == 0 ? 10 : 12
        self.isMonochrome = flags & 0x10 != 0
        self.record = record
        self.sequenceHeader = try AV1SequenceHeader(temporalUnit: ByteBuffer(bytes: cursor.remainder()))
    }

    public init(sequenceHeader header: AV1SequenceHeader) throws(MediaError) {
        var flags = header.chromaSamplePosition
        if header.isHighTier { flags |= 0x80 }
        if header.isHighBitDepth { flags |= 0x40 }
        if header.isTwelveBit { flags |= 0x20 }
        if header.isMonochrome { flags |= 0x10 }
        if header.isSubsampledX { flags |= 0x08 }
        if header.isSubsampledY { flags |= 0x04 }
        try self.init(record: [0x81, header.profile << 5 | header.level, flags, 0] + header.unit)
    }
}
