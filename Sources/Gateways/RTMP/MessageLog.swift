import Media
import NIOCore

/// The recent RTMP messages of one stream, each serialised once, for all its players together.
///
/// A player is a cursor into it: the index of the first message it has not been given. Messages leave at the old end when they are both older than
/// the newest keyframe and over the bounds; a cursor that has fallen out starts again at the newest keyframe.
struct MessageLog {
    enum Kind: UInt8 {
        case video
        case audio
        /// Status messages, metadata and sequence headers: everybody gets them.
        case control
    }

    struct Message {
        let bytes: ByteBuffer
        let kind: Kind
        let time: MediaTime
    }

    struct Limits: Sendable {
        /// Serialised bytes; the newest group of pictures is kept beyond them, up to twice as many.
        var bytes: Int
        var duration: MediaTime
    }

    private let limits: Limits
    private var messages = CircularBuffer<Message>()
    /// Index of the first message that is still here. Indices only grow.
    private(set) var startIndex = 0
    private(set) var bytes = 0
    /// Index of the newest message a player can start at.
    private(set) var newestKeyframe: Int?
    private var newestVideo: Int?
    private var newestControl = -1
    private var newestVideoTime: MediaTime?
    private var newestTime = MediaTime.zero
    /// Metadata and sequence headers that must precede a start, with a version that changes with them.
    private(set) var headers = ByteBuffer()

    /// Video counts as flowing until sound has run ahead of it by so much.
    private static let videoLull = MediaTime(milliseconds: 300)

    init(limits: Limits) {
        self.limits = limits
    }

    /// One past the newest message: the cursor of a player that has everything.
    var endIndex: Int { self.startIndex + self.messages.count }

    /// Bytes per second of media time, of what is here. Too few until there is half a second of it.
    var rate: Int {
        let span = self.messages.first.map { (self.newestTime - $0.time).microseconds } ?? 0
        return Int(Double(self.bytes) * 1_000_000 / Double(max(span, 500_000)))
    }

    /// True while pictures keep coming, so that sound need not cause sends of its own.
    var videoFlows: Bool {
        guard let time = self.newestVideoTime else { return false }
        return self.newestTime - time < Self.videoLull
    }

    mutating func setHeaders(_ headers: ByteBuffer) {
        self.headers = headers
    }

    /// What is in the log belongs to tracks or to a publisher that are gone: nobody may start there any more.
    mutating func forgetKeyframe() {
        self.newestKeyframe = nil
        self.newestVideo = nil
        self.newestVideoTime = nil
    }

    mutating func append(_ bytes: ByteBuffer, kind: Kind, time: MediaTime, isStart: Bool) {
        let index = self.endIndex
        self.messages.append(Message(bytes: bytes, kind: kind, time: time))
        self.bytes += bytes.readableBytes
        if kind != .control { self.newestTime = max(self.newestTime, time) }
        if kind == .control { self.newestControl = index }
        if isStart { self.newestKeyframe = index }
        if kind == .video {
            self.newestVideo = index
            self.newestVideoTime = time
        }
        self.trim()
    }

    private mutating func trim() {
        while let oldest = self.messages.first {
            let isOver = self.bytes > self.limits.bytes || self.newestTime - oldest.time > self.limits.duration
            let isInNewestGroup = self.newestKeyframe.map { self.startIndex >= $0 } ?? false
            guard isOver, !isInNewestGroup || self.bytes > self.limits.bytes * 2 else { return }
            self.bytes -= oldest.bytes.readableBytes
            self.messages.removeFirst()
            self.startIndex += 1
            if let keyframe = self.newestKeyframe, keyframe < self.startIndex { self.newestKeyframe = nil }
        }
    }

    enum Batch {
        /// The cursor is at the end, or there is nothing yet that a player could start at.
        case nothing
        /// `bytes`, after which the player stands at `next`. `isStart`: begins with the headers. `isLast`: nothing follows for now.
        case bytes(ByteBuffer, next: Int, isStart: Bool, isLast: Bool)
    }

    /// What a player at `cursor` is given next: at most about `limit` bytes, always whole messages and at least one. A nil cursor, or one that has
    /// fallen out of the log, starts with the headers at the newest keyframe.
    func batch(from cursor: Int?, limit: Int, including: (Kind) -> Bool = { _ in true }) -> Batch {
        var first: Int
        var isStart = false
        if let cursor, cursor >= self.startIndex {
            guard cursor < self.endIndex else { return .nothing }
            // While pictures flow, sound alone is not worth a send: it goes with the next picture.
            if self.videoFlows, let video = self.newestVideo, video < cursor, self.newestControl < cursor { return .nothing }
            first = cursor
        } else {
            guard let keyframe = self.newestKeyframe else { return .nothing }
            first = keyframe
            isStart = true
        }
        let offset = first - self.startIndex
        var size = isStart ? self.headers.readableBytes : 0
        var count = 0
        for message in self.messages[self.messages.index(self.messages.startIndex, offsetBy: offset)...] {
            if count > 0 && size + message.bytes.readableBytes > limit { break }
            size += message.bytes.readableBytes
            count += 1
        }
        var buffer = ByteBufferAllocator().buffer(capacity: size)
        if isStart { buffer.writeImmutableBuffer(self.headers) }
        let from = self.messages.index(self.messages.startIndex, offsetBy: offset)
        let to = self.messages.index(from, offsetBy: count)
        for message in self.messages[from..<to] where message.kind == .control || including(message.kind) {
            buffer.writeImmutableBuffer(message.bytes)
        }
        first += count
        return .bytes(buffer, next: first, isStart: isStart, isLast: first == self.endIndex)
    }
}
