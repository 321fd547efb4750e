public import NIOCore

/// The server's side of the handshake (RTMP 1.0 §5.2): C0 C1 → S0 S1 S2 → C2. Answers with digests when the client's C1 carries one.
///
/// All bytes that belong to the handshake are taken from the buffer as they come; what is left when `finished` is reported belongs to the
/// `ChunkDecoder`. C2 is not compared: real encoders echo the wrong half.
public struct ServerHandshake: Sendable {
    public enum OnReceived: Sendable, Equatable {
        case needsMore
        /// S0, S1 and S2. `finished` when C2 was there as well; otherwise call again with what comes next.
        case send(ByteBuffer, finished: Bool)
        case finished
    }

    private enum Phase { case waitingForC1, waitingForC2, finished }

    private static let packetLength = 1536
    private var phase = Phase.waitingForC1
    private var received = ByteBuffer()

    public init() {}

    /// - Throws: `unsupportedVersion` as soon as the first byte is not 3.
    public mutating func received(
        _ buffer: inout ByteBuffer, using generator: inout some RandomNumberGenerator
    ) throws(RTMPError) -> OnReceived {
        switch self.phase {
        case .waitingForC1:
            self.take(from: &buffer, upTo: 1 + Self.packetLength)
            if let version = self.received.getInteger(at: 0, as: UInt8.self), version != 3 { throw .unsupportedVersion(version) }
            guard let c1 = self.received.getBytes(at: 1, length: Self.packetLength) else { return .needsMore }
            self.received = ByteBuffer()
            self.phase = .waitingForC2
            let answer = Self.answer(c1, using: &generator)
            return .send(answer, finished: self.skipC2(&buffer))
        case .waitingForC2:
            return self.skipC2(&buffer) ? .finished : .needsMore
        case .finished:
            return .finished
        }
    }

    private mutating func skipC2(_ buffer: inout ByteBuffer) -> Bool {
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

    private static func answer(_ c1: [UInt8], using generator: inout some RandomNumberGenerator) -> ByteBuffer {
        var s1 = HandshakePacket.random(using: &generator)
        var s2 = c1
        // The client's version in bytes 4...7 is 0 in the plain handshake.
        if c1[4..<8] != [0, 0, 0, 0], let found = HandshakeDigest.find(in: c1, key: HandshakeDigest.playerText) {
            s1.replaceSubrange(4..<8, with: [4, 5, 0, 1])
            HandshakeDigest.sign(&s1, found.scheme, key: HandshakeDigest.serverText)
            s2 = HandshakePacket.random(using: &generator)
            let key = SHA256.authenticate(found.digest, key: HandshakeDigest.serverText + HandshakeDigest.tail)
            let body = Self.packetLength - HandshakeDigest.length
            s2.replaceSubrange(body..., with: SHA256.authenticate(s2[..<body], key: key))
        }
        var out = ByteBuffer()
        out.reserveCapacity(1 + 2 * Self.packetLength)
        out.writeInteger(UInt8(3))
        out.writeBytes(s1)
        out.writeBytes(s2)
        return out
    }
}

/// The 1536 bytes of C1, S1 or S2.
enum HandshakePacket {
    /// Time 0, version 0, the rest random.
    static func random(using generator: inout some RandomNumberGenerator) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1536)
        for start in stride(from: 8, to: 1536, by: 8) {
            let word: UInt64 = generator.next()
            for offset in 0..<8 { bytes[start + offset] = UInt8(truncatingIfNeeded: word >> UInt64(8 * offset)) }
        }
        return bytes
    }
}
