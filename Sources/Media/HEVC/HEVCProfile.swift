/// The general part of profile_tier_level (ITU-T H.265 §7.3.3): 12 bytes, the same in a parameter set and in a configuration record.
public struct HEVCProfile: Sendable, Hashable {
    /// 0 to 3.
    public let space: UInt8
    public let isHighTier: Bool
    /// 1 Main, 2 Main 10, …
    public let profile: UInt8
    /// Most significant bit is flag 0.
    public let compatibilityFlags: UInt32
    /// 48 bits, most significant first.
    public let constraintFlags: UInt64
    /// Thirty times the level: 93 is level 3.1.
    public let level: UInt8

    init(from reader: inout BitReader) throws(MediaError) {
        self.space = UInt8(try reader.bits(2))
        self.isHighTier = try reader.flag()
        self.profile = UInt8(try reader.bits(5))
        self.compatibilityFlags = try reader.bits(32)
        self.constraintFlags = UInt64(try reader.bits(32)) << 16 | UInt64(try reader.bits(16))
        self.level = UInt8(try reader.bits(8))
    }

    var bytes: [UInt8] {
        var bytes = [self.space << 6 | (self.isHighTier ? 0x20 : 0) | self.profile]
        for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: self.compatibilityFlags >> UInt32(shift))) }
        bytes += self.constraintBytes
        bytes.append(self.level)
        return bytes
    }

    var constraintBytes: [UInt8] {
        [40, 32, 24, 16, 8, 0].map { UInt8(truncatingIfNeeded: self.constraintFlags >> UInt64($0)) }
    }
}
