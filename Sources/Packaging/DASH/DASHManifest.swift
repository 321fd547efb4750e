public import Media

/// A live MPD over a window of segments (ISO/IEC 23009-1, profile isoff-live): one representation for each track, addressed by number with a
/// SegmentTimeline, a Period for every stretch without a discontinuity.
///
/// Segments are those of the HLS playlist. With chunks the one that is being made is listed too, from the moment the one before it is whole, as long as
/// that one was: it can be asked for, and is sent as it grows (§5.3.9.5.3, availabilityTimeOffset). How long it really is shows in the next manifest.
/// Times are microseconds of the stream's own timeline; `availabilityStartTime` is the wall clock at its zero, of the first Period. An ended manifest is
/// static, on the same timeline.
public struct DASHManifest: Sendable {
    public struct Entry: Sendable, Hashable {
        public var number: UInt64
        /// On the timeline of its publish session.
        public var start: MediaTime
        public var duration: MediaTime
        public var isDiscontinuity: Bool
        public var initVersion: Int
        /// When its first picture was, in milliseconds since 1970.
        public var wallMilliseconds: Int64

        public init(number: UInt64, start: MediaTime, duration: MediaTime, isDiscontinuity: Bool, initVersion: Int, wallMilliseconds: Int64) {
            self.number = number
            self.start = start
            self.duration = duration
            self.isDiscontinuity = isDiscontinuity
            self.initVersion = initVersion
            self.wallMilliseconds = wallMilliseconds
        }
    }

    /// How URIs are made: `{prefix}{number}-t{track}.m4s` and `{prefix}init-{version}-t{track}.mp4`, tracks counted from 1.
    public struct Naming: Sendable {
        /// Percent-encoded.
        public var prefix: String
        /// Where the time of UTCTiming is asked; relative to the manifest.
        public var clock: String

        public init(prefix: String, clock: String) {
            self.prefix = prefix
            self.clock = clock
        }
    }

    /// What a Period's segments have in common.
    struct Period: Sendable {
        let id: Int
        let tracks: [Track]
        /// Since availabilityStartTime, in milliseconds; kept when its first segments leave the window.
        let start: Int64
        /// Of the stream's timeline at `start`.
        let offset: MediaTime
        var entries: [Entry] = []

        /// Since availabilityStartTime; of the last segment.
        var end: MediaTime {
            let begin = MediaTime(milliseconds: self.start)
            return self.entries.last.map { begin + $0.start + $0.duration - self.offset } ?? begin
        }
    }

    public let naming: Naming
    /// What the pieces aim at in which a growing segment comes; nil: segments come whole.
    public let chunkDuration: MediaTime?
    /// How many segments are listed.
    public let listSize: Int
    /// Of each init version that may still be listed.
    private var tracks: [Int: [Track]] = [:]
    private(set) var periods: [Period] = []
    private var nextPeriod = 0
    /// Milliseconds since 1970; nil until there is a segment.
    private(set) var availabilityStart: Int64?
    public private(set) var isEnded = false
    /// Bits a second of everything together.
    public var bandwidth = 0
    /// When it last changed, in milliseconds since 1970.
    private(set) var publishTime: Int64 = 0

    /// What is being made, or comes next.
    private(set) var growing: Entry?

    public init(listSize: Int, naming: Naming, chunkDuration: MediaTime? = nil) {
        self.listSize = max(3, listSize)
        self.naming = naming
        self.chunkDuration = chunkDuration
    }

    public mutating func setTracks(_ tracks: [Track], initVersion: Int) {
        self.tracks[initVersion] = tracks
        if let oldest = self.periods.first?.entries.first?.initVersion { self.tracks = self.tracks.filter { $0.key >= oldest } }
        // A publisher that changes its configuration without ever making a segment.
        if self.tracks.count > Self.initVersionLimit, let oldest = self.tracks.keys.min() { self.tracks[oldest] = nil }
    }

    private static let initVersionLimit = 128

    public mutating func append(_ entry: Entry, now: Int64) {
        if self.availabilityStart == nil { self.availabilityStart = entry.wallMilliseconds - entry.start.milliseconds }
        self.list(entry)
        if self.chunkDuration != nil {
            self.growing = Entry(
                number: entry.number + 1, start: entry.start + entry.duration, duration: entry.duration, isDiscontinuity: false,
                initVersion: entry.initVersion, wallMilliseconds: entry.wallMilliseconds + entry.duration.milliseconds)
        }
        var excess = self.count - self.listSize
        while excess > 0, !self.periods.isEmpty {
            self.periods[0].entries.removeFirst()
            if self.periods[0].entries.isEmpty { self.periods.removeFirst() }
            excess -= 1
        }
        self.publishTime = now
    }

    private mutating func list(_ entry: Entry) {
        let isNew = entry.isDiscontinuity || self.periods.last?.entries.last?.initVersion != entry.initVersion
        if isNew || self.periods.isEmpty { self.beginPeriod(at: entry) }
        self.periods[self.periods.count - 1].entries.append(entry)
    }

    /// The first chunk of the segment after the last is there; its duration is that of the chunk. False when that was foreseen and changes nothing.
    public mutating func begin(_ entry: Entry, now: Int64) -> Bool {
        guard self.chunkDuration != nil, let last = self.entries.last, entry.number == last.number + 1 else { return false }
        let isForeseen = !entry.isDiscontinuity && entry.initVersion == self.growing?.initVersion && entry.start == self.growing?.start
        if isForeseen { return false }
        var entry = entry
        entry.duration = max(entry.duration, last.duration)
        self.growing = entry
        self.publishTime = now
        return true
    }

    /// Whatever was being made does not come to be.
    public mutating func dropGrowing() { self.growing = nil }

    /// As players are shown it: with the segment that is being made.
    var shown: DASHManifest {
        guard let growing = self.growing else { return self }
        var shown = self
        shown.list(growing)
        return shown
    }

    private mutating func beginPeriod(at entry: Entry) {
        let tracks = self.tracks[entry.initVersion] ?? []
        var start: Int64 = 0
        var offset = MediaTime.zero
        // The first Period's time is the stream's own; a later one begins where its wall clock says.
        if self.nextPeriod > 0 {
            start = entry.wallMilliseconds - (self.availabilityStart ?? 0)
            offset = entry.start
            // A clock that was set back must not make Periods overlap.
            start = max(start, self.periods.last?.end.milliseconds ?? 0)
        }
        self.periods.append(Period(id: self.nextPeriod, tracks: tracks, start: start, offset: offset))
        self.nextPeriod += 1
    }

    /// Nothing will be listed any more.
    public mutating func end() {
        self.isEnded = true
        self.growing = nil
    }

    public var count: Int { self.periods.reduce(0) { $0 + $1.entries.count } }
    var entries: [Entry] { self.periods.flatMap(\.entries) }
}
