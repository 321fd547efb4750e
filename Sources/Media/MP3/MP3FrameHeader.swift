/// The four bytes before each MPEG audio layer III frame (ISO/IEC 11172-3 §2.4.1.3, 13818-3 §2.4.2.3, and the unofficial MPEG-2.5).
public struct MP3FrameHeader: Sendable, Hashable {
    public enum Version: Sendable, Hashable {
        case mpeg1
        case mpeg2
        case mpeg25
    }

    public let version: Version
    /// Bits per second; 0 for the free format.
    public let bitrate: Int
    public let sampleRate: Int
    public let channelCount: Int
    public let isPadded: Bool

    private static let bitratesMPEG1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
    private static let bitratesMPEG2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]

    /// - Throws: `invalidValue` for anything but layer III.
    public init(_ bytes: some Collection<UInt8>) throws(MediaError) {
        var reader = BitReader(bytes.prefix(4))
        guard try reader.bits(11) == 0x7FF else { throw .invalidValue }
        switch try reader.bits(2) {
        case 0: self.version = .mpeg25
        case 2: self.version = .mpeg2
        case 3: self.version = .mpeg1
        default: throw .invalidValue
        }
        guard try reader.bits(2) == 1 else { throw .invalidValue }
        try reader.skip(1)
        let bitrates = self.version == .mpeg1 ? Self.bitratesMPEG1 : Self.bitratesMPEG2
        let bitrateIndex = Int(try reader.bits(4))
        guard bitrateIndex < bitrates.count else { throw .invalidValue }
        self.bitrate = bitrates[bitrateIndex] * 1000
        let rates = [44_100, 48_000, 32_000]
        let rateIndex = Int(try reader.bits(2))
        guard rateIndex < rates.count else { throw .invalidValue }
        self.sampleRate = rates[rateIndex] / (self.version == .mpeg1 ? 1 : self.version == .mpeg2 ? 2 : 4)
        self.isPadded = try reader.flag()
        try reader.skip(1)
        self.channelCount = try reader.bits(2) == 3 ? 1 : 2
        try reader.skip(6)
    }

    public var samplesPerFrame: Int { self.version == .mpeg1 ? 1152 : 576 }

    /// Bytes of the frame with this header; nil for the free format, where only the next header tells.
    public var frameLength: Int? {
        self.bitrate == 0 ? nil : self.samplesPerFrame / 8 * self.bitrate / self.sampleRate + (self.isPadded ? 1 : 0)
    }

    public var format: AudioFormat {
        AudioFormat(sampleRate: self.sampleRate, channelCount: self.channelCount, samplesPerPacket: self.samplesPerFrame)
    }
}
