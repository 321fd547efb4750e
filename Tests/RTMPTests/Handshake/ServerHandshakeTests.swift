import NIOCore
import Testing

@testable import RTMP

@Suite struct ServerHandshakeTests {
    /// What the server sends in all, how often it finished, and what it left.
    private func run(_ bytes: [UInt8], by size: Int, seed: UInt64 = 1) throws -> (sent: [UInt8], finished: Int, rest: [UInt8]) {
        var random = SeededRandom(seed: seed)
        var handshake = ServerHandshake()
        var sent: [UInt8] = []
        var finished = 0
        var rest: [UInt8] = []
        for var piece in AnySplit.pieces(bytes, of: size) {
            if finished == 0 {
                switch try handshake.received(&piece, using: &random) {
                case .needsMore: #expect(piece.readableBytes == 0)
                case .send(let buffer, let isFinished):
                    sent += buffer.bytes
                    if isFinished { finished += 1 }
                case .finished: finished += 1
                }
            }
            rest += piece.bytes
        }
        return (sent, finished, rest)
    }

    private func plainC0C1() -> [UInt8] {
        var random = SeededRandom(seed: 9)
        return [3] + hex("00000001 00000000") + random.bytes(1528)
    }

    @Test(arguments: AnySplit.sizes) func aPlainHandshakeEchoes(size: Int) throws {
        let c0c1 = self.plainC0C1()
        let result = try self.run(c0c1 + [UInt8](repeating: 5, count: 1536) + [0xAA, 0xBB], by: size)
        #expect(result.sent.count == 3073)
        #expect(result.sent.first == 3)
        #expect(result.sent[5..<9] == [0, 0, 0, 0])
        #expect(Array(result.sent.suffix(1536)) == Array(c0c1.dropFirst()))
        #expect(result.finished == 1)
        #expect(result.rest == [0xAA, 0xBB])
    }

    @Test(arguments: ["ffmpeg-c0c1.bin"], AnySplit.sizes) func aDigestIsAnsweredWithDigests(name: String, size: Int) throws {
        let c0c1 = try Vectors.bytes(name)
        let found = try #require(HandshakeDigest.find(in: Array(c0c1.dropFirst()), key: HandshakeDigest.playerText))
        let result = try self.run(c0c1, by: size)
        let s1 = Array(result.sent[1..<1537])
        let s2 = Array(result.sent[1537...])
        let signed = try #require(HandshakeDigest.find(in: s1, key: HandshakeDigest.serverText))
        #expect(signed.scheme == found.scheme)
        let key = SHA256.authenticate(found.digest, key: HandshakeDigest.serverText + HandshakeDigest.tail)
        #expect(Array(s2.suffix(32)) == SHA256.authenticate(s2.prefix(1504), key: key))
        #expect(result.finished == 0)
    }

    @Test(arguments: HandshakeDigest.Scheme.allCases) func bothSchemesAreFound(scheme: HandshakeDigest.Scheme) throws {
        var random = SeededRandom(seed: 3)
        for _ in 0..<20 {
            var c1 = hex("00000000 09007c02") + random.bytes(1528)
            HandshakeDigest.sign(&c1, scheme, key: HandshakeDigest.playerText)
            #expect(HandshakeDigest.find(in: c1, key: HandshakeDigest.playerText)?.scheme == scheme)
            c1[1000] ^= 1
            #expect(HandshakeDigest.find(in: c1, key: HandshakeDigest.playerText) == nil)
        }
    }

    @Test func theDigestStaysWithinItsBlockForEveryOffset() {
        for fill in [UInt8(0), 0xB6, 0xFF] {
            for scheme in HandshakeDigest.Scheme.allCases {
                let position = HandshakeDigest.position(in: [UInt8](repeating: fill, count: 1536), scheme)
                #expect(position >= scheme.blockStart + 4)
                #expect(position + HandshakeDigest.length <= scheme.blockStart + 764)
            }
        }
    }

    @Test func aVersionWithoutADigestIsAnsweredPlainly() throws {
        var c0c1 = self.plainC0C1()
        c0c1.replaceSubrange(5..<9, with: [9, 0, 124, 2])
        let result = try self.run(c0c1, by: .max)
        #expect(Array(result.sent.suffix(1536)) == Array(c0c1.dropFirst()))
    }

    @Test(arguments: [UInt8(0), 2, 6, 8, UInt8(ascii: "G"), 0x16, 255]) func otherVersionsAreRefusedWithTheFirstByte(version: UInt8) {
        #expect(throws: RTMPError.unsupportedVersion(version)) { try self.run([version], by: 1) }
    }

    @Test func c2AndCommandsMayComeWithC1() throws {
        var random = SeededRandom(seed: 1)
        var handshake = ServerHandshake()
        var buffer = ByteBuffer(bytes: self.plainC0C1() + [UInt8](repeating: 0, count: 1536) + [7])
        guard case .send(_, finished: true) = try handshake.received(&buffer, using: &random) else {
            Issue.record("the handshake should be finished")
            return
        }
        #expect(buffer.bytes == [7])
        #expect(try handshake.received(&buffer, using: &random) == .finished)
        #expect(buffer.bytes == [7])
    }
}
