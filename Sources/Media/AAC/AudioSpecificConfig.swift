/// AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) with explicit signalling of SBR and PS, in both spellings.
public struct AudioSpecificConfig: Sendable, Hashable {
    /// What a decoder should be: 2 LC, 5 HE-AAC (SBR), 29 HE-AAC v2 (SBR and PS), 42 xHE-AAC, …
    public let objectType: UInt8
    /// Of the coded core; half of what is played when SBR is on.
    public let coreSampleRate: Int
    /// Of the decoded sound.
    public let sampleRate: Int
    /// 2 where the configuration describes its channels itself (channel configuration 0).
    public let channelCount: Int
    /// Decoded samples in an access unit; nil for object types whose units differ.
    public let samplesPerPacket: Int?

    static let sampleRates = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350]
    private static let largestRecord = 1024

    private static let spectralBandReplication: UInt8 = 5
    private static let parametricStereo: UInt8 = 29
    private static let lowDelay: Set<UInt8> = [23, 39]
    /// The object types whose next fields are GASpecificConfig (table 1.15).
    private static let generalAudio: Set<UInt8> = [1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23]

    public init(bytes: [UInt8]) throws(MediaError) {
        guard bytes.count <= Self.largestRecord else { throw .limitExceeded }
        var reader = BitReader(bytes)
        var objectType = try Self.objectType(from: &reader)
        let coreRate = try Self.sampleRate(from: &reader)
        let channelConfiguration = Int(try reader.bits(4))
        var extended: (type: UInt8, rate: Int)?
        if objectType == Self.spectralBandReplication || objectType == Self.parametricStereo {
            extended = (objectType, try Self.sampleRate(from: &reader))
            objectType = try Self.objectType(from: &reader)
        }
        var isShortFrame = false
        if Self.generalAudio.contains(objectType) {
            isShortFrame = try reader.flag()
            if extended == nil, channelConfiguration != 0 { extended = Self.trailingExtension(of: objectType, from: &reader) }
        }
        self.objectType = extended?.type ?? objectType
        self.coreSampleRate = coreRate
        self.sampleRate = extended?.rate ?? coreRate
        let coded = try Self.channelCount(configuration: channelConfiguration)
        self.channelCount = self.objectType == Self.parametricStereo ? 2 : coded
        if Self.generalAudio.contains(objectType) {
            let coreSamples = Self.lowDelay.contains(objectType) ? (isShortFrame ? 480 : 512) : (isShortFrame ? 960 : 1024)
            self.samplesPerPacket = coreSamples * self.sampleRate / coreRate
        } else {
            self.samplesPerPacket = nil
        }
    }

    public var format: AudioFormat {
        AudioFormat(sampleRate: self.sampleRate, channelCount: self.channelCount, samplesPerPacket: self.samplesPerPacket)
    }

    private static func objectType(from reader: inout BitReader) throws(MediaError) -> UInt8 {
        let type = UInt8(try reader.bits(5))
        let full = type == 31 ? 32 + UInt8(try reader.bits(6)) : type
        guard full != 0 else { throw .invalidValue }
        return full
    }

    private static func sampleRate(from reader: inout BitReader) throws(MediaError) -> Int {
        let index = Int(try reader.bits(4))
        let rate: Int
        if index == 15 {
            rate = Int(try reader.bits(24))
        } else {
            guard index < self.sampleRates.count else { throw .invalidValue }
            rate = self.sampleRates[index]
        }
        guard rate >= 1_000, rate <= 384_000 else { throw .invalidValue }
        return rate
    }

    private static func channelCount(configuration: Int) throws(MediaError) -> Int {
        switch configuration {
        case 0: 2
        case 1...6: configuration
        case 7, 12, 14: 8
        case 11: 7
        case 13: 24
        default: throw .invalidValue
        }
    }

    /// The backward compatible spelling: SBR and PS announced after the core's configuration (§1.6.6.1). Absent or cut short, it is not there.
    private static func trailingExtension(of objectType: UInt8, from reader: inout BitReader) -> (type: UInt8, rate: Int)? {
        do throws(MediaError) {
            if try reader.flag() { try reader.skip(14) }
            if try reader.flag() { return nil }
            guard reader.bitsLeft >= 16, try reader.bits(11) == 0x2B7 else { return nil }
            guard try reader.bits(5) == UInt32(Self.spectralBandReplication), try reader.flag() else { return nil }
            let rate = try self.sampleRate(from: &reader)
            let hasParametricStereo = reader.bitsLeft >= 12 ? (try reader.bits(11) == 0x548 ? try reader.flag() : false) : false
            return (hasParametricStereo ? Self.parametricStereo : Self.spectralBandReplication, rate)
        } catch {
            return nil
        }
    }
}
