/// SHA-256 (FIPS 180-4 §6.2) and HMAC (RFC 2104), for the digest handshake only: a few kilobytes per connection. The ground floor has no
/// cryptography of its own to lean on.
struct SHA256 {
    private static let constants: [UInt32] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
        0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
        0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
        0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
        0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
        0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ]

    private var state: [UInt32] = [
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    ]
    private var schedule = [UInt32](repeating: 0, count: 64)
    private var block: [UInt8] = []
    private var byteCount: UInt64 = 0

    static func hash(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    static func authenticate(_ bytes: some Sequence<UInt8>, key: [UInt8]) -> [UInt8] {
        var key = key.count > 64 ? Self.hash(key) : key
        key += [UInt8](repeating: 0, count: 64 - key.count)
        var inner = SHA256()
        inner.update(key.map { $0 ^ 0x36 })
        inner.update(bytes)
        var outer = SHA256()
        outer.update(key.map { $0 ^ 0x5C })
        outer.update(inner.finish())
        return outer.finish()
    }

    private mutating func update(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            self.block.append(byte)
            self.byteCount &+= 1
            if self.block.count == 64 { self.compress() }
        }
    }

    private mutating func finish() -> [UInt8] {
        let bitCount = self.byteCount &* 8
        self.update(CollectionOfOne(0x80))
        while self.block.count != 56 { self.update(CollectionOfOne(0)) }
        self.update((0..<8).map { UInt8(truncatingIfNeeded: bitCount >> UInt64(56 - 8 * $0)) })
        return self.state.flatMap { word in [24, 16, 8, 0].map { (shift: UInt32) in UInt8(truncatingIfNeeded: word >> shift) } }
    }

    private mutating func compress() {
        func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }
        for index in 0..<16 {
            self.schedule[index] =
                UInt32(self.block[4 * index]) << 24 | UInt32(self.block[4 * index + 1]) << 16 | UInt32(self.block[4 * index + 2]) << 8
                | UInt32(self.block[4 * index + 3])
        }
        self.block.removeAll(keepingCapacity: true)
        for index in 16..<64 {
            let early = self.schedule[index - 15]
            let late = self.schedule[index - 2]
            let small0 = rotate(early, 7) ^ rotate(early, 18) ^ early >> 3
            let small1 = rotate(late, 17) ^ rotate(late, 19) ^ late >> 10
            self.schedule[index] = self.schedule[index - 16] &+ small0 &+ self.schedule[index - 7] &+ small1
        }
        var (a, b, c, d) = (self.state[0], self.state[1], self.state[2], self.state[3])
        var (e, f, g, h) = (self.state[4], self.state[5], self.state[6], self.state[7])
        for index in 0..<64 {
            let large1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
            let first = h &+ large1 &+ (e & f ^ ~e & g) &+ Self.constants[index] &+ self.schedule[index]
            let large0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
            let second = large0 &+ (a & b ^ a & c ^ b & c)
            (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
        }
        for (index, word) in [a, b, c, d, e, f, g, h].enumerated() { self.state[index] &+= word }
    }
}
