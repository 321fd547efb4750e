import Glibc
import Testing

/// A caller made by hand, for handshakes that libsrt would not send (draft-sharabayko-srt-01 §3.2.1). In the clear, over UDP; waits a minute for
/// each answer.
final class ForgedCaller {
    private static let handshake: UInt32 = 0x8000_0000
    private static let shutdown: UInt32 = 0x8005_0000
    private static let conclusion: UInt32 = 0xFFFF_FFFF
    private static let ownID: UInt32 = 4_711

    private let descriptor: Int32

    init(port: Int) throws {
        self.descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        try #require(self.descriptor >= 0)
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let descriptor = self.descriptor
        let result = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        try #require(result == 0)
    }

    deinit { close(self.descriptor) }

    /// Goes through the handshake, saying each of `streamIDs` in a block of its own. True when the listener took it.
    func shakeHands(_ streamIDs: [String]) throws -> Bool {
        try self.send(self.packet(version: 4, extensions: 2, kind: 1, cookie: 0))
        let induction = try #require(self.receive(Self.handshake), "no answer to the induction")
        let cookie = induction[11]
        // HSREQ: 1.5.1; timestamps and retransmission as every caller of live mode has them; 120 ms of latency each way.
        var blocks: [UInt32] = [1 << 16 | 3, 0x0001_0501, 0xBF, 120 << 16 | 120]
        for text in streamIDs {
            let words = Self.words(of: text)
            blocks.append(5 << 16 | UInt32(words.count))
            blocks += words
        }
        // What is to come: HSREQ and CONFIG.
        try self.send(self.packet(version: 5, extensions: 1 | 4, kind: Self.conclusion, cookie: cookie) + blocks)
        let answer = try #require(self.receive(Self.handshake), "no answer to the conclusion")
        return answer[9] == Self.conclusion
    }

    /// Whether the listener says goodbye.
    func isSentAway() -> Bool { self.receive(Self.shutdown) != nil }

    private func packet(version: UInt32, extensions: UInt32, kind: UInt32, cookie: UInt32) -> [UInt32] {
        let header = [Self.handshake, 0, 0, 0]
        return header + [version, extensions, 1, 1_500, 8_192, kind, Self.ownID, cookie, 0x0100_007F, 0, 0, 0]
    }

    /// Four letters a word, the first one lowest.
    private static func words(of text: String) -> [UInt32] {
        let bytes = Array(text.utf8)
        return stride(from: 0, to: bytes.count, by: 4).map { start in
            bytes[start..<min(start + 4, bytes.count)].enumerated().reduce(0) { $0 | UInt32($1.element) << (8 * $1.offset) }
        }
    }

    private func send(_ words: [UInt32]) throws {
        let count = words.map(\.bigEndian).withUnsafeBytes { Glibc.send(self.descriptor, $0.baseAddress, $0.count, 0) }
        try #require(count == words.count * 4)
    }

    /// The next packet of this kind; others are passed over. Nil when none comes.
    private func receive(_ kind: UInt32) -> [UInt32]? {
        var buffer = [UInt32](repeating: 0, count: 500)
        while true {
            let count = buffer.withUnsafeMutableBytes { recv(self.descriptor, $0.baseAddress, $0.count, 0) }
            guard count > 0 else { return nil }
            let words = buffer[..<(count / 4)].map { UInt32(bigEndian: $0) }
            if words.first == kind { return words }
        }
    }
}
