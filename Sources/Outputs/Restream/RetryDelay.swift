import NIOCore

/// How long to wait before the next attempt: doubling from `first` to `longest`, each wait stretched by up to a quarter, so that the
/// destinations of a server that came back are not all reopened in the same instant.
struct RetryDelay {
    private var random: UInt64

    /// `seed` is the only randomness there is: equal seeds give equal delays.
    init(seed: UInt64) {
        self.random = seed
    }

    /// The wait after `failures` failures in a row (1 and up). Never below `first`, never above `longest`.
    mutating func next(failures: Int, first: TimeAmount, longest: TimeAmount) -> TimeAmount {
        // The doubling stops where the stretch would pass the longest wait, so that the longest waits are spread too.
        let ceiling = max(first.nanoseconds, longest.nanoseconds / 5 * 4)
        var delay = first.nanoseconds
        for _ in 1..<max(1, min(failures, 32)) where delay < ceiling { delay = min(delay * 2, ceiling) }
        let stretch = Int64(self.nextRandom() % UInt64(max(1, delay / 4)))
        return .nanoseconds(min(delay + stretch, max(longest.nanoseconds, first.nanoseconds)))
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): good enough to spread waits, and repeatable.
    private mutating func nextRandom() -> UInt64 {
        self.random &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.random
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
