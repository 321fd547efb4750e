public import Media

extension MediaPlaylist {
    /// Never announced more than this for long GOPs alone: players stay three target durations behind. Longer GOPs are cut inside.
    private static let longestForGOP: Int64 = 10

    /// The target duration to fix for a playlist's life, in seconds: room for the configured duration, for as many whole GOPs as it takes to reach
    /// it, and for the first segment as it came out.
    ///
    /// - Parameters:
    ///   - keyframeInterval: the longest seen; nil when not known.
    ///   - firstSegment: duration of a segment that is already made; always has room, whatever its length.
    public static func targetSeconds(configured: MediaTime, keyframeInterval: MediaTime?, firstSegment: MediaTime? = nil) -> Int {
        let wanted = max(configured.microseconds, 1)
        var seconds = (wanted - 1) / 1_000_000 + 1
        if let interval = keyframeInterval?.microseconds, interval > 0, interval < 3_600_000_000 {
            // The segmenter takes a keyframe up to five hundredths early.
            let groups = (wanted * 19 / 20 - 1) / interval + 1
            seconds = max(seconds, min(self.rounded(groups * interval), self.longestForGOP))
        }
        if let firstSegment { seconds = max(seconds, self.rounded(firstSegment.microseconds)) }
        return Int(max(1, seconds))
    }

    /// The longest a segment may be in such a playlist: its duration, rounded to the nearest second, must not exceed the target (RFC 8216 §4.3.3.1).
    public static func longestSegment(targetSeconds: Int) -> MediaTime {
        MediaTime(milliseconds: Int64(targetSeconds) * 1000 + 499)
    }

    private static func rounded(_ microseconds: Int64) -> Int64 { (max(0, microseconds) + 500_000) / 1_000_000 }
}
