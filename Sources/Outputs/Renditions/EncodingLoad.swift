import Media

/// What is done when a machine cannot encode as fast as pictures come: some are left out, and when that does not help for long, a rendition goes.
///
/// A picture's lag is how much newer the newest frame of the source is. Up to a second of it is what decoders and encoders take anyway, and what a start
/// finds waiting; from there on every second picture is left out, from two seconds on three of four, from three on all but keyframes. With another
/// `patience`, these are multiples of it.
///
/// A second in which a tenth of the pictures was lost is a bad one; a good one makes up for a bad one, and five bad ones more than good ones cost a
/// rendition.
struct EncodingLoad {
    enum Decision: Equatable {
        case encode
        case drop
        /// Encode it, but with one rendition less from now on.
        case shed
    }

    private static let window = MediaTime(milliseconds: 1_000)
    private static let mostBadWindows = 5
    /// One of so many pictures lost makes a window bad.
    private static let tolerated = 10

    /// For what nobody watches while it is encoded it may be longer.
    private let patience: MediaTime
    /// Pictures that were left out.
    private(set) var dropped = 0
    private var windowStart: MediaTime?
    private var pictures = 0
    private var lost = 0
    private var badWindows = 0
    /// Pictures left out since the last one that was not.
    private var skipped = 0

    init(patience: MediaTime = MediaTime(milliseconds: 1_000)) { self.patience = patience }

    /// For each picture, in order. Keyframes are never left out, or the renditions would not begin their groups where the source does.
    mutating func decide(lag: MediaTime, at time: MediaTime, isKeyframe: Bool) -> Decision {
        let mustShed = self.enterWindow(at: time)
        self.pictures += 1
        if mustShed {
            self.skipped = 0
            return .shed
        }
        guard !isKeyframe, lag > self.patience, self.skipped < self.share(lag) else {
            self.skipped = 0
            return .encode
        }
        self.skipped += 1
        self.dropped += 1
        self.lost += 1
        return .drop
    }

    /// Frames were lost before they could be decoded.
    mutating func noteLost(_ frames: Int) {
        self.dropped += frames
        self.lost += frames
    }

    /// How many of a run of pictures are left out between two that are not.
    private func share(_ lag: MediaTime) -> Int {
        switch lag.microseconds / self.patience.microseconds {
        case ..<2: 1
        case 2: 3
        default: .max
        }
    }

    private mutating func enterWindow(at time: MediaTime) -> Bool {
        guard let start = self.windowStart else {
            self.windowStart = time
            return false
        }
        // Times that go back begin anew, too.
        guard time - start >= Self.window || time < start else { return false }
        let isBad = self.lost * Self.tolerated >= max(self.pictures, 1)
        self.windowStart = time
        self.pictures = 0
        self.lost = 0
        self.badWindows = isBad ? self.badWindows + 1 : max(0, self.badWindows - 1)
        guard self.badWindows >= Self.mostBadWindows else { return false }
        self.badWindows = 0
        return true
    }
}
