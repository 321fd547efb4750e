import AV
import Media

/// What a slate must be like to stand in for a stream's pictures.
struct SlateForm: Sendable, Hashable {
    /// What cannot be stood in for, in words for people.
    enum Obstacle: Error, Sendable, Equatable, CustomStringConvertible {
        case noPictures
        case codec(Codec)
        case size(width: Int, height: Int)

        var description: String {
            switch self {
            case .noPictures: "the stream has no pictures"
            case .codec(let codec): "the stream's pictures are \(codec.rawValue), and a slate can only be made in h264"
            case .size(let width, let height): "the stream's pictures are \(width)x\(height), of which no slate can be made"
            }
        }
    }

    /// The publisher says how large its pictures are, and an encoder of 8K holds gigabytes.
    private static let sides = 16...4_096
    private static let mostPixels = 4_096 * 2_304
    /// What was measured is never the same twice, and each rate would be another encoding.
    private static let rates = [10, 15, 24, 25, 30, 50, 60]

    /// Pixels, even.
    var width: Int
    var height: Int
    /// Frames a second, a usual number of them near the stream's.
    var frameRate: Int

    init(_ track: Track, frameRate: Int) throws(Obstacle) {
        guard track.codec == .h264 else { throw .codec(track.codec) }
        let (width, height) = (track.video?.width ?? 0, track.video?.height ?? 0)
        guard Self.sides.contains(width), Self.sides.contains(height), width * height <= Self.mostPixels else {
            throw .size(width: width, height: height)
        }
        // Encoders of 4:2:0 take even sides; one row less is no other stream.
        self.width = width / 2 * 2
        self.height = height / 2 * 2
        let wanted = min(max(frameRate, 1), 240)
        self.frameRate = Self.rates.min { abs($0 - wanted) < abs($1 - wanted) } ?? 30
    }

    /// Bits per second; for a picture that stands still a fraction of what one that moves needs.
    func bitrate(isStill: Bool) -> Int {
        let perSecond = Double(self.width * self.height * self.frameRate) * (isStill ? 0.012 : 0.035)
        return min(max(Int(perSecond), isStill ? 200_000 : 400_000), 6_000_000)
    }

    func encoding(isStill: Bool) -> LoopEncoder.Format {
        .init(width: self.width, height: self.height, frameRate: self.frameRate, bitrate: self.bitrate(isStill: isStill))
    }
}
