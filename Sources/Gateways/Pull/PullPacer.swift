import Media

/// When each frame of a file is due, so that a file arrives as a live source would: its first second at once, the rest in real time.
///
/// The clock's zero moves when nothing came for longer than what is sent ahead covers, so that a stall is followed by at most one second sent fast.
struct PullPacer: Sendable {
    /// How far frames are sent ahead of their time.
    static let lead = MediaTime(milliseconds: 1_000)
    private static let jumpAhead = MediaTime(milliseconds: 5_000)
    private static let jumpBack = MediaTime(milliseconds: 10_000)

    /// Monotonic nanoseconds of media time zero.
    private var zero: Int64?
    private var newest = MediaTime.zero

    /// When to send the frame of that time, in monotonic nanoseconds; nil: now. To be asked once for each frame, in order.
    mutating func due(_ time: MediaTime, now: Int64) -> Int64? {
        guard let zero = self.zero(for: time, now: now) else { return nil }
        guard time > self.newest else { return nil }  // a track that is stored a little behind the other
        self.newest = time
        let shown = zero &+ time.microseconds &* 1_000
        guard now <= shown else {
            self.zero = zero &+ (now - shown)
            return nil
        }
        let due = shown &- Self.lead.microseconds &* 1_000
        return due > now ? due : nil
    }

    /// A frame of a live source was sent as it came; a file after it goes on from there.
    mutating func follow(_ time: MediaTime, now: Int64) {
        self.zero = now &- time.microseconds &* 1_000
        self.newest = time
    }

    /// Nil for the first frame of all, which is always due.
    private mutating func zero(for time: MediaTime, now: Int64) -> Int64? {
        guard let zero = self.zero else {
            self.zero = now &- time.microseconds &* 1_000
            self.newest = time
            return nil
        }
        let step = time - self.newest
        guard step > Self.jumpAhead || step < MediaTime.zero - Self.jumpBack else { return zero }
        // The source's clock jumped: what was due at the old time is due at the new one.
        let moved = zero &- step.microseconds &* 1_000
        self.zero = moved
        self.newest = time - MediaTime(microseconds: 1)
        return moved
    }
}
