import AV
import Media

/// An opened input. Belongs to one thread at a time: the one that opened it may hand it over, once.
protocol PullInput: AnyObject {
    /// nil when the input does not say.
    var duration: MediaTime? { get }
    /// Of the item's own clock, what counts as its position zero; nil when it does not say.
    var startTime: MediaTime? { get }
    var isSeekable: Bool { get }
    /// It arrives in real time by itself.
    var isLive: Bool { get }

    /// Nil at the end. Blocks, within the deadlines its opener set.
    func next() throws(PullFailure) -> FrameReader.Item?
    /// From the item's start; frames go on at the keyframe at or before it.
    func seek(to time: MediaTime) throws(PullFailure)
}

/// Opens what pulls fetch. The seam between the machinery of pulls and libavformat: tests open scripts.
protocol PullInputOpener: Sendable {
    /// Blocks; `interrupt` ends it and every later call of the input.
    func open(_ item: PullItem, normalises: Bool, interrupt: Interrupt) throws(PullFailure) -> any PullInput
    /// Runs all of a thread's work with inputs, so that what they contact can be watched.
    func guarded(_ work: () -> Void)
    /// The item's URL for logs, without secrets.
    func redacted(_ item: PullItem) -> String
}

/// The clock and the sleep of a pull's thread. `wait` returns at the time or at a signal; one signal is kept.
protocol PullClock: Sendable {
    /// Monotonic nanoseconds.
    func now() -> Int64
    func wait(until time: Int64)
    func signal()
}

/// The real one, one for each pull.
final class MonotonicPullClock: PullClock {
    private let wake = WakeSignal()

    func now() -> Int64 { WakeSignal.now() }
    func wait(until time: Int64) { self.wake.wait(until: time) }
    func signal() { self.wake.signal() }
}
