import Media
import NIOCore

/// The recent groups of pictures of a stream, so that a late joiner starts at once.
///
/// Holds the group that is still growing and complete groups before it while together they stay within `bytes` and no longer than needed to cover
/// `completeDuration`. A group that alone exceeds `bytes` is let go, and late joiners wait for the next keyframe. Streams without video keep the
/// last `completeDuration` of audio. Payloads are shared with the frames that were published.
struct GroupCache {
    struct Limits: Sendable {
        var bytes: Int
        /// Complete groups are kept until they cover at least this much media time.
        var completeDuration: MediaTime
    }

    private let limits: Limits
    private(set) var items: [StreamItem] = []
    /// Where in `items` each kept group begins, oldest first, and when.
    private var groups: [(index: Int, start: MediaTime)] = []
    /// Of the payloads.
    private(set) var bytes = 0
    /// Of the memory that the payloads lie in, other payloads and unused ends of their slabs included.
    private(set) var heldBytes = 0
    private var neighbours = Neighbours()
    private var overfull = false
    /// The last picture that needs no other. It stays when its group grows too large to be kept.
    private(set) var newestKeyframe: EncodedFrame?
    var hasVideo = false

    init(limits: Limits) {
        self.limits = limits
    }

    /// Everything that is kept: complete groups and the growing one.
    var allGroups: ArraySlice<StreamItem> { self.groups.isEmpty ? [] : self.items[...] }
    /// From the newest keyframe on.
    var latestGroup: ArraySlice<StreamItem> {
        guard let newest = self.groups.last else { return [] }
        return self.items[newest.index...]
    }

    mutating func reset() {
        self.items.removeAll()
        self.groups.removeAll()
        self.bytes = 0
        self.heldBytes = 0
        self.neighbours = Neighbours()
        self.overfull = false
        self.newestKeyframe = nil
    }

    mutating func append(_ frame: EncodedFrame) {
        if frame.isKeyframe && (frame.kind == .video || !self.hasVideo) {
            self.newestKeyframe = frame.kind == .video ? frame : nil
            self.overfull = false
            self.groups.append((self.items.count, frame.decodeTime))
            self.trim(now: frame.decodeTime)
        } else if self.groups.isEmpty || self.overfull {
            return  // nothing to decode this from
        }
        self.heldBytes += self.neighbours.add(frame)
        self.items.append(.frame(frame))
        self.bytes += frame.payload.readableBytes
        while self.bytes > self.limits.bytes, self.groups.count > 1 { self.dropOldestGroup() }
        if self.bytes > self.limits.bytes {
            let keyframe = self.newestKeyframe
            self.reset()
            self.newestKeyframe = keyframe
            self.overfull = true
        }
    }

    private mutating func trim(now: MediaTime) {
        // The oldest group may go when the complete groups after it cover the wanted duration.
        while self.groups.count > 2, now - self.groups[1].start >= self.limits.completeDuration { self.dropOldestGroup() }
    }

    private mutating func dropOldestGroup() {
        let end = self.groups[1].index
        for item in self.items[..<end] {
            if case .frame(let frame) = item { self.bytes -= frame.payload.readableBytes }
        }
        self.items.removeFirst(end)
        self.groups.removeFirst()
        for index in self.groups.indices { self.groups[index].index -= end }
        self.heldBytes = self.memoryOfItems
    }

    // MARK: Memory

    private var memoryOfItems: Int {
        var neighbours = Neighbours()
        var bytes = 0
        for case .frame(let frame) in self.items { bytes += neighbours.add(frame) }
        return bytes
    }

    /// The newest frames, of those that a source copies into one slab: originals have their own.
    private struct Neighbours {
        private var newest: ByteBuffer?
        private var newestOriginal: ByteBuffer?

        /// What the frame's payload adds to the memory that is held: nothing where it lies right behind another, in the same slab as a rule.
        mutating func add(_ frame: EncodedFrame) -> Int {
            let isOriginal = frame.track == .originalAudio
            defer { if isOriginal { self.newestOriginal = frame.payload } else { self.newest = frame.payload } }
            return Self.isNext(frame.payload, after: isOriginal ? self.newestOriginal : self.newest) ? 0 : frame.payload.storageCapacity
        }

        private static func isNext(_ payload: ByteBuffer, after last: ByteBuffer?) -> Bool {
            guard let last, let start = payload.withUnsafeReadableBytes({ $0.baseAddress }) else { return false }
            return last.withUnsafeReadableBytes { $0.baseAddress.map { $0 + last.readableBytes } == start }
        }
    }
}
