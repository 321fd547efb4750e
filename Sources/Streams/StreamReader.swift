public import Media
import Synchronization

/// One reader's place in a stream: a bounded queue and a wake-up. Made by `Stream.attach`; owned by the output that drains it.
///
/// `wake` is called after the hub's lock is released, on the publisher's thread, once when the queue turns from drained to filled, and not again
/// until `next()` has returned nil. It must not block; it may drain at once. Who has nothing to do with most frames can `rest(until:)`.
public final class StreamReader: Sendable {
    public struct Limits: Sendable {
        /// Payload bytes that may wait.
        public var bytes: Int
        /// Media time that may wait.
        public var duration: MediaTime

        public init(bytes: Int = 8 << 20, duration: MediaTime = MediaTime(milliseconds: 10_000)) {
            self.bytes = bytes
            self.duration = duration
        }
    }

    private struct State {
        /// Shared with the stream's group cache until it is drained, so late joiners copy nothing.
        var backlog: [StreamItem]
        var backlogIndex = 0
        var queue: FrameQueue
        var isAwake = false
        var wakePending = false
        var isDetached = false
        var restsUntil: MediaTime?

        /// Whether `item`, which is in the queue now, is worth waking for.
        func isDue(_ item: StreamItem, limits: Limits) -> Bool {
            guard let restsUntil = self.restsUntil, case .frame(let frame) = item else { return true }
            return frame.decodeTime >= restsUntil || frame.isKeyframe && frame.kind == .video || self.queue.bytes > limits.bytes / 2
        }
    }

    private let state: Mutex<State>
    private let limits: Limits
    /// What it is given; the stream sees to it.
    let view: StreamView
    private let wake: @Sendable () -> Void
    private let onDetach: @Sendable (StreamReader) -> Void

    init(
        limits: Limits, view: StreamView, backlog: [StreamItem], wake: @escaping @Sendable () -> Void,
        onDetach: @escaping @Sendable (StreamReader) -> Void
    ) {
        self.state = Mutex(
            State(backlog: backlog, queue: FrameQueue(limits: .init(bytes: limits.bytes, duration: limits.duration)), wakePending: !backlog.isEmpty))
        self.limits = limits
        self.view = view
        self.wake = wake
        self.onDetach = onDetach
    }

    /// The next item, or nil when there is none now; `wake` will be called when there is one again.
    public func next() -> StreamItem? {
        self.state.withLock { state in
            if state.backlogIndex < state.backlog.count {
                let item = state.backlog[state.backlogIndex]
                state.backlogIndex += 1
                if state.backlogIndex == state.backlog.count {
                    state.backlog = []
                    state.backlogIndex = 0
                }
                return item
            }
            guard let item = state.queue.pop() else {
                state.isAwake = false
                return nil
            }
            return item
        }
    }

    /// To be called when `next()` has returned nil: frames decoded before `time` shall wait in the queue and not wake, until one comes that is: decoded
    /// at `time` or later, a picture that is a keyframe, or one too many for half of the queue. Whatever is no frame wakes. Ends with the next wake-up;
    /// nil ends it now.
    public func rest(until time: MediaTime?) {
        self.state.withLock { $0.restsUntil = time }
    }

    /// Frames this reader lost by falling behind.
    public var droppedFrames: Int { self.state.withLock { $0.queue.droppedFrames } }
    /// Those of video among them.
    public var droppedPictures: Int { self.state.withLock { $0.queue.droppedPictures } }
    /// How often it lost its place and resumed at a keyframe.
    public var overflows: Int { self.state.withLock { $0.queue.overflows } }

    /// Ends the reading. Nothing is delivered afterwards; calling it again does nothing.
    public func detach() {
        let first = self.state.withLock { state in
            guard !state.isDetached else { return false }
            state.isDetached = true
            state.backlog = []
            state.backlogIndex = 0
            while state.queue.pop() != nil {}
            return true
        }
        if first { self.onDetach(self) }
    }

    /// Under the stream's lock, when attaching: nothing that was cached precedes the next frame, so wait for one that can be decoded.
    func expectKeyframe(hasVideo: Bool) {
        self.state.withLock { $0.queue.expectKeyframe(hasVideo: hasVideo) }
    }

    /// Under the stream's lock, when attaching: what kind of frame reading can be resumed at.
    func learn(hasVideo: Bool) {
        self.state.withLock { $0.queue.hasVideo = hasVideo }
    }

    /// Under the stream's lock: takes the item, remembers whether the reader must be woken.
    func push(_ item: StreamItem) {
        self.state.withLock { state in
            guard !state.isDetached else { return }
            state.queue.push(item)
            if !state.isAwake, state.isDue(item, limits: self.limits) {
                state.isAwake = true
                state.wakePending = true
                state.restsUntil = nil
            }
        }
    }

    /// Outside the stream's lock.
    func deliverWake() {
        let due = self.state.withLock { state in
            guard state.wakePending else { return false }
            state.wakePending = false
            state.isAwake = true
            return !state.isDetached
        }
        if due { self.wake() }
    }
}
