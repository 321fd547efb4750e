/// What Martlet needs of an HEVC sequence parameter set (ITU-T H.265 §7.3.2.2.1).
public struct HEVCSequenceParameterSet: Sendable, Hashable {
    public let profile: HEVCProfile
    /// 1 to 7.
    public let temporalLayerCount: UInt8
    public let isTemporalIDNested: Bool
    /// 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    public let chromaFormat: UInt8
    public let bitDepthLuma: UInt8
    public let bitDepthChroma: UInt8
    /// Pixels after cropping.
    public let width: Int
    public let height: Int
    /// Frames per second from the VUI; nil when it has none or cannot be read.
    public let frameRate: Double?

    private static let largestSize: UInt32 = 16_888

    /// `nalUnit` starts with its two-byte header.
    public init(nalUnit: some Collection<UInt8>) throws(MediaError) {
        guard let header = nalUnit.first else { throw .truncated }
        guard HEVCNALUnitType(header: header) == .sequenceParameterSet else { throw .invalidValue }
        var reader = BitReader(nalUnit: nalUnit, headerLength: 2)
        try reader.skip(4)
        let subLayers = Int(try reader.bits(3))
        guard subLayers <= 6 else { throw .invalidValue }
        self.temporalLayerCount = UInt8(subLayers) + 1
        self.isTemporalIDNested = try reader.flag()
        self.profile = try HEVCProfile(from: &reader)
        try Self.skipSubLayerProfiles(&reader, count: subLayers)
        _ = try reader.unsignedExpGolomb(limit: 15)
        self.chromaFormat = UInt8(try reader.unsignedExpGolomb(limit: 3))
        let separatePlanes = self.chromaFormat == 3 ? try reader.flag() : false
        let codedWidth = Int(try reader.unsignedExpGolomb(limit: Self.largestSize))
        let codedHeight = Int(try reader.unsignedExpGolomb(limit: Self.largestSize))
        var cropWide = 0
        var cropHigh = 0
        if try reader.flag() {
            let unitWide = !separatePlanes && (self.chromaFormat == 1 || self.chromaFormat == 2) ? 2 : 1
            let unitHigh = !separatePlanes && self.chromaFormat == 1 ? 2 : 1
            cropWide = try unitWide * Int(reader.unsignedExpGolomb(limit: Self.largestSize) + reader.unsignedExpGolomb(limit: Self.largestSize))
            cropHigh = try unitHigh * Int(reader.unsignedExpGolomb(limit: Self.largestSize) + reader.unsignedExpGolomb(limit: Self.largestSize))
        }
        self.width = codedWidth - cropWide
        self.height = codedHeight - cropHigh
        guard self.width > 0, self.height > 0 else { throw .invalidValue }
        self.bitDepthLuma = UInt8(try reader.unsignedExpGolomb(limit: 8)) + 8
        self.bitDepthChroma = UInt8(try reader.unsignedExpGolomb(limit: 8)) + 8
        guard self.bitDepthLuma <= 15, self.bitDepthChroma <= 15 else { throw .invalidValue }
        self.frameRate = HEVCSequenceParameterSetTail.frameRate(from: &reader, subLayers: subLayers)
    }

    private static func skipSubLayerProfiles(_ reader: inout BitReader, count: Int) throws(MediaError) {
        guard count > 0 else { return }
        var present: [(profile: Bool, level: Bool)] = []
        for _ in 0..<count { present.append((try reader.flag(), try reader.flag())) }
        try reader.skip(2 * (8 - count))
        for layer in present { try reader.skip((layer.profile ? 88 : 0) + (layer.level ? 8 : 0)) }
    }
}
