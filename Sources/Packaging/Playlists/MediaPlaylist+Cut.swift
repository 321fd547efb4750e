import Media

extension MediaPlaylist {
    /// The part of this playlist that was shown in a stretch of time, by its dates; nil when nothing of it is there.
    ///
    /// A cut whose end is passed is complete and says so; any other goes on growing. Its numbers are those of the whole, so that it can be polled.
    /// - Parameters:
    ///   - start: milliseconds since 1970; nil is from the first.
    ///   - end: milliseconds since 1970, exclusive; nil is without end.
    public func cut(from start: Int64?, until end: Int64?) -> MediaPlaylist? {
        let kept = self.entries.indices.filter { index in
            let entry = self.entries[index]
            guard let date = entry.programDateTimeMilliseconds else { return false }
            return date + entry.duration.milliseconds > start ?? .min && date < end ?? .max
        }
        // Dates may go back where a clock was set; segments are listed without holes.
        guard let first = kept.first, let last = kept.last else { return nil }
        let isComplete = last < self.entries.index(before: self.entries.endIndex)
        return self.slice(first...last, isEnded: isComplete || self.isEnded)
    }
}
