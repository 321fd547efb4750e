public import Media

/// The bit rates a variant announces, over its newest segments.
public struct BandwidthMeter: Sendable {
    private let window: Int
    private var segments: [(bits: Int, duration: MediaTime)] = []

    /// `window` is how many segments count, at least one.
    public init(window: Int = 15) { self.window = max(1, window) }

    /// Segments without duration do not count.
    public mutating func add(bytes: Int, duration: MediaTime) {
        guard duration > .zero else { return }
        self.segments.append((bytes * 8, duration))
        if self.segments.count > self.window { self.segments.removeFirst() }
    }

    /// Bits per second of the heaviest segment of at least half a second (shorter ones say little, RFC 8216 §4.1), or of all together when there is
    /// none; 0 before the first.
    public var peak: Int {
        let long = self.segments.filter { $0.duration >= MediaTime(milliseconds: 500) }
        return long.map { Self.rate($0.bits, $0.duration) }.max() ?? self.average
    }

    /// Bits per second of all together; 0 before the first.
    public var average: Int {
        let duration = self.segments.reduce(MediaTime.zero) { $0 + $1.duration }
        return Self.rate(self.segments.reduce(0) { $0 + $1.bits }, duration)
    }

    private static func rate(_ bits: Int, _ duration: MediaTime) -> Int {
        duration > .zero ? Int((Double(bits) / duration.seconds).rounded(.up)) : 0
    }
}
