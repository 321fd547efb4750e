public import Media

/// A live HLS media playlist over a window of segments (RFC 8216 §4.3.2, §4.3.3, §6.2).
///
/// EXT-X-TARGETDURATION is fixed when the playlist is made and never changes: choose it with `targetSeconds(configured:…)` and keep the segmenter to
/// it with `longestSegment(targetSeconds:)`, so that no segment ever rounds to more. EXT-X-INDEPENDENT-SEGMENTS stands only while it is true of every
/// listed segment: a GOP that had to be cut inside takes it away.
public struct MediaPlaylist: Sendable {
    /// How URIs are made: prefix, number, suffix.
    public struct Naming: Sendable {
        public var segmentPrefix: String
        public var segmentSuffix: String
        public var initPrefix: String
        public var initSuffix: String

        public init(segmentPrefix: String, segmentSuffix: String = ".m4s", initPrefix: String, initSuffix: String = ".mp4") {
            self.segmentPrefix = segmentPrefix
            self.segmentSuffix = segmentSuffix
            self.initPrefix = initPrefix
            self.initSuffix = initSuffix
        }

        public func segment(_ number: UInt64) -> String { "\(self.segmentPrefix)\(number)\(self.segmentSuffix)" }
        public func part(_ index: Int, of number: UInt64) -> String { "\(self.segmentPrefix)\(number).\(index)\(self.segmentSuffix)" }
        public func initSegment(_ version: Int) -> String { "\(self.initPrefix)\(version)\(self.initSuffix)" }
    }

    public struct Entry: Sendable, Hashable {
        public var number: UInt64
        public var duration: MediaTime
        public var isIndependent: Bool
        public var isDiscontinuity: Bool
        public var initVersion: Int
        /// When its first picture was, in milliseconds since 1970; nil leaves the date out.
        public var programDateTimeMilliseconds: Int64?

        public init(
            number: UInt64, duration: MediaTime, isIndependent: Bool = true, isDiscontinuity: Bool = false, initVersion: Int = 0,
            programDateTimeMilliseconds: Int64? = nil
        ) {
            self.number = number
            self.duration = duration
            self.isIndependent = isIndependent
            self.isDiscontinuity = isDiscontinuity
            self.initVersion = initVersion
            self.programDateTimeMilliseconds = programDateTimeMilliseconds
        }

        public init(_ segment: Segment, programDateTimeMilliseconds: Int64?) {
            self.init(
                number: segment.number, duration: segment.duration, isIndependent: segment.isIndependent,
                isDiscontinuity: segment.isDiscontinuity, initVersion: segment.initVersion,
                programDateTimeMilliseconds: programDateTimeMilliseconds)
        }
    }

    public let targetSeconds: Int
    public let naming: Naming
    /// How many segments are listed; at least three (§6.2.2 wants three target durations).
    public let listSize: Int
    /// When it is longer than `listSize` segments: how much is listed, of time.
    public let window: MediaTime?
    public private(set) var entries: [Entry] = []
    public private(set) var isEnded = false
    /// How many discontinuities have left the window.
    public private(set) var discontinuitySequence: UInt64 = 0

    private var listed = MediaTime.zero

    public init(targetSeconds: Int, listSize: Int, window: MediaTime? = nil, naming: Naming) {
        self.targetSeconds = max(1, targetSeconds)
        self.listSize = max(3, listSize)
        self.window = window
        self.naming = naming
    }

    /// Number of the first listed segment.
    public var mediaSequence: UInt64 { self.entries.first?.number ?? 0 }

    /// Lists a segment; returns those that are listed no more. Clients may still ask for these for as long as the playlist was (§6.2.2).
    public mutating func append(_ entry: Entry) -> [Entry] {
        self.entries.append(entry)
        self.listed += entry.duration
        var excess = 0
        while self.entries.count - excess > self.listSize, self.listed > self.window ?? .zero {
            self.listed = self.listed - self.entries[excess].duration
            excess += 1
        }
        return self.removeFirst(excess)
    }

    private mutating func removeFirst(_ excess: Int) -> [Entry] {
        guard excess > 0 else { return [] }
        let gone = Array(self.entries.prefix(excess))
        self.entries.removeFirst(excess)
        self.discontinuitySequence += UInt64(gone.count { $0.isDiscontinuity })
        return gone
    }

    /// These segments alone, under their numbers.
    func slice(_ range: ClosedRange<Int>, isEnded: Bool) -> MediaPlaylist {
        var slice = self
        slice.entries = Array(self.entries[range])
        slice.discontinuitySequence += UInt64(self.entries[..<range.lowerBound].count { $0.isDiscontinuity })
        slice.isEnded = isEnded
        return slice
    }

    /// Nothing will be listed any more.
    public mutating func end() { self.isEnded = true }

    /// `query`, without question mark, is put behind every URI: players repeat no query of their own.
    public func render(query: String = "") -> String {
        let suffix = query.isEmpty ? "" : "?" + query
        var text = self.head(version: 7)
        self.writeSequence(into: &text)
        var mapped: Int?
        for entry in self.entries { self.write(entry, suffix: suffix, mapped: &mapped, into: &text) }
        if self.isEnded { text += "#EXT-X-ENDLIST\n" }
        return text
    }

    func head(version: Int) -> String { "#EXTM3U\n#EXT-X-VERSION:\(version)\n#EXT-X-TARGETDURATION:\(self.targetSeconds)\n" }

    func writeSequence(into text: inout String) {
        text += "#EXT-X-MEDIA-SEQUENCE:\(self.mediaSequence)\n"
        // Always there: a tag that came later would count from zero what was counted before.
        text += "#EXT-X-DISCONTINUITY-SEQUENCE:\(self.discontinuitySequence)\n"
        if self.entries.allSatisfy(\.isIndependent) { text += "#EXT-X-INDEPENDENT-SEGMENTS\n" }
    }

    private func write(_ entry: Entry, suffix: String, mapped: inout Int?, into text: inout String) {
        self.writeBeginning(of: entry, suffix: suffix, mapped: &mapped, into: &text)
        self.writeLocation(of: entry, suffix: suffix, into: &text)
    }

    /// What stands before a segment's duration and parts. `mapped` is the init segment that the lines before it are under.
    func writeBeginning(of entry: Entry, suffix: String, mapped: inout Int?, into text: inout String) {
        if entry.isDiscontinuity { text += "#EXT-X-DISCONTINUITY\n" }
        if mapped != entry.initVersion || entry.isDiscontinuity {
            text += "#EXT-X-MAP:URI=\"\(self.naming.initSegment(entry.initVersion))\(suffix)\"\n"
            mapped = entry.initVersion
        }
        if let date = entry.programDateTimeMilliseconds {
            text += "#EXT-X-PROGRAM-DATE-TIME:\(DecimalFormat.dateTime(milliseconds: date))\n"
        }
    }

    func writeLocation(of entry: Entry, suffix: String, into text: inout String) {
        text += "#EXTINF:\(DecimalFormat.seconds(entry.duration)),\n\(self.naming.segment(entry.number))\(suffix)\n"
    }
}
