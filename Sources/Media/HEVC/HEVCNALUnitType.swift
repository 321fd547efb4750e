/// The NAL unit types of HEVC (ITU-T H.265 table 7-1) that Martlet looks at.
public struct HEVCNALUnitType: RawRepresentable, Sendable, Hashable {
    public let rawValue: UInt8
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// From a NAL unit's first byte.
    @inlinable public init(header: UInt8) { self.rawValue = header >> 1 & 0x3F }

    public static let videoParameterSet = HEVCNALUnitType(rawValue: 32)
    public static let sequenceParameterSet = HEVCNALUnitType(rawValue: 33)
    public static let pictureParameterSet = HEVCNALUnitType(rawValue: 34)
    public static let accessUnitDelimiter = HEVCNALUnitType(rawValue: 35)
    public static let fillerData = HEVCNALUnitType(rawValue: 38)

    /// Intra random access point: a decoder can start here (BLA, IDR, CRA and the two reserved types).
    public var isRandomAccessPoint: Bool { (16...23).contains(self.rawValue) }
    var isParameterSet: Bool { (32...34).contains(self.rawValue) }
}
