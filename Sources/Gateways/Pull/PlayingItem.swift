import AV
import Media

/// The item of a sequence that is being played: first what was read ahead, then what its input gives.
final class PlayingItem {
    let key: ItemPrefetch.Key
    let input: any PullInput
    let interrupt: Interrupt
    /// A file is sent in real time; what comes in real time is sent as it comes.
    let isPaced: Bool
    /// When it took over, monotonic nanoseconds.
    let startedAt: Int64
    private(set) var tracks: [Track]
    var tolerance: ReadTolerance
    private var head: ArraySlice<FrameReader.Item>
    private var headIsAll: Bool

    /// It has given a frame to the stream.
    var hasStarted = false
    /// It has been played for long enough to count as one that can be.
    var countsAsPlayed = false
    private(set) var position: MediaTime?

    init(_ opened: OpenedItem, startedAt: Int64) {
        self.key = opened.key
        self.input = opened.input
        self.interrupt = opened.interrupt
        self.isPaced = opened.key.item.isFile || !opened.input.isLive
        self.startedAt = startedAt
        self.tracks = opened.head.tracks
        self.tolerance = ReadTolerance(isFile: opened.key.item.isFile)
        self.head = opened.head.items[...]
        self.headIsAll = opened.head.isWhole
    }

    func next() throws(PullFailure) -> FrameReader.Item? {
        if let item = self.head.popFirst() {
            if case .tracks(let tracks) = item { self.tracks = tracks }
            return item
        }
        guard !self.headIsAll else { return nil }
        let item = try self.input.next()
        self.tolerance.succeeded()
        if case .tracks(let tracks) = item { self.tracks = tracks }
        return item
    }

    /// Goes on at another place; what its first frames are like is returned.
    func seek(to time: MediaTime) throws(PullFailure) -> ItemHead {
        try self.input.seek(to: time)
        let head = try ItemHead.read(from: self.input, tracks: self.tracks, tolerance: &self.tolerance)
        self.head = head.items[...]
        self.headIsAll = head.isWhole
        self.tracks = head.tracks
        return head
    }

    func passed(_ frame: EncodedFrame) {
        self.position = max(frame.presentationTime - (self.input.startTime ?? .zero), .zero)
    }

    /// Nil when it does not say how long it is.
    var remaining: MediaTime? {
        self.input.duration.map { $0 - (self.position ?? self.key.item.start) }
    }
}
