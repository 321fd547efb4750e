import CFFmpeg
import Media

/// A packet's times in microseconds of the input's clock. Only what is missing is made up; what is wrong is the stream's timeline's business.
struct PacketClock {
    private let timeBase: AVRational
    /// Between packets that have neither time nor duration.
    private let usualStep: MediaTime
    /// Pictures that are decoded before one that is shown earlier.
    private let reordering: Int
    private var last: MediaTime?

    init(timeBase: AVRational, usualStep: MediaTime, reordering: Int = 0) {
        self.reordering = reordering
        self.timeBase = timeBase
        self.usualStep = usualStep
    }

    func time(_ ticks: Int64?) -> MediaTime? {
        guard let ticks, self.timeBase.num > 0, self.timeBase.den > 0 else { return nil }
        return MediaTime(microseconds: av_rescale_q(ticks, self.timeBase, shim_time_base_q()))
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
            decode = min(self.last.map { $0 + step } ?? presentation - MediaTime(microseconds: step.microseconds * Int64(self.reordering)), presentation)
        } else {
            decode = self.last.map { $0 + step } ?? .zero
        }
        self.last = decode
        return (decode, (presentation ?? decode) - decode)
    }
}
