/// The digest in the 1536 bytes of C1 and S1 that Flash players since version 9 look for before they play H.264. Not in RTMP 1.0; the layout is
/// common knowledge among servers. It proves nothing about anybody: the keys are published.
struct HandshakeDigest {
    /// Where the two 764-byte blocks stand.
    enum Scheme: CaseIterable {
        /// Key block first: the digest block begins at byte 772.
        case keyFirst
        /// Digest block first, at byte 8.
        case digestFirst

        var blockStart: Int { self == .keyFirst ? 772 : 8 }
    }

    static let length = 32

    static let playerText = Array("Genuine Adobe Flash Player 001".utf8)
    static let serverText = Array("Genuine Adobe Flash Media Server 001".utf8)
    static let tail: [UInt8] = [
        0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0, 0xD1, 0x02, 0x9E, 0x7E, 0x57, 0x6E, 0xEC, 0x5D, 0x2D, 0x29, 0x80,
        0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE,
    ]

    /// The first four bytes of the digest block say, added up, how far behind them the digest stands.
    static func position(in packet: [UInt8], _ scheme: Scheme) -> Int {
        let start = scheme.blockStart
        let sum = packet[start..<start + 4].reduce(0) { $0 + Int($1) }
        return start + 4 + sum % 728
    }

    /// The digest that belongs into `packet`: over everything but its own place.
    static func digest(of packet: [UInt8], at position: Int, key: [UInt8]) -> [UInt8] {
        SHA256.authenticate(Array(packet[..<position]) + packet[(position + Self.length)...], key: key)
    }

    /// The scheme and digest of a C1, if it has a right one.
    static func find(in packet: [UInt8], key: [UInt8]) -> (scheme: Scheme, digest: [UInt8])? {
        for scheme in Scheme.allCases {
            let position = Self.position(in: packet, scheme)
            let digest = Self.digest(of: packet, at: position, key: key)
            if packet[position..<position + Self.length].elementsEqual(digest) { return (scheme, digest) }
        }
        return nil
    }

    static func sign(_ packet: inout [UInt8], _ scheme: Scheme, key: [UInt8]) {
        let position = Self.position(in: packet, scheme)
        packet.replaceSubrange(position..<position + Self.length, with: Self.digest(of: packet, at: position, key: key))
    }
}
