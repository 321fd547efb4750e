import Media

/// Which pictures begin a group in every rendition: those that do in the source, and, where its groups are overlong, one every ten seconds.
///
/// Known by their times, since a decoder gives pictures in another order than it takes frames.
struct KeyframeRule {
    private static let longestGroup = MediaTime(milliseconds: 10_000)
    /// No decoder holds back so many groups.
    private static let mostDue = 64

    private var due: [MediaTime] = []
    private var last: MediaTime?

    /// The source has a keyframe that is shown at `time`; its picture will come.
    mutating func sourceKeyframe(at time: MediaTime) {
        if self.due.count == Self.mostDue { self.due.removeFirst() }
        self.due.append(time)
    }

    /// Pictures come in the order in which they are shown. One that was lost leaves its role to the next.
    mutating func beginsGroup(at time: MediaTime) -> Bool {
        let before = self.due.count
        self.due.removeAll { $0 <= time }
        let isOverdue = self.last.map { time - $0 >= Self.longestGroup } ?? true
        guard self.due.count < before || isOverdue else { return false }
        self.last = time
        return true
    }
}
