public import Media

/// A live media playlist that lists the parts of its newest segments, the one being made included (RFC 8216bis §4.4.3.7, §4.4.3.8, §4.4.4.9,
/// §4.4.5.3, §6.2.2).
///
/// EXT-X-PART-INF is fixed when the playlist is made. A part that would be longer, as of a source whose pictures are further apart than they were
/// at first, is not listed, nor are those behind it in its segment: players would never forgive a changed target, but they read a whole segment.
public struct LowLatencyPlaylist: Sendable {
    struct PartEntry: Sendable, Hashable {
        var duration: MediaTime
        var isIndependent: Bool

        init(_ part: Part) {
            self.duration = part.duration
            self.isIndependent = part.isIndependent
        }
    }

    /// The segment that is being made, as far as it has got.
    struct OpenSegment: Sendable {
        var entry: MediaPlaylist.Entry
        var parts: [PartEntry] = []
        /// A part of it was too long.
        var isHidden = false
        /// Parts that have been made, listed or not.
        var made = 0
    }

    /// Where another rendition of the broadcast is, so that a player that changes to it knows what to ask for (§4.4.5.4).
    public struct RenditionReport: Sendable, Hashable {
        /// Relative to this playlist.
        public var uri: String
        public var lastSegment: UInt64
        public var lastPart: Int?

        public init(uri: String, lastSegment: UInt64, lastPart: Int?) {
            self.uri = uri
            self.lastSegment = lastSegment
            self.lastPart = lastPart
        }
    }

    /// The same without parts.
    public private(set) var media: MediaPlaylist
    public let partTarget: MediaTime
    private(set) var open: OpenSegment?
    /// Of listed segments near the end.
    private(set) var parts: [UInt64: [PartEntry]] = [:]

    /// `partTarget` should be at least as long as any part that is known.
    public init(media: MediaPlaylist, partTarget: MediaTime) {
        self.media = media
        self.partTarget = max(partTarget, MediaTime(milliseconds: 10))
    }

    /// The part target to fix: what is configured, or what a source needs whose pictures are further apart. In whole milliseconds.
    public static func partTarget(configured: MediaTime, firstParts: [Part]) -> MediaTime {
        let longest = firstParts.map(\.duration).max() ?? .zero
        guard longest > configured else { return configured }
        return MediaTime(milliseconds: (longest.microseconds + 999) / 1000)
    }

    // MARK: What is made

    /// A part of the segment that follows the last listed one.
    public mutating func append(_ part: Part, programDateTimeMilliseconds: Int64?) {
        if self.open?.entry.number != part.segmentNumber {
            guard part.index == 0 else { return }
            self.open = OpenSegment(
                entry: MediaPlaylist.Entry(
                    number: part.segmentNumber, duration: .zero, isIndependent: part.isIndependent, isDiscontinuity: part.isDiscontinuity,
                    initVersion: part.initVersion, programDateTimeMilliseconds: programDateTimeMilliseconds))
        }
        self.open?.made = part.index + 1
        guard part.duration <= self.partTarget, self.open?.isHidden == false else {
            self.open?.isHidden = true
            return
        }
        self.open?.parts.append(PartEntry(part))
    }

    /// A whole segment with all its parts; returns the segments that are listed no more.
    public mutating func append(_ segment: Segment, programDateTimeMilliseconds: Int64?) -> [MediaPlaylist.Entry] {
        self.open = nil
        let gone = self.media.append(MediaPlaylist.Entry(segment, programDateTimeMilliseconds: programDateTimeMilliseconds))
        self.parts[segment.number] = segment.parts.prefix { $0.duration <= self.partTarget }.map { PartEntry($0) }
        // §6.2.2: parts may go once they are further from the end than three target durations.
        var distance = MediaTime.zero
        let limit = MediaTime(milliseconds: Int64(self.media.targetSeconds) * 3000)
        for entry in self.media.entries.reversed() {
            if distance > limit { self.parts[entry.number] = nil }
            distance += entry.duration
        }
        for entry in gone { self.parts[entry.number] = nil }
        return gone
    }

    /// Whatever was being made does not come to be.
    public mutating func dropOpenSegment() { self.open = nil }

    public mutating func end() {
        self.open = nil
        self.media.end()
    }

    // MARK: What is there

    /// Media sequence number and part index of what comes next, as EXT-X-PRELOAD-HINT says it; nil when that is not known or nothing comes.
    public var hint: (segment: UInt64, part: Int)? {
        guard !self.media.isEnded, let last = self.media.entries.last else { return nil }
        guard let open = self.open else { return (last.number + 1, 0) }
        return open.isHidden ? nil : (open.entry.number, open.parts.count)
    }

    /// The part that is made next, be it listed or not: segment and index. nil when nothing comes.
    public var next: (segment: UInt64, part: Int)? {
        guard !self.media.isEnded, let last = self.media.entries.last else { return nil }
        return self.open.map { ($0.entry.number, $0.made) } ?? (last.number + 1, 0)
    }

    /// Whether a segment that is listed, or of which something has been made, goes on where the one before it ended.
    public func isContinuous(_ number: UInt64) -> Bool {
        let entry = self.open.flatMap { $0.entry.number == number ? $0.entry : nil } ?? self.media.entries.last { $0.number == number }
        guard let entry, let previous = self.media.entries.last(where: { $0.number < number }) else { return false }
        return !entry.isDiscontinuity && entry.initVersion == previous.initVersion
    }

    /// Of this playlist, for the others of its broadcast.
    public func report(uri: String) -> RenditionReport? {
        if let open = self.open, !open.parts.isEmpty {
            return RenditionReport(uri: uri, lastSegment: open.entry.number, lastPart: open.parts.count - 1)
        }
        guard let last = self.media.entries.last?.number else { return nil }
        return RenditionReport(uri: uri, lastSegment: last, lastPart: self.parts[last].flatMap { $0.isEmpty ? nil : $0.count - 1 })
    }

    public enum Answer: Sendable, Hashable {
        case now
        /// What is asked for comes soon.
        case later
        /// 400: too far ahead, or nonsense.
        case badRequest
    }

    /// What a blocking reload gets (§6.2.5.2).
    public func answer(_ directives: DeliveryDirectives) -> Answer {
        guard let segment = directives.segment else { return directives.part == nil ? .now : .badRequest }
        if self.media.isEnded { return .now }
        guard let last = self.media.entries.last?.number else { return .later }
        guard segment <= last + 2 else { return .badRequest }
        let opened = self.open?.parts.count ?? 0
        if segment > last, let part = directives.part {
            let newest = segment == last + 1 ? max(opened - 1, 0) : 0
            guard part <= UInt64(newest + self.advancePartLimit) else { return .badRequest }
        }
        guard let part = directives.part, segment >= last else { return segment <= last ? .now : .later }
        if segment == last {
            // More parts than it has come to have: the first one of the next segment is meant.
            guard let count = self.parts[last]?.count, part >= UInt64(count) else { return .now }
            return opened > 0 ? .now : .later
        }
        return segment == last + 1 && part < UInt64(opened) ? .now : .later
    }

    /// §6.2.5.2: three, or as many parts as three seconds have.
    private var advancePartLimit: Int {
        let target = self.partTarget.microseconds
        return target >= 1_000_000 ? 3 : Int(3_000_000 / max(target, 1))
    }
}
