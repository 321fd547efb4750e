import Media
import NIOCore

/// What publishers have sent, added up.
public struct IngestTotals: Sendable, Equatable {
    public var publishes: UInt64 = 0
    public var bytes: UInt64 = 0
    public var frames: UInt64 = 0
    /// Frames that had no believable time.
    public var droppedFrames: UInt64 = 0
    public var timestampRepairs: UInt64 = 0
    /// Times that nothing came for a second or longer.
    public var gaps: UInt64 = 0

    init() {}

    init(_ meter: IngestMeter, _ timeline: Timeline) {
        self.publishes = 1
        self.bytes = meter.bytes
        self.frames = meter.frames
        self.droppedFrames = UInt64(timeline.dropped)
        self.timestampRepairs = UInt64(timeline.repairs)
        self.gaps = UInt64(meter.gaps)
    }

    static func += (left: inout IngestTotals, right: IngestTotals) {
        left.publishes += right.publishes
        left.bytes += right.bytes
        left.frames += right.frames
        left.droppedFrames += right.droppedFrames
        left.timestampRepairs += right.timestampRepairs
        left.gaps += right.gaps
    }
}

/// Counts what comes in from a publisher: totals, rates over sliding windows of up to a minute, and what tells how well it sends. Time is an
/// argument. Counting a frame allocates nothing.
struct IngestMeter {
    /// One more than there are seconds in the longest window: the running one is not looked at.
    private static let slots = 61
    /// So long without a frame is a gap.
    static let gap = TimeAmount.seconds(1)

    private(set) var bytes: UInt64 = 0
    private(set) var frames: UInt64 = 0
    private(set) var lastReceived: NIODeadline
    private let started: NIODeadline
    private var perSecond = [(second: Int64, videoBytes: Int, audioBytes: Int, videoFrames: Int)](repeating: (-1, 0, 0, 0), count: IngestMeter.slots)
    private var firstMedia: (wall: NIODeadline, time: MediaTime)?
    private var newestMedia = MediaTime.zero
    private var lastKeyframe: MediaTime?
    private(set) var keyframeInterval: MediaTime?
    private(set) var gaps = 0
    private var gapTime = TimeAmount.zero
    /// Media time minus the time since the start, smoothed over about sixteen frames; in microseconds.
    private var videoLead: Int64?
    private var audioLead: Int64?
    private var compositionOffset = MediaTime.zero
    private var isGroupReordered = false
    private var wasGroupReordered = false

    init(now: NIODeadline) {
        self.started = now
        self.lastReceived = now
    }

    mutating func count(_ frame: EncodedFrame, now: NIODeadline) {
        let size = frame.payload.readableBytes
        self.bytes += UInt64(size)
        let silence = now - self.lastReceived
        if self.frames > 0, silence >= Self.gap {
            self.gaps += 1
            self.gapTime = self.gapTime + silence
        }
        self.frames += 1
        self.lastReceived = now
        let elapsed = (now - self.started).nanoseconds
        let second = elapsed / 1_000_000_000
        let slot = Int(second % Int64(Self.slots))
        if self.perSecond[slot].second != second { self.perSecond[slot] = (second, 0, 0, 0) }
        if frame.kind == .video {
            self.perSecond[slot].videoBytes += size
            self.perSecond[slot].videoFrames += 1
            Self.smooth(&self.videoLead, frame.decodeTime.microseconds &- elapsed / 1_000)
        } else {
            self.perSecond[slot].audioBytes += size
            Self.smooth(&self.audioLead, frame.decodeTime.microseconds &- elapsed / 1_000)
        }
        if self.firstMedia == nil { self.firstMedia = (now, frame.decodeTime) }
        self.newestMedia = max(self.newestMedia, frame.decodeTime)
        if frame.kind == .video { self.countPicture(frame) }
    }

    private mutating func countPicture(_ frame: EncodedFrame) {
        if frame.isKeyframe {
            self.wasGroupReordered = self.isGroupReordered
            self.isGroupReordered = false
        } else if (frame.compositionOffset - self.compositionOffset).microseconds.magnitude > 5_000 {
            // Without B-frames all pictures of a group are shown equally long after they are decoded, but for the rounding of times.
            self.isGroupReordered = true
        }
        self.compositionOffset = frame.compositionOffset
        if frame.isKeyframe {
            if let last = self.lastKeyframe { self.keyframeInterval = frame.decodeTime - last }
            self.lastKeyframe = frame.decodeTime
        }
    }

    /// A step of more than a second is another clock, and counts at once.
    private static func smooth(_ average: inout Int64?, _ value: Int64) {
        guard let present = average else {
            average = value
            return
        }
        let step = value &- present
        average = step.magnitude > 1_000_000 ? value : present &+ step / 16
    }

    func health(now: NIODeadline) -> StreamHealth {
        var health = StreamHealth()
        let (second, minute) = (self.rates(over: 1, now: now), self.rates(over: 60, now: now))
        health.bitrateOfLastSecond = second.video + second.audio
        health.bitrateOfLastMinute = minute.video + minute.audio
        if let video = self.videoLead, let audio = self.audioLead { health.skew = MediaTime(microseconds: video &- audio) }
        health.gaps = self.gaps
        health.gapTime = self.gapTime
        health.hasReorderedPictures = self.wasGroupReordered || self.isGroupReordered
        return health
    }

    struct Rates {
        /// Bits per second.
        var video = 0
        var audio = 0
        /// Video frames per second.
        var frames = 0.0
    }

    /// Over the last whole seconds, so many or as many as there have been; over what there is of the first second.
    func rates(over window: Int64 = 10, now: NIODeadline) -> Rates {
        let elapsed = (now - self.started).nanoseconds
        let current = elapsed / 1_000_000_000
        let oldest = max(0, current - window)
        let inside = self.perSecond.filter { $0.second >= oldest && ($0.second < current || current == 0) }
        let seconds = current == 0 ? max(Double(elapsed) / 1_000_000_000, 0.001) : Double(current - oldest)
        return Rates(
            video: Int(Double(inside.reduce(0) { $0 + $1.videoBytes }) * 8 / seconds),
            audio: Int(Double(inside.reduce(0) { $0 + $1.audioBytes }) * 8 / seconds),
            frames: Double(inside.reduce(0) { $0 + $1.videoFrames }) / seconds)
    }

    /// Media time received per wall time, since the first frame: 1.0 is real time.
    func speed(now: NIODeadline) -> Double {
        guard let first = self.firstMedia else { return 0 }
        let wall = Double((now - first.wall).nanoseconds) / 1_000_000_000
        guard wall >= 0.5 else { return 1 }
        return (self.newestMedia - first.time).seconds / wall
    }
}
