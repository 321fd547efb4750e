public import NIOCore

/// What Martlet needs of an AV1 sequence header (AV1 specification §5.5).
public struct AV1SequenceHeader: Sendable, Hashable {
    public let profile: UInt8
    public let level: UInt8
    public let isHighTier: Bool
    public let isHighBitDepth: Bool
    public let isTwelveBit: Bool
    public let isMonochrome: Bool
    public let isSubsampledX: Bool
    public let isSubsampledY: Bool
    public let chromaSamplePosition: UInt8
    public let width: Int
    public let height: Int
    public let frameRate: Double?
    /// The unit as it came, with header and size field.
    public let unit: [UInt8]

    /// The first sequence header of a temporal unit, nil when there is none.
    public init?(temporalUnit: ByteBuffer) throws(MediaError) {
        var reader = AV1OBUReader(temporalUnit)
        while let unit = try reader.next() {
            guard unit.type == AV1OBUReader.sequenceHeader else { continue }
            try self.init(payload: Array(unit.payload.readableBytesView))
            return
        }
        return nil
    }

    init(payload: [UInt8]) throws(MediaError) {
        var reader = BitReader(payload)
        let profile = UInt8(try reader.bits(3))
        guard profile <= 2 else { throw .invalidValue }
        self.profile = profile
        try reader.skip(1)
        let isReduced = try reader.flag()
        let point = try OperatingPoint(from: &reader, isReduced: isReduced)
        self.level = point.level
        self.isHighTier = point.isHighTier
        self.frameRate = point.frameRate
        let widthBits = Int(try reader.bits(4)) + 1
        let heightBits = Int(try reader.bits(4)) + 1
        self.width = Int(try reader.bits(widthBits)) + 1
        self.height = Int(try reader.bits(heightBits)) + 1
        try Self.skipTools(&reader, isReduced: isReduced)
        let color = try Color(from: &reader, profile: profile)
        self.isHighBitDepth = color.isHighBitDepth
        self.isTwelveBit = color.isTwelveBit
        self.isMonochrome = color.isMonochrome
        self.isSubsampledX = color.isSubsampledX
        self.isSubsampledY = color.isSubsampledY
        self.chromaSamplePosition = color.samplePosition
        self.unit = Self.header(for: payload) + payload
    }

    /// Brings every spelling of the unit (with extension, without size) to one, so that equal headers compare equal.
    private static func header(for payload: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [0x0A]
        var size = payload.count
        repeat {
            bytes.append(UInt8(truncatingIfNeeded: size & 0x7F) | (size > 0x7F ? 0x80 : 0))
            size >>= 7
        } while size > 0
        return bytes
    }

    private struct OperatingPoint {
        var level: UInt8 = 0
        var isHighTier = false
        var frameRate: Double?

        init(from reader: inout BitReader, isReduced: Bool) throws(MediaError) {
            if isReduced {
                self.level = UInt8(try reader.bits(5))
                return
            }
            var delayBits: Int?
            if try reader.flag() {
                let unitsInTick = try reader.bits(32)
                let timescale = try reader.bits(32)
                if try reader.flag() {
                    let ticks = Double(try reader.unsignedExpGolomb()) + 1
                    self.frameRate = FrameRate.plausible(Double(timescale), per: Double(unitsInTick) * ticks)
                }
                if try reader.flag() {
                    delayBits = Int(try reader.bits(5)) + 1
                    try reader.skip(42)
                }
            }
            let hasDisplayDelay = try reader.flag()
            for index in 0...(try reader.bits(5)) {
                try reader.skip(12)
                let level = UInt8(try reader.bits(5))
                let isHighTier = level > 7 ? try reader.flag() : false
                if let delayBits, try reader.flag() { try reader.skip(2 * delayBits + 1) }
                if hasDisplayDelay, try reader.flag() { try reader.skip(4) }
                guard index == 0 else { continue }
                self.level = level
                self.isHighTier = isHighTier
            }
        }
    }

    private static func skipTools(_ reader: inout BitReader, isReduced: Bool) throws(MediaError) {
        if !isReduced, try reader.flag() { try reader.skip(7) }
        try reader.skip(3)
        if !isReduced {
            try reader.skip(4)
            let hasOrderHint = try reader.flag()
            if hasOrderHint { try reader.skip(2) }
            // seq_force_screen_content_tools: 2 (chosen per frame) when the first bit is set.
            let choosesTools = try reader.flag()
            let forcesTools = choosesTools ? true : try reader.flag()
            if forcesTools, try !reader.flag() { try reader.skip(1) }
            if hasOrderHint { try reader.skip(3) }
        }
        try reader.skip(3)
    }

    /// color_config (§5.5.2).
    private struct Color {
        var isHighBitDepth: Bool
        var isTwelveBit = false
        var isMonochrome: Bool
        var isSubsampledX = true
        var isSubsampledY = true
        var samplePosition: UInt8 = 0

        init(from reader: inout BitReader, profile: UInt8) throws(MediaError) {
            self.isHighBitDepth = try reader.flag()
            if profile == 2, self.isHighBitDepth { self.isTwelveBit = try reader.flag() }
            self.isMonochrome = profile == 1 ? false : try reader.flag()
            let description = try reader.flag() ? try reader.bits(24) : 0x02_02_02
            if self.isMonochrome {
                try reader.skip(1)
                return
            }
            // BT.709 primaries, sRGB transfer and identity matrix: 4:4:4 without further fields.
            if description == 0x01_0D_00 {
                self.isSubsampledX = false
                self.isSubsampledY = false
                return
            }
            try reader.skip(1)
            switch profile {
            case 0:
                break
            case 1:
                self.isSubsampledX = false
                self.isSubsampledY = false
            default:
                self.isSubsampledX = self.isTwelveBit ? try reader.flag() : true
                self.isSubsampledY = self.isTwelveBit && self.isSubsampledX ? try reader.flag() : false
            }
            if self.isSubsampledX, self.isSubsampledY { self.samplePosition = UInt8(try reader.bits(2)) }
        }
    }
}
