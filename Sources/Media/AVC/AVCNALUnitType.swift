/// The NAL unit types of H.264 (ITU-T H.264 table 7-1) that Martlet looks at.
public enum AVCNALUnitType: UInt8, Sendable {
    case instantaneousDecoderRefresh = 5
    case sequenceParameterSet = 7
    case pictureParameterSet = 8
    case accessUnitDelimiter = 9
    case fillerData = 12
    case sequenceParameterSetExtension = 13

    /// From a NAL unit's first byte; nil for the types nobody here asks for.
    @inlinable public init?(header: UInt8) { self.init(rawValue: header & 0x1F) }

    var isParameterSet: Bool {
        switch self {
        case .sequenceParameterSet, .pictureParameterSet, .sequenceParameterSetExtension: true
        case .instantaneousDecoderRefresh, .accessUnitDelimiter, .fillerData: false
        }
    }
}
