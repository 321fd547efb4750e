import NIOCore

/// Watches the Acknowledgements (RTMP 1.0 §5.4.3) of a peer that sends them, to notice one whose kernel or proxy still takes bytes while nobody
/// reads them.
///
/// Many servers never acknowledge, and some count wrongly. So silence means something only from a peer that has acknowledged several times, in
/// steps that make sense, and then has stopped for much longer than one step.
struct AcknowledgementWatch {
    private static let acknowledgementsToTrust = 3
    /// How many of its own steps a peer may be behind.
    private static let stepsBehind: UInt64 = 4

    private var sent: UInt64 = 0
    private var acknowledged: UInt64 = 0
    private var largestStep: UInt64 = 0
    private var count = 0
    private var last: NIODeadline?
    private var isUnreliable = false

    mutating func sent(bytes: Int) {
        self.sent &+= UInt64(max(0, bytes))
    }

    /// `sequence` is the peer's count of received bytes, modulo 2^32.
    mutating func received(sequence: UInt32, now: NIODeadline) {
        let step = UInt64(sequence &- UInt32(truncatingIfNeeded: self.acknowledged))
        // A count that goes back, or beyond what was sent (with room for the handshake and bytes on their way), is no count.
        guard step > 0, self.acknowledged &+ step <= self.sent &+ 65_536 else {
            if step != 0 { self.isUnreliable = true }
            return
        }
        self.acknowledged &+= step
        self.largestStep = max(self.largestStep, step)
        self.count += 1
        self.last = now
    }

    /// The peer used to acknowledge and has stopped, for `patience` and for several times as many bytes as it usually lets pass.
    func hasStalled(now: NIODeadline, patience: TimeAmount) -> Bool {
        guard !self.isUnreliable, self.count >= Self.acknowledgementsToTrust, let last = self.last else { return false }
        return self.sent > self.acknowledged + self.largestStep * Self.stepsBehind && now - last >= patience
    }
}
