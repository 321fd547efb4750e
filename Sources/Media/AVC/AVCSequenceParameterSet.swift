/// What Martlet needs of an H.264 sequence parameter set (ITU-T H.264 §7.3.2.1.1).
public struct AVCSequenceParameterSet: Sendable, Hashable {
    public let profile: UInt8
    public let constraintFlags: UInt8
    public let level: UInt8
    /// 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    public let chromaFormat: UInt8
    public let bitDepthLuma: UInt8
    public let bitDepthChroma: UInt8
    /// Pixels after cropping.
    public let width: Int
    public let height: Int
    /// Frames per second from the VUI; nil when it has none or a nonsensical one.
    public let frameRate: Double?

    /// Of one side: 16,384 pixels, about what level 6.2 allows.
    private static let largestSizeInMacroblocks: UInt32 = 1024

    /// `nalUnit` starts with its one-byte header.
    public init(nalUnit: some Collection<UInt8>) throws(MediaError) {
        guard let header = nalUnit.first else { throw .truncated }
        guard header & 0x1F == AVCNALUnitType.sequenceParameterSet.rawValue else { throw .invalidValue }
        var reader = BitReader(nalUnit: nalUnit, headerLength: 1)
        self.profile = UInt8(try reader.bits(8))
        self.constraintFlags = UInt8(try reader.bits(8))
        self.level = UInt8(try reader.bits(8))
        _ = try reader.unsignedExpGolomb(limit: 31)
        let depth = try Depth(from: &reader, profile: self.profile)
        self.chromaFormat = depth.chromaFormat
        self.bitDepthLuma = depth.luma
        self.bitDepthChroma = depth.chroma

        try AVCSequenceParameterSet.skipPictureOrder(&reader)
        _ = try reader.unsignedExpGolomb(limit: 16)
        try reader.skip(1)
        let macroblocksWide = try reader.unsignedExpGolomb(limit: Self.largestSizeInMacroblocks - 1) + 1
        let mapUnitsHigh = try reader.unsignedExpGolomb(limit: Self.largestSizeInMacroblocks - 1) + 1
        let framesOnly = try reader.flag()
        if !framesOnly { try reader.skip(1) }
        try reader.skip(1)
        let size = try Size(
            codedWidth: Int(macroblocksWide) * 16, codedHeight: Int(mapUnitsHigh) * 16 * (framesOnly ? 1 : 2), framesOnly: framesOnly,
            depth: depth, reader: &reader)
        self.width = size.width
        self.height = size.height
        self.frameRate = try reader.flag() ? AVCSequenceParameterSet.frameRate(fromUsabilityInformation: &reader) : nil
    }

    private static func skipPictureOrder(_ reader: inout BitReader) throws(MediaError) {
        _ = try reader.unsignedExpGolomb(limit: 12)
        switch try reader.unsignedExpGolomb(limit: 2) {
        case 0:
            _ = try reader.unsignedExpGolomb(limit: 12)
        case 1:
            try reader.skip(1)
            _ = try reader.signedExpGolomb()
            _ = try reader.signedExpGolomb()
            for _ in 0..<(try reader.unsignedExpGolomb(limit: 255)) { _ = try reader.signedExpGolomb() }
        default:
            break
        }
    }

    /// VUI parameters up to the timing (§E.1.1). Encoders write broken VUIs; what cannot be read there is not known, and no error.
    private static func frameRate(fromUsabilityInformation reader: inout BitReader) -> Double? {
        do throws(MediaError) {
            if try reader.flag(), try reader.bits(8) == 255 { try reader.skip(32) }
            if try reader.flag() { try reader.skip(1) }
            if try reader.flag() {
                try reader.skip(4)
                if try reader.flag() { try reader.skip(24) }
            }
            if try reader.flag() {
                _ = try reader.unsignedExpGolomb()
                _ = try reader.unsignedExpGolomb()
            }
            guard try reader.flag() else { return nil }
            let unitsInTick = try reader.bits(32)
            let timescale = try reader.bits(32)
            // A tick is a field, so a frame takes two.
            return FrameRate.plausible(Double(timescale), per: Double(unitsInTick) * 2)
        } catch {
            return nil
        }
    }

    private struct Depth {
        var chromaFormat: UInt8 = 1
        var luma: UInt8 = 8
        var chroma: UInt8 = 8
        var separatePlanes = false

        static let profilesWithChromaFormat: Set<UInt8> = [44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244]

        init(from reader: inout BitReader, profile: UInt8) throws(MediaError) {
            guard Self.profilesWithChromaFormat.contains(profile) else { return }
            self.chromaFormat = UInt8(try reader.unsignedExpGolomb(limit: 3))
            if self.chromaFormat == 3 { self.separatePlanes = try reader.flag() }
            self.luma = UInt8(try reader.unsignedExpGolomb(limit: 6)) + 8
            self.chroma = UInt8(try reader.unsignedExpGolomb(limit: 6)) + 8
            try reader.skip(1)
            guard try reader.flag() else { return }
            for list in 0..<(self.chromaFormat == 3 ? 12 : 8) where try reader.flag() {
                try Self.skipScalingList(&reader, count: list < 6 ? 16 : 64)
            }
        }

        private static func skipScalingList(_ reader: inout BitReader, count: Int) throws(MediaError) {
            var next: Int32 = 8
            for _ in 0..<count where next != 0 {
                next = (next &+ (try reader.signedExpGolomb())) & 0xFF
            }
        }
    }

    private struct Size {
        let width: Int
        let height: Int

        init(codedWidth: Int, codedHeight: Int, framesOnly: Bool, depth: Depth, reader: inout BitReader) throws(MediaError) {
            guard try reader.flag() else {
                self.width = codedWidth
                self.height = codedHeight
                return
            }
            let subsampled = !depth.separatePlanes
            let unitWide = subsampled && (depth.chromaFormat == 1 || depth.chromaFormat == 2) ? 2 : 1
            let unitHigh = (subsampled && depth.chromaFormat == 1 ? 2 : 1) * (framesOnly ? 1 : 2)
            let left = Int(try reader.unsignedExpGolomb(limit: 1 << 15))
            let right = Int(try reader.unsignedExpGolomb(limit: 1 << 15))
            let top = Int(try reader.unsignedExpGolomb(limit: 1 << 15))
            let bottom = Int(try reader.unsignedExpGolomb(limit: 1 << 15))
            self.width = codedWidth - unitWide * (left + right)
            self.height = codedHeight - unitHigh * (top + bottom)
            guard self.width > 0, self.height > 0 else { throw .invalidValue }
        }
    }
}
