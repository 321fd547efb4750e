import Media
import Streams

/// Something about how a publisher sends that viewers, recordings or platforms suffer from.
public enum StreamProblem: String, Sendable, CaseIterable, Comparable {
    /// Ten seconds or more between keyframes: joining takes as long.
    case keyframeInterval
    /// Pictures and sound come more than a second apart.
    case skew
    /// Nothing came for a second or longer, since the last look.
    case gaps
    /// Times had to be repaired, since the last look.
    case timestamps
    /// The stream is beyond what the platform of one of its destinations takes.
    case destinationLimits

    public static func < (left: StreamProblem, right: StreamProblem) -> Bool { left.rawValue < right.rawValue }
}

/// Judges one publisher by looks at its numbers that are some seconds apart; tells what has changed. A value without a clock.
struct StreamHealthWatch {
    private static let longestKeyframeInterval = 10.0
    private static let largestSkew = 1.0

    private let generation: UInt64
    private var gaps = 0
    private var repairs = 0
    private(set) var problems: Set<StreamProblem> = []

    init(_ snapshot: StreamSnapshot) { self.generation = snapshot.generation }

    func isOf(_ snapshot: StreamSnapshot) -> Bool { self.generation == snapshot.generation }

    /// What is wrong now, when that is not what was wrong at the last look.
    mutating func looked(at snapshot: StreamSnapshot, isBeyondLimits: Bool) -> [StreamProblem]? {
        var found: Set<StreamProblem> = isBeyondLimits ? [.destinationLimits] : []
        if let interval = snapshot.keyframeInterval?.seconds, interval >= Self.longestKeyframeInterval { found.insert(.keyframeInterval) }
        if let skew = snapshot.health.skew?.seconds, abs(skew) > Self.largestSkew { found.insert(.skew) }
        if snapshot.health.gaps > self.gaps { found.insert(.gaps) }
        if snapshot.timestampRepairs > self.repairs { found.insert(.timestamps) }
        self.gaps = snapshot.health.gaps
        self.repairs = snapshot.timestampRepairs
        guard found != self.problems else { return nil }
        self.problems = found
        return found.sorted()
    }
}

/// Looks at all live streams now and then, and tells when one begins to be sent badly, or well again. Owned by `BroadcastService`: one task for all,
/// since a thousand publishers need no thousand timers.
actor StreamHealthKeeper {
    private static let period = Duration.seconds(10)

    private let streams: StreamDirectory
    private let clock: BroadcastClock
    private let isBeyondLimits: @Sendable (StreamSnapshot) -> Bool
    private let emit: @Sendable (BroadcastEvent) -> Void
    private var watches: [String: StreamHealthWatch] = [:]

    /// - Parameter isBeyondLimits: whether a stream is more than the platform of one of its destinations takes.
    init(
        streams: StreamDirectory, clock: BroadcastClock, isBeyondLimits: @escaping @Sendable (StreamSnapshot) -> Bool,
        emit: @escaping @Sendable (BroadcastEvent) -> Void
    ) {
        self.streams = streams
        self.clock = clock
        self.isBeyondLimits = isBeyondLimits
        self.emit = emit
    }

    /// Until it is cancelled.
    func run() async {
        while true {
            do { try await Task.sleep(for: Self.period) } catch { return }
            self.look()
        }
    }

    func look() {
        let now = self.clock.now()
        let snapshots = self.streams.live().compactMap { $0.snapshot(now: now) }
        let before = self.watches
        self.watches = [:]
        for snapshot in snapshots {
            let id = snapshot.key.id
            let known = before[id].flatMap { $0.isOf(snapshot) ? $0 : nil }
            var watch = known ?? StreamHealthWatch(snapshot)
            if let problems = watch.looked(at: snapshot, isBeyondLimits: self.isBeyondLimits(snapshot)) {
                self.emit(.streamHealthChanged(id: id, problems: problems.map(\.rawValue)))
            }
            self.watches[id] = watch
        }
    }
}
