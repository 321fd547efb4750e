import CSRT

/// What a connection or a listener is set up with.
public struct SRTParameters: Sendable, Equatable {
    /// Seven packets of a transport stream: the largest datagram that is sent (SRTO_PAYLOADSIZE of live mode).
    public static let payloadSize = 1316
    /// The largest datagram that a peer may send.
    public static let largestPayload = 1456
    /// Bytes (SRTO_STREAMID).
    public static let longestStreamID = 512
    /// Bytes (SRTO_PASSPHRASE).
    public static let passphraseLengths = 10...79
    /// Bytes (SRTO_PBKEYLEN): AES-128, AES-192 and AES-256.
    public static let keyLengths: Set<Int> = [16, 24, 32]

    /// How long lost packets may take to come again; the larger of both peers' counts. Milliseconds.
    public var latency = 120
    /// Nil: in the clear.
    public var passphrase: String?
    /// Of the key that encrypts what is sent, one of `keyLengths`; nil: AES-128, or what the peer asks for.
    public var keyLength: Int?
    /// After so long without a sign of the peer it counts as gone. Milliseconds.
    public var peerIdleTimeout = 5_000
    /// What a caller says it wants; not used by listeners.
    public var streamID = ""

    public init() {}

    /// Nil when libsrt will take them, or what is wrong.
    public var problem: String? {
        if let passphrase, !Self.passphraseLengths.contains(passphrase.utf8.count) {
            return "a passphrase has 10 to 79 bytes"
        }
        if self.streamID.utf8.count > Self.longestStreamID { return "a stream id has at most 512 bytes" }
        if let keyLength, !Self.keyLengths.contains(keyLength) { return "a key has 16, 24 or 32 bytes" }
        return nil
    }

    /// What a connection may hold back in its latency, in packets: 40 Mb/s of media, and never less than libsrt's own default. Only what really comes
    /// takes memory. Where less fits than comes, the newest is lost.
    var receivePackets: Int {
        let latency = min(max(self.latency, 0), 60_000)
        return max(8_192, latency * Self.fastest / Self.payloadSize)
    }

    /// Bytes per millisecond.
    private static let fastest = 5_000
    /// A packet with its headers, as libsrt counts.
    private static let slotSize = 1_472
    /// SRTO_FC: libsrt's own default.
    private static let leastFlight = 25_600

    /// What a socket may hold back, and what may be on its way to it, in packets.
    static func windows(of socket: SRTSOCKET) -> (receive: Int, flight: Int) {
        (Int(Self.number(SRTO_RCVBUF, of: socket) ?? 0) / Self.slotSize, Int(Self.number(SRTO_FC, of: socket) ?? 0))
    }

    /// Before binding or connecting.
    func apply(to socket: SRTSOCKET) throws(SRTFailure) {
        if let problem { throw SRTFailure(cause: .invalidParameter, operation: "set up", text: problem) }
        try Self.set(Int32(clamping: self.latency), SRTO_LATENCY, of: socket)
        try Self.set(Int32(clamping: max(Self.leastFlight, self.receivePackets)), SRTO_FC, of: socket)
        try Self.set(Int32(clamping: self.receivePackets * Self.slotSize), SRTO_RCVBUF, of: socket)
        try Self.set(Int32(clamping: self.peerIdleTimeout), SRTO_PEERIDLETIMEO, of: socket)
        try Self.set(Int32(Self.payloadSize), SRTO_PAYLOADSIZE, of: socket)
        // Whoever sends sees what waits and leaves out whole pictures; libsrt would leave out packets.
        try Self.set(-1, SRTO_SNDDROPDELAY, of: socket)
        if let keyLength { try Self.set(Int32(clamping: keyLength), SRTO_PBKEYLEN, of: socket) }
        if let passphrase { try Self.set(passphrase, SRTO_PASSPHRASE, of: socket) }
        if !self.streamID.isEmpty { try Self.set(self.streamID, SRTO_STREAMID, of: socket) }
    }

    static func set(_ value: Int32, _ option: SRT_SOCKOPT, of socket: SRTSOCKET) throws(SRTFailure) {
        var value = value
        guard srt_setsockflag(socket, option, &value, Int32(MemoryLayout<Int32>.size)) == 0 else { throw .last("set option \(option.rawValue)") }
    }

    static func set(_ value: Bool, _ option: SRT_SOCKOPT, of socket: SRTSOCKET) throws(SRTFailure) {
        try self.set(value ? 1 : 0 as Int32, option, of: socket)
    }

    static func set(_ value: String, _ option: SRT_SOCKOPT, of socket: SRTSOCKET) throws(SRTFailure) {
        var value = value
        let result = value.withUTF8 { bytes in srt_setsockflag(socket, option, bytes.baseAddress, Int32(clamping: bytes.count)) }
        guard result == 0 else { throw .last("set option \(option.rawValue)") }
    }

    static func number(_ option: SRT_SOCKOPT, of socket: SRTSOCKET) -> Int32? {
        var value: Int32 = 0
        var size = Int32(MemoryLayout<Int32>.size)
        return srt_getsockflag(socket, option, &value, &size) == 0 ? value : nil
    }
}
