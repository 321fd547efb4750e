import Synchronization

/// How the way from a publisher to here fares, for protocols that know.
public struct TransportFigures: Sendable, Equatable {
    /// Milliseconds.
    public var roundTrip = 0.0
    /// What the way is thought to be able to carry, bits per second.
    public var bandwidth = 0
    /// How long packets may take to come again, milliseconds.
    public var latency = 0
    public var packetsReceived: UInt64 = 0
    /// Missed at first; most come again.
    public var packetsLost: UInt64 = 0
    /// That came again.
    public var packetsRecovered: UInt64 = 0
    /// Given up.
    public var packetsDropped: UInt64 = 0

    public init() {}

    /// Of all packets, those that were given up.
    public var droppedRatio: Double {
        let all = self.packetsReceived &+ self.packetsDropped
        return all == 0 ? 0 : Double(self.packetsDropped) / Double(all)
    }
}

/// The newest figures of one connection: written by whoever receives, read by whoever asks for the stream's numbers.
public final class TransportMeter: Sendable {
    private let state = Mutex<TransportFigures?>(nil)

    public init() {}

    public var figures: TransportFigures? { self.state.withLock { $0 } }

    public func note(_ figures: TransportFigures) { self.state.withLock { $0 = figures } }
}
