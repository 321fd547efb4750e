import Media

/// Gives audio packets exact sample times. Sources stamp audio in milliseconds, with jitter; written as they come, these stamps make gaps and overlaps
/// that players hear. So samples are counted from an anchor, and the anchor moves only when count and stamp have drifted apart.
struct AudioClock: Sendable {
    /// More than jitter of any sane source, less than is seen as lips out of step.
    static let tolerance = MediaTime(milliseconds: 60)

    let timescale: UInt32
    private var next: Int64?
    private var lastStart: Int64 = -1
    /// How often count and stamp fell apart; the first packet does not count.
    private(set) var reanchors = 0

    init(timescale: UInt32) { self.timescale = timescale }

    /// Where a packet of `samples` samples stamped `time` begins, in ticks: after the one before, unless that is too far from its stamp.
    /// Never at or before the start of the packet before. Without `samples` the stamp is taken as it is.
    mutating func place(_ time: MediaTime, samples: Int64?) -> Int64 {
        let stamp = max(0, time.ticks(timescale: self.timescale))
        var start = stamp
        if let next = self.next, samples != nil {
            if abs(stamp - next) <= Self.tolerance.ticks(timescale: self.timescale) {
                start = next
            } else {
                self.reanchors += 1
            }
        }
        start = max(start, self.lastStart + 1)
        self.lastStart = start
        self.next = start + (samples ?? 0)
        return start
    }
}
