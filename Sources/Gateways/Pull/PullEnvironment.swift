import Logging
import Streams

/// What all pulls of a `Puller` share.
struct PullEnvironment: Sendable {
    var configuration: Puller.Configuration
    var streams: StreamDirectory
    var opener: any PullInputOpener
    var logger: Logger
    /// Milliseconds since 1970.
    var wallClock: @Sendable () -> Int64
    /// 0 ..< 1, for the spread of retries.
    var chance: @Sendable () -> Double = { Double.random(in: 0..<1) }
    var makeClock: @Sendable () -> any PullClock = { MonotonicPullClock() }
    var threads: PullThreads
    var events: PullEventLine
    /// Told once, when a pull has finished.
    var onEnd: @Sendable (RunningPull) -> Void
}
