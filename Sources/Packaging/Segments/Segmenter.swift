public import Media
import NIOCore

/// Cuts a stream's frames into fMP4 segments, and segments into parts. Owned by whoever packages a rendition; frames go in in stream order.
///
/// - A segment begins at a video keyframe and ends at the first keyframe at or after the target duration; without video it is cut at the target.
///   Audio goes to the side of the cut it is presented on: for that the end of a segment waits until audio has come so far.
/// - A GOP longer than the maximum is cut inside; the segment after such a cut is not independent, and ends at the next keyframe.
/// - When video pauses while audio goes on, segments are cut on audio until the next keyframe. When everything pauses for longer than the maximum,
///   or the caller says so, the segment is closed and the next one is a discontinuity that begins at a keyframe.
///
/// Bounded: what waits in here is at most one segment of `maximumBytes` and what arrives during `audioPatience`.
public struct Segmenter: ~Copyable {
    public struct Configuration: Sendable {
        public var targetDuration = MediaTime(milliseconds: 2_000)
        /// No segment lasts longer; nil is three times the target.
        public var maximumDuration: MediaTime?
        /// Of one segment; more, and it is cut inside the GOP.
        public var maximumBytes = 32 << 20
        /// Length of the parts that are given out; nil gives out none (segments then hold fragments of a second).
        public var partDuration: MediaTime?
        /// How far video may run ahead past a cut while the old segment's audio is awaited; audio that is further behind is not awaited.
        public var audioPatience = MediaTime(milliseconds: 1_000)
        public var firstSequenceNumber: UInt64 = 0
        public var firstInitVersion = 0
        /// The first segment follows segments of another segmenter in one playlist.
        public var startsWithDiscontinuity = false
        /// For another rendition of what somebody else cuts already: what that one does with the keyframe that is shown at this time. Asked at most
        /// twice for each keyframe.
        public var lead: (@Sendable (MediaTime) -> Lead)?
        /// The first segment has the number of the one it begins together with.
        public var takesLeadsNumber = false
        /// Called with the memory of each fragment before it is written, whose bytes it must not touch: a place to have the system make it ready.
        public var prepareMemory: @Sendable (UnsafeMutableRawBufferPointer) -> Void = { _ in }

        public init() {}
    }

    /// What the rendition that is cut first does at a keyframe.
    public enum Lead: Sendable, Equatable {
        /// Its segment of this number begins there.
        case begins(UInt64)
        case continues
        /// It cuts no longer: everybody decides alone.
        case free
    }

    public enum Output: Sendable {
        /// Comes before the first segment that needs it.
        case initSegment(InitSegment)
        case part(Part)
        case segment(Segment)
    }

    /// Where a segment or fragment ends and the next begins.
    struct Boundary: Sendable {
        /// First decode time of the lead track behind it.
        var decode: MediaTime
        var presentation: MediaTime
        /// A decoder can start behind it.
        var isIndependent: Bool
    }

    let configuration: Configuration
    var maximumDuration: MediaTime
    var writer: FragmentWriter?
    /// One for each packaged track; the first leads: it decides where segments are cut.
    var queues: [SampleQueue] = []
    var open: SegmentBuilder?
    /// Decided, but audio for the segment before it may still come.
    var cut: Boundary?
    /// Of the lead track's newest frame.
    var last: Boundary?
    /// Where the pictures began after the last start or discontinuity; audio before it has no place.
    var firstTime: MediaTime?
    /// Composition offset of the newest video keyframe: what separates decode from presentation time at a boundary.
    var keyframeOffset = MediaTime.zero
    /// The lead is video, has paused, and audio is cut without it.
    var isStalled = false
    var discontinuityDue: Bool
    var nextNumber: UInt64
    private var nextInitVersion: Int
    var hasOutput = false
    var lastSegmentBytes = 0

    /// Frames that are in no segment: of tracks that are not packaged, before the first keyframe, or malformed.
    public internal(set) var droppedFrames = 0
    /// Those packaged now: the first video track and every audio track of what was set.
    public var tracks: [Track] { self.queues.map(\.track) }

    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        self.maximumDuration = configuration.maximumDuration ?? MediaTime(microseconds: configuration.targetDuration.microseconds * 3)
        self.discontinuityDue = configuration.startsWithDiscontinuity
        self.nextNumber = configuration.firstSequenceNumber
        self.nextInitVersion = configuration.firstInitVersion
    }

    /// Sets the maximum from now on: what a playlist's target duration allows, once that is fixed.
    public mutating func limitDuration(to maximum: MediaTime) {
        self.maximumDuration = max(maximum, MediaTime(milliseconds: 100))
    }

    /// The tracks of the frames that follow. The same as before change nothing; others close the open segment and begin a new init version.
    /// - Throws: when a track cannot be written; the segmenter then goes on with what it had.
    public mutating func setTracks(_ tracks: [Track]) throws(PackagingError) -> [Output] {
        let video = tracks.first { $0.kind == .video }
        let chosen = (video.map { [$0] } ?? []) + tracks.filter { $0.kind == .audio }
        guard chosen != self.tracks || self.writer == nil else { return [] }
        let writer = try FragmentWriter(tracks: chosen)
        var outputs: [Output] = []
        self.close(&outputs)
        self.writer = writer
        self.queues = chosen.enumerated().map { SampleQueue(track: $1, trackIndex: $0, timescale: writer.timescales[$0]) }
        outputs.append(.initSegment(InitSegment(version: self.nextInitVersion, tracks: chosen, bytes: writer.initSegment)))
        self.nextInitVersion += 1
        return outputs
    }

    /// Takes one frame. Usually gives nothing; a segment comes out once what follows it is known.
    public mutating func append(_ frame: EncodedFrame) -> [Output] {
        guard let index = self.queues.firstIndex(where: { $0.track.id == frame.track }) else {
            self.droppedFrames += 1
            return []
        }
        var outputs: [Output] = []
        if self.open == nil {
            self.appendBeforeStart(frame, at: index)
        } else if index == 0 {
            self.appendLead(frame, &outputs)
        } else {
            self.appendFollower(frame, at: index, &outputs)
        }
        return outputs
    }

    /// What follows does not continue what was: closes the segment; the next one begins at a keyframe, in the same init version.
    public mutating func discontinuity() -> [Output] {
        var outputs: [Output] = []
        self.close(&outputs)
        return outputs
    }

    /// Nothing follows for now: closes the segment. Frames that come after all make a discontinuity.
    public mutating func finish() -> [Output] { self.discontinuity() }

    /// No frame decoded before this has any output, unless it is a video keyframe; nil when any frame may. For who would rather give many at once.
    /// Not so for times that run back or tracks that are seconds apart, whose output then comes later than it could.
    public var quietUntil: MediaTime? {
        mutating get {  // only because what is not copyable cannot be looked into otherwise
            guard let written = self.open?.writtenUntil, let start = self.open?.start, self.cut == nil, !self.isStalled else { return nil }
            // Sound is placed by its clock, so up to that much later than it says.
            guard self.leadIsVideo else {
                return min(written + self.fragmentDuration, start + min(self.earliestCut, self.maximumDuration)) - AudioClock.tolerance
            }
            return min(written + self.fragmentDuration, start + self.maximumDuration) - max(self.keyframeOffset, .zero)
        }
    }

    /// The number of the segment that begins, or will, with the picture shown at `time`, which must be that of the newest frame; nil when none does.
    public mutating func number(ofSegmentBeginningAt time: MediaTime) -> UInt64? {
        if let cut = self.cut { return cut.presentation == time ? self.nextNumber + 1 : nil }
        return self.open?.start == time ? self.nextNumber : nil
    }

    var initVersion: Int { self.nextInitVersion - 1 }
    var leadIsVideo: Bool { self.queues.first?.track.kind == .video }
    /// After this much audio without a picture, segments are cut without waiting for one.
    var stallLimit: MediaTime {
        min(MediaTime(microseconds: self.configuration.targetDuration.microseconds * 3), self.maximumDuration)
    }
    /// What waits for a fragment.
    var queuedBytes: Int { self.queues.reduce(0) { $0 + $1.bytes } }
}
