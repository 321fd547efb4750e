import Media

/// Which time each encoded sample has. The samples are counted without a gap; the source's clock runs a little faster or slower than that count,
/// stops, and jumps. A pure value.
struct SampleClock {
    enum Placement: Equatable {
        /// They follow what is there.
        case append
        /// So many samples of silence come first.
        case silence(Int)
        /// They belong to another time: see `jump`.
        case jump
    }

    private struct Epoch {
        var firstSample: Int64
        /// Microseconds, with the fraction that slewing needs.
        var time: Double
    }

    /// Less is jitter of the source's clock, and is followed bit by bit; more is missing sound.
    private static let gap = 12_000.0
    /// How far the source's times may lie before what was counted; sound that overlaps more is a clock set back.
    private static let overlap = 100_000.0
    /// The part of a difference that is taken over with each packet.
    private static let slew = 1.0 / 16

    private let rate: Double
    /// A longer gap is a jump.
    private let longestSilence: Double
    /// The newest last; two, because the encoder may hold back samples of the one before.
    private var epochs: [Epoch] = []

    init(sampleRate: Int, longestSilence: MediaTime) {
        self.rate = Double(max(sampleRate, 1))
        self.longestSilence = Double(longestSilence.microseconds)
    }

    var hasStarted: Bool { !self.epochs.isEmpty }

    /// Sample `number` is at `time`; those before it keep theirs.
    mutating func jump(to time: MediaTime, at number: Int64) {
        self.epochs.append(Epoch(firstSample: number, time: Double(time.microseconds)))
        if self.epochs.count > 2 { self.epochs.removeFirst() }
    }

    /// How samples that the source puts at `time` go on what has `number` samples so far.
    mutating func place(_ time: MediaTime, at number: Int64) -> Placement {
        guard let epoch = self.epochs.last else { return .jump }
        let expected = epoch.time + Double(number - epoch.firstSample) * 1_000_000 / self.rate
        let difference = Double(time.microseconds) - expected
        if difference > self.longestSilence || difference < -Self.overlap { return .jump }
        if difference > Self.gap { return .silence(Int((difference * self.rate / 1_000_000).rounded())) }
        self.epochs[self.epochs.count - 1].time += difference * Self.slew
        return .append
    }

    func time(of number: Int64) -> MediaTime {
        guard let epoch = self.epochs.last(where: { $0.firstSample <= number }) ?? self.epochs.first else { return .zero }
        return MediaTime(microseconds: Int64((epoch.time + Double(number - epoch.firstSample) * 1_000_000 / self.rate).rounded()))
    }
}
