import NIOCore

/// What a transport knows of the bytes it was given.
struct Delivery: Sendable, Equatable {
    /// Counts up as the peer acknowledges; where it starts and what a step means is the transport's business.
    var acknowledged: UInt64
    /// Something that was given has not been acknowledged yet.
    var isOutstanding: Bool
}

/// Notices a peer that is connected and takes nothing: bytes are on their way, and looks at different times find none acknowledged in between.
struct DeliveryWatch {
    private var acknowledged: UInt64 = 0
    /// Since when, as far as looks can tell, nothing has arrived that should have. Never earlier than true.
    private(set) var silentSince: NIODeadline?

    mutating func looked(at delivery: Delivery, now: NIODeadline) {
        if !delivery.isOutstanding {
            self.silentSince = nil
        } else if delivery.acknowledged != self.acknowledged || self.silentSince == nil {
            self.silentSince = now
        }
        self.acknowledged = delivery.acknowledged
    }

    func isSilent(for patience: TimeAmount, now: NIODeadline) -> Bool {
        self.silentSince.map { now - $0 >= patience } ?? false
    }
}
