/// By how much a picture is turned to be shown upright, clockwise.
public enum PictureTurn: Int, Sendable, Hashable, CaseIterable {
    case none = 0
    case quarter = 90
    case half = 180
    case threeQuarters = 270

    /// Width and height change places.
    public var isSideways: Bool { self == .quarter || self == .threeQuarters }

    /// Degrees, clockwise; to the nearest quarter.
    public init(degrees: Double) {
        guard degrees.isFinite else {
            self = .none
            return
        }
        // Of so many degrees that they do not fit, nobody can tell which way they show.
        let quarters = (Int(exactly: (degrees / 90).rounded()) ?? 0) % 4
        self = PictureTurn(rawValue: (quarters + 4) % 4 * 90) ?? .none
    }

    /// The matrix that mp4 has for it (ISO/IEC 14496-12 §8.3.2): nine numbers, row by row, of 16.16 bits but for the last column's 2.30. It turns a
    /// picture of this size in pixels, which is what it is before, and moves it back to where it was.
    public func matrix(width: Int, height: Int) -> [Int32] {
        let one: Int32 = 1 << 16
        let (right, down) = (Int32(clamping: width << 16), Int32(clamping: height << 16))
        let end: Int32 = 1 << 30
        return switch self {
        case .none: [one, 0, 0, 0, one, 0, 0, 0, end]
        case .quarter: [0, one, 0, -one, 0, 0, down, 0, end]
        case .half: [-one, 0, 0, 0, -one, 0, right, down, end]
        case .threeQuarters: [0, -one, 0, one, 0, 0, 0, right, end]
        }
    }
}
