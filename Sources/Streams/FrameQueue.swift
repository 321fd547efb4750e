import Media
import NIOCore

/// The bounded queue between a stream and one of its readers.
///
/// Overflow rule: a reader that falls behind loses whole groups of pictures, never single frames. Frames older than the newest queued keyframe
/// go first; if that is not enough, everything queued goes and nothing is taken until the next keyframe. Markers (tracks, discontinuity, ended)
/// are never lost; a run of them is folded into the newest of each kind, so they are bounded too.
struct FrameQueue {
    struct Limits: Sendable {
        /// Payload bytes.
        var bytes: Int
        /// Media time between the oldest and the newest queued frame.
        var duration: MediaTime
    }

    private var items = CircularBuffer<StreamItem>()
    private let limits: Limits
    private(set) var bytes = 0
    private(set) var droppedFrames = 0
    /// Those of video among them.
    private(set) var droppedPictures = 0
    /// How often the reader lost its place and had to resume at a keyframe.
    private(set) var overflows = 0
    private var waitsForKeyframe = false
    /// False while the stream has no video: every audio frame can be resumed at.
    var hasVideo = false

    init(limits: Limits) {
        self.limits = limits
    }

    mutating func expectKeyframe(hasVideo: Bool) {
        self.hasVideo = hasVideo
        self.waitsForKeyframe = hasVideo
    }

    var isEmpty: Bool { self.items.isEmpty }
    var count: Int { self.items.count }

    mutating func push(_ item: StreamItem) {
        switch item {
        case .frame(let frame):
            self.push(frame)
        case .tracks(let tracks):
            self.hasVideo = tracks.contains { $0.kind == .video }
            if case .tracks? = self.items.last { self.items.removeLast() }
            self.items.append(item)
        case .discontinuity:
            if case .discontinuity? = self.items.last { return }
            self.items.append(item)
        case .ended:
            self.waitsForKeyframe = false
            self.items.append(item)
        }
    }

    private mutating func push(_ frame: EncodedFrame) {
        let canResume = self.canResume(at: frame)
        if self.waitsForKeyframe {
            guard canResume else {
                self.noteDrop(of: frame)
                return
            }
            self.waitsForKeyframe = false
        }
        let size = frame.payload.readableBytes
        if self.isOver(adding: size, at: frame.decodeTime) {
            self.overflows += 1
            if canResume {
                self.dropFrames(before: self.items.endIndex)
            } else {
                self.dropBeforeNewestKeyframe()
                if self.isOver(adding: size, at: frame.decodeTime) {
                    self.dropFrames(before: self.items.endIndex)
                    self.waitsForKeyframe = true
                    self.noteDrop(of: frame)
                    return
                }
            }
        }
        self.bytes += size
        self.items.append(.frame(frame))
    }

    mutating func pop() -> StreamItem? {
        guard let item = self.items.popFirst() else { return nil }
        if case .frame(let frame) = item { self.bytes -= frame.payload.readableBytes }
        return item
    }

    private mutating func noteDrop(of frame: EncodedFrame) {
        self.droppedFrames += 1
        if frame.kind == .video { self.droppedPictures += 1 }
    }

    private func canResume(at frame: EncodedFrame) -> Bool {
        frame.isKeyframe && (frame.kind == .video || !self.hasVideo)
    }

    private func isOver(adding size: Int, at time: MediaTime) -> Bool {
        guard self.bytes > 0 else { return false }  // a single frame always fits, or a large keyframe could never be delivered
        if self.bytes + size > self.limits.bytes { return true }
        for item in self.items {
            if case .frame(let oldest) = item { return time - oldest.decodeTime > self.limits.duration }
        }
        return false
    }

    private mutating func dropBeforeNewestKeyframe() {
        var index = self.items.endIndex
        while index > self.items.startIndex {
            index = self.items.index(before: index)
            if case .frame(let frame) = self.items[index], self.canResume(at: frame) {
                self.dropFrames(before: index)
                return
            }
        }
        self.dropFrames(before: self.items.endIndex)
    }

    /// Keeps the markers: the newest tracks, and whether there was a discontinuity or an end.
    private mutating func dropFrames(before end: CircularBuffer<StreamItem>.Index) {
        var markers: [StreamItem] = []
        var index = self.items.startIndex
        while index < end {
            switch self.items[index] {
            case .frame(let frame):
                self.bytes -= frame.payload.readableBytes
                self.noteDrop(of: frame)
            case .tracks:
                markers.removeAll { if case .tracks = $0 { true } else { false } }
                markers.append(self.items[index])
            case .discontinuity:
                markers.removeAll { if case .discontinuity = $0 { true } else { false } }
                markers.append(self.items[index])
            case .ended:
                markers = [.ended]
            }
            index = self.items.index(after: index)
        }
        let kept = self.items[end...]
        var rest = CircularBuffer<StreamItem>(initialCapacity: markers.count + kept.count)
        rest.append(contentsOf: markers)
        rest.append(contentsOf: kept)
        self.items = rest
    }
}
