import NIOCore
import Testing

@testable import RTMP

@Suite struct ClientHandshakeTests {
    @Test(arguments: AnySplit.sizes) func clientAndServerShakeHands(size: Int) throws {
        var random = SeededRandom(seed: 4)
        var server = ServerHandshake()
        var client = ClientHandshake()
        var hello = ClientHandshake.start(using: &random)
        #expect(hello.readableBytes == 1537)
        guard case .send(let answer, finished: false) = try server.received(&hello, using: &random) else {
            Issue.record("the server should have answered")
            return
        }
        var c2: [UInt8] = []
        var isFinished = false
        for var piece in AnySplit.pieces(answer.bytes, of: size) {
            switch try client.received(&piece) {
            case .needsMore: break
            case .send(let buffer, let finished):
                c2 += buffer.bytes
                isFinished = finished
            case .finished: isFinished = true
            }
        }
        #expect(isFinished)
        #expect(c2 == Array(answer.bytes[1..<1537]))
        var rest = ByteBuffer(bytes: c2)
        #expect(try server.received(&rest, using: &random) == .finished)
    }

    @Test func anotherVersionIsRefused() {
        var client = ClientHandshake()
        var buffer = ByteBuffer(bytes: [6])
        #expect(throws: RTMPError.unsupportedVersion(6)) { try client.received(&buffer) }
    }
}
