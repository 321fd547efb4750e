public import NIOCore

/// The client's side of the plain handshake (RTMP 1.0 §5.2): C0 C1 → S0 S1 → C2 → S2.
///
/// Bytes are taken from the buffer as they come; what is left when `finished` is reported belongs to the `ChunkDecoder`. S2 is not compared:
/// servers that sign it, or echo it late, publish just as well.
public struct ClientHandshake: Sendable, Equatable {
    public enum OnReceived: Sendable, Equatable {
        case needsMore
        /// C2. `finished` when S2 was there as well; otherwise call again with what comes next.
        case send(ByteBuffer, finished: Bool)
        case finished
    }

    private enum Phase { case waitingForS1, waitingForS2, finished }

    private static let packetLength = 1536
    private var phase = Phase.waitingForS1
    private var received = ByteBuffer()

    public init() {}

    /// C0 and C1, to be sent once at the beginning.
    public static func start(using generator: inout some RandomNumberGenerator) -> ByteBuffer {
        var out = ByteBuffer()
        out.writeInteger(UInt8(3))
        out.writeBytes(HandshakePacket.random(using: &generator))
        return out
    }

    /// - Throws: `unsupportedVersion` as soon as the first byte is not 3.
    public mutating func received(_ buffer: inout ByteBuffer) throws(RTMPError) -> OnReceived {
        switch self.phase {
        case .waitingForS1:
            self.take(from: &buffer, upTo: 1 + Self.packetLength)
            if let version = self.received.getInteger(at: 0, as: UInt8.self), version != 3 { throw .unsupportedVersion(version) }
            guard let s1 = self.received.getSlice(at: 1, length: Self.packetLength) else { return .needsMore }
            self.received = ByteBuffer()
            self.phase = .waitingForS2
            return .send(s1, finished: self.skipS2(&buffer))
        case .waitingForS2:
            return self.skipS2(&buffer) ? .finished : .needsMore
        case .finished:
            return .finished
        }
    }

    private mutating func skipS2(_ buffer: inout ByteBuffer) -> Bool {
        self.take(from: &buffer, upTo: Self.packetLength)
        guard self.received.readableBytes == Self.packetLength else { return false }
        self.received = ByteBuffer()
        self.phase = .finished
        return true
    }

    private mutating func take(from buffer: inout ByteBuffer, upTo length: Int) {
        guard var piece = buffer.readSlice(length: min(buffer.readableBytes, length - self.received.readableBytes)) else { return }
        self.received.writeBuffer(&piece)
    }
}
