import CSRT

/// How a connection has fared so far (`srt_bistats`). Counts only grow while it lasts.
public struct SRTStatistics: Sendable, Equatable {
    /// Milliseconds, smoothed.
    public var roundTrip = 0.0
    /// What the way is thought to be able to carry, bits per second.
    public var bandwidth = 0.0
    /// What was agreed on, milliseconds: of what is received and of what is sent.
    public var receiveLatency = 0
    public var sendLatency = 0

    /// Packets that were meant for us and came, each once.
    public var received: UInt64 = 0
    public var receivedBytes: UInt64 = 0
    /// Packets missed on the way here; most come again.
    public var receivedLost: UInt64 = 0
    /// Of them, those that came again.
    public var recovered: UInt64 { self.receivedLost > self.receivedDropped ? self.receivedLost - self.receivedDropped : 0 }
    /// Packets given up because they did not come in time.
    public var receivedDropped: UInt64 = 0
    /// Packets that could not be decrypted.
    public var undecryptable: UInt64 = 0

    /// Packets sent, each once.
    public var sent: UInt64 = 0
    public var sentBytes: UInt64 = 0
    /// Packets that the peer said it missed.
    public var sentLost: UInt64 = 0
    /// Packets sent again.
    public var retransmitted: UInt64 = 0
    /// Packets given up because they could not be sent in time.
    public var sentDropped: UInt64 = 0

    public init() {}

    init(_ raw: CBytePerfMon) {
        self.roundTrip = raw.msRTT
        self.bandwidth = raw.mbpsBandwidth * 1_000_000
        self.receiveLatency = Int(raw.msRcvTsbPdDelay)
        self.sendLatency = Int(raw.msSndTsbPdDelay)
        self.received = UInt64(clamping: raw.pktRecvUniqueTotal)
        self.receivedBytes = raw.byteRecvUniqueTotal
        self.receivedLost = UInt64(clamping: raw.pktRcvLossTotal)
        self.receivedDropped = UInt64(clamping: raw.pktRcvDropTotal)
        self.undecryptable = UInt64(clamping: raw.pktRcvUndecryptTotal)
        self.sent = UInt64(clamping: raw.pktSentUniqueTotal)
        self.sentBytes = raw.byteSentUniqueTotal
        self.sentLost = UInt64(clamping: raw.pktSndLossTotal)
        self.retransmitted = UInt64(clamping: raw.pktRetransTotal)
        self.sentDropped = UInt64(clamping: raw.pktSndDropTotal)
    }

    /// Adds up what is counted; what holds at a moment stays as it is here.
    public static func += (left: inout SRTStatistics, right: SRTStatistics) {
        left.received &+= right.received
        left.receivedBytes &+= right.receivedBytes
        left.receivedLost &+= right.receivedLost
        left.receivedDropped &+= right.receivedDropped
        left.undecryptable &+= right.undecryptable
        left.sent &+= right.sent
        left.sentBytes &+= right.sentBytes
        left.sentLost &+= right.sentLost
        left.retransmitted &+= right.retransmitted
        left.sentDropped &+= right.sentDropped
    }
}
