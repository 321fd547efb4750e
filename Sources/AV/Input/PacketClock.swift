import CFFmpeg
import Media

/// A packet's times in microseconds of the input's clock. Only what is missing is made up; what is wrong is the stream's timeline's business.
struct PacketClock {
    /// 142 years: what lies beyond is no time, and must not overflow anything that is counted from it.
    private static let farthest: Int64 = 1 << 52

    private let timeBase: AVRational
    /// Between packets that have neither time nor duration.
    var usualStep: MediaTime
    /// Pictures that are decoded before one that is shown earlier.
    private let reordering: Int
    private var last: MediaTime?

    /// A tick is `numerator / denominator` seconds.
    init(numerator: Int32, denominator: Int32, usualStep: MediaTime = .zero, reordering: Int = 0) {
        self.reordering = reordering
        self.timeBase = AVRational(num: numerator, den: denominator)
        self.usualStep = usualStep
    }

    func time(_ ticks: Int64?) -> MediaTime? { ticks.flatMap { Self.time($0, self.timeBase) } }

    static func time(_ ticks: Int64, _ timeBase: AVRational) -> MediaTime? {
        guard timeBase.num > 0, timeBase.den > 0 else { return nil }
        let microseconds = av_rescale_q(ticks, timeBase, shim_time_base_q())
        return (-self.farthest...self.farthest).contains(microseconds) ? MediaTime(microseconds: microseconds) : nil
    }

    mutating func stamp(_ packet: borrowing Packet) -> (decode: MediaTime, compositionOffset: MediaTime) {
        let presentation = self.time(packet.presentationTime)
        let given = packet.duration > 0 ? self.time(packet.duration) : nil
        let step = given ?? self.usualStep
        let decode: MediaTime
        if let known = self.time(packet.decodeTime) {
            decode = known
        } else if let presentation, self.reordering == 0 {
            decode = presentation
        } else if let presentation {
            // FFmpeg knows decode times from the first reordered picture on; those before it precede it one step each.
            let first = presentation - MediaTime(microseconds: step.microseconds * Int64(self.reordering))
            decode = min(self.last.map { $0 + step } ?? first, presentation)
        } else {
            decode = self.last.map { $0 + step } ?? .zero
        }
        self.last = decode
        return (decode, (presentation ?? decode) - decode)
    }
}
