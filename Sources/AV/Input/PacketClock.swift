import CFFmpeg
import Media

/// A packet's times in microseconds of the input's clock. Only what is missing is made up; what is wrong is the stream's timeline's business.
struct PacketClock {
    private let timeBase: AVRational
    /// Between packets that have neither time nor duration.
    private let usualStep: MediaTime
    private var last: MediaTime?

    init(timeBase: AVRational, usualStep: MediaTime) {
        self.timeBase = timeBase
        self.usualStep = usualStep
    }

    func time(_ ticks: Int64?) -> MediaTime? {
        guard let ticks, self.timeBase.num > 0, self.timeBase.den > 0 else { return nil }
        return MediaTime(microseconds: av_rescale_q(ticks, self.timeBase, shim_time_base_q()))
    }

    mutating func stamp(_ packet: borrowing Packet) -> (decode: MediaTime, compositionOffset: MediaTime) {
        let presentation = self.time(packet.presentationTime)
        let decode: MediaTime
        if let given = self.time(packet.decodeTime) {
            decode = given
        } else if let presentation {
            // A picture shown before one that came earlier: it was to be decoded right after that one.
            if let last = self.last, presentation <= last, last - presentation < MediaTime(milliseconds: 1000) {
                decode = last + MediaTime(milliseconds: 1)
            } else {
                decode = presentation
            }
        } else {
            let step = packet.duration > 0 ? self.time(packet.duration) : nil
            decode = self.last.map { $0 + (step ?? self.usualStep) } ?? .zero
        }
        self.last = decode
        return (decode, (presentation ?? decode) - decode)
    }
}
