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

    init() {}

    init(_ meter: IngestMeter, _ timeline: Timeline) {
        self.publishes = 1
        self.bytes = meter.bytes
        self.frames = meter.frames
        self.droppedFrames = UInt64(timeline.dropped)
        self.timestampRepairs = UInt64(timeline.repairs)
    }

    static func += (left: inout IngestTotals, right: IngestTotals) {
        left.publishes += right.publishes
        left.bytes += right.bytes
        left.frames += right.frames
        left.droppedFrames += right.droppedFrames
        left.timestampRepairs += right.timestampRepairs
    }
}

/// Counts what comes in from a publisher: totals, and rates over a sliding window of ten seconds. Time is an argument.
struct IngestMeter {
    private static let slots = 10

    private(set) var bytes: UInt64 = 0
    private(set) var frames: UInt64 = 0
    private(set) var lastReceived: NIODeadline
    private let started: NIODeadline
    private var perSecond = [(second: Int64, videoBytes: Int, audioBytes: Int, videoFrames: Int)](repeating: (-1, 0, 0, 0), count: IngestMeter.slots)
    private var firstMedia: (wall: NIODeadline, time: MediaTime)?
    private var newestMedia = MediaTime.zero
    private var lastKeyframe: MediaTime?
    private(set) var keyframeInterval: MediaTime?

    init(now: NIODeadline) {
        self.started = now
        self.lastReceived = now
    }

    mutating func count(_ frame: EncodedFrame, now: NIODeadline) {
        let size = frame.payload.readableBytes
        self.bytes += UInt64(size)
        self.frames += 1
        self.lastReceived = now
        let second = (now - self.started).nanoseconds / 1_000_000_000
        let slot = Int(second % Int64(Self.slots))
        if self.perSecond[slot].second != second { self.perSecond[slot] = (second, 0, 0, 0) }
        if frame.kind == .video {
            self.perSecond[slot].videoBytes += size
            self.perSecond[slot].videoFrames += 1
        } else {
            self.perSecond[slot].audioBytes += size
        }
        if self.firstMedia == nil { self.firstMedia = (now, frame.decodeTime) }
        self.newestMedia = max(self.newestMedia, frame.decodeTime)
        if frame.kind == .video && frame.isKeyframe {
            if let last = self.lastKeyframe { self.keyframeInterval = frame.decodeTime - last }
            self.lastKeyframe = frame.decodeTime
        }
    }

    struct Rates {
        /// Bits per second.
        var video = 0
        var audio = 0
        /// Video frames per second.
        var frames = 0.0
    }

    /// Over the last whole seconds of the window; over what there is of the first second.
    func rates(now: NIODeadline) -> Rates {
        let elapsed = (now - self.started).nanoseconds
        let current = elapsed / 1_000_000_000
        let oldest = max(0, current - Int64(Self.slots) + 1)
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
