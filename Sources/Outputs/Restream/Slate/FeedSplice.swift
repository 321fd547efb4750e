import Media

/// Joins the frames of several feeds to one that a peer takes for a single stream: times that never go back within a track, each feed beginning right
/// behind the one before. One per connection; a value without I/O.
struct FeedSplice {
    /// What is assumed to lie between the last frame of one feed and the first of the next, as between two publishers (`Timeline`).
    private static let seam = MediaTime(milliseconds: 33)
    private static let smallestStep = MediaTime(milliseconds: 1)

    /// Added to the feed's times; nil until its first frame, which is put at `next`.
    private var offset: MediaTime? = .zero
    private var newestPicture: MediaTime?
    private var newestShown: MediaTime?
    private(set) var newestSound: MediaTime?

    /// Where a feed that begins now is put.
    var next: MediaTime {
        let pictures = max(self.newestPicture ?? .zero, self.newestShown ?? .zero)
        let sound = self.newestSound ?? .zero
        guard self.newestPicture != nil || self.newestSound != nil else { return .zero }
        return self.newestPicture == nil ? sound + Self.seam : max(pictures + Self.seam, sound)
    }

    /// Another feed begins with the next frame.
    mutating func cut() { self.offset = nil }

    /// The frame with its time in what is sent; nil when it is sound of a time that has had some.
    mutating func place(_ frame: EncodedFrame) -> EncodedFrame? {
        let offset = self.offset ?? self.next - frame.decodeTime
        self.offset = offset
        return self.note(frame, at: frame.decodeTime + offset)
    }

    /// The same for frames whose times are those of what is sent already.
    mutating func note(_ frame: EncodedFrame) -> EncodedFrame? { self.note(frame, at: frame.decodeTime) }

    private mutating func note(_ frame: EncodedFrame, at time: MediaTime) -> EncodedFrame? {
        var placed = frame
        placed.decodeTime = time
        guard frame.kind == .video else {
            if let newest = self.newestSound, time <= newest { return nil }
            self.newestSound = time
            return placed
        }
        if let newest = self.newestPicture, time <= newest { placed.decodeTime = newest + Self.smallestStep }
        self.newestPicture = placed.decodeTime
        self.newestShown = max(self.newestShown ?? placed.presentationTime, placed.presentationTime)
        return placed
    }
}
