/// Gives audio packets stamps that count samples, as packagers do, instead of the millisecond jitter that RTMP brings.
///
/// The count starts at the first packet and is held against every packet's own time. It is set anew
/// - at once when the two are more than 100 ms apart: sound was lost, or the source jumped;
/// - when eight packets in a row are more than 20 ms off to the same side, by the smallest of those differences: clocks drift, a packet was lost.
/// So sound stays within 20 ms of its source's own stamps, but for the eight packets it takes to be sure. Stamps always rise.
struct AudioStampClock {
    private static let packetsToAgree = 8

    private let jump: Int64
    private let tolerance: Int64
    /// The counted stamp of the next packet.
    private var next: Int64?
    private var last: Int64?
    private var strays = 0
    /// Signed, the smallest of the current run.
    private var smallestStray: Int64 = 0

    /// `timescale` is the sample rate: ticks are samples.
    init(timescale: Int64) {
        self.jump = timescale / 10
        self.tolerance = timescale / 50
    }

    /// The stamp of a packet of `samples` samples whose source says `claimed`.
    mutating func stamp(_ claimed: Int64, samples: Int64) -> Int64 {
        var stamp = self.next ?? claimed
        let difference = claimed - stamp
        if abs(difference) > self.jump {
            stamp = claimed
            self.strays = 0
        } else if abs(difference) > self.tolerance {
            self.countStray(difference)
            if self.strays >= Self.packetsToAgree {
                stamp += self.smallestStray
                self.strays = 0
            }
        } else {
            self.strays = 0
        }
        self.next = stamp + samples
        if let last = self.last { stamp = max(stamp, last + 1) }
        self.last = stamp
        return stamp
    }

    /// The next packet's own time counts: another source goes on.
    mutating func restart() {
        self.next = nil
        self.strays = 0
    }

    private mutating func countStray(_ difference: Int64) {
        if self.strays > 0, (difference > 0) == (self.smallestStray > 0) {
            self.strays += 1
            if abs(difference) < abs(self.smallestStray) { self.smallestStray = difference }
        } else {
            self.strays = 1
            self.smallestStray = difference
        }
    }
}
