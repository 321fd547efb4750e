public import NIOCore

/// The header before each AAC access unit in a self-describing stream (ISO/IEC 14496-3 §1.A.2.2).
public struct ADTSHeader: Sendable, Hashable {
    /// 1 to 4: Main, LC, SSR, LTP.
    public let objectType: UInt8
    /// 0 to 12, into the table of `AudioSpecificConfig`.
    public let sampleRateIndex: UInt8
    /// 0 to 7; 0 leaves it to the access unit.
    public let channelConfiguration: UInt8
    /// 7, or 9 with a checksum.
    public let headerLength: Int
    /// Header and access unit together.
    public let frameLength: Int

    /// Parses the header at the buffer's reader index, which does not move.
    public init(_ buffer: ByteBuffer) throws(MediaError) {
        var reader = BitReader(buffer.readableBytesView.prefix(9))
        guard try reader.bits(12) == 0xFFF else { throw .invalidValue }
        try reader.skip(1)
        guard try reader.bits(2) == 0 else { throw .invalidValue }
        self.headerLength = try reader.flag() ? 7 : 9
        self.objectType = UInt8(try reader.bits(2)) + 1
        self.sampleRateIndex = UInt8(try reader.bits(4))
        guard Int(self.sampleRateIndex) < AudioSpecificConfig.sampleRates.count else { throw .invalidValue }
        try reader.skip(1)
        self.channelConfiguration = UInt8(try reader.bits(3))
        try reader.skip(4)
        self.frameLength = Int(try reader.bits(13))
        try reader.skip(11)
        // More than one raw data block in a frame is legal and made by nobody; its parts could not be told apart without decoding.
        guard try reader.bits(2) == 0 else { throw .invalidValue }
        guard self.frameLength > self.headerLength else { throw .invalidValue }
    }

    /// From the AudioSpecificConfig of an access unit that is to leave Martlet in an ADTS stream. SBR and PS are left to be found by the decoder.
    /// - Throws: `limitExceeded` for an access unit above 8,184 bytes, `invalidValue` for what ADTS cannot say.
    public init(configuration: AudioSpecificConfig, payloadLength: Int) throws(MediaError) {
        guard let index = AudioSpecificConfig.sampleRates.firstIndex(of: configuration.coreSampleRate) else { throw .invalidValue }
        guard payloadLength > 0, payloadLength <= 8191 - 7 else { throw .limitExceeded }
        switch configuration.objectType {
        case 1...4: self.objectType = configuration.objectType
        case 5, 29: self.objectType = 2
        default: throw .invalidValue
        }
        self.sampleRateIndex = UInt8(index)
        switch configuration.channelCount {
        case 1...6: self.channelConfiguration = configuration.objectType == 29 ? 1 : UInt8(configuration.channelCount)
        case 8: self.channelConfiguration = 7
        default: throw .invalidValue
        }
        self.headerLength = 7
        self.frameLength = payloadLength + 7
    }

    /// The AudioSpecificConfig that says the same.
    public var configuration: [UInt8] {
        [self.objectType << 3 | self.sampleRateIndex >> 1, self.sampleRateIndex << 7 | self.channelConfiguration << 3]
    }

    /// Seven bytes, without checksum.
    public var bytes: [UInt8] {
        let length = UInt32(truncatingIfNeeded: self.frameLength - self.headerLength + 7)
        return [
            0xFF, 0xF1,
            (self.objectType - 1) << 6 | self.sampleRateIndex << 2 | self.channelConfiguration >> 2,
            (self.channelConfiguration & 3) << 6 | UInt8(truncatingIfNeeded: length >> 11),
            UInt8(truncatingIfNeeded: length >> 3),
            UInt8(truncatingIfNeeded: length << 5) | 0x1F,
            0xFC,
        ]
    }

    /// Takes one whole frame off the buffer: its header and the raw access unit. Nil, and the buffer as before, when more bytes are needed.
    public static func readFrame(from buffer: inout ByteBuffer) throws(MediaError) -> (header: ADTSHeader, payload: ByteBuffer)? {
        guard buffer.readableBytes >= 7 else { return nil }
        let header = try ADTSHeader(buffer)
        guard buffer.readableBytes >= header.frameLength else { return nil }
        buffer.moveReaderIndex(forwardBy: header.headerLength)
        guard let payload = buffer.readSlice(length: header.frameLength - header.headerLength) else { return nil }
        return (header, payload)
    }
}
