import NIOCore

enum Bytes {
    /// From pairs of hexadecimal digits; anything else is a mistake in a test.
    static func from(_ hexadecimal: String) -> [UInt8] {
        let digits = hexadecimal.compactMap(\.hexDigitValue)
        precondition(digits.count == hexadecimal.count && digits.count % 2 == 0)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    /// The units with 4-byte lengths before them.
    static func lengthPrefixed(_ units: [[UInt8]]) -> ByteBuffer {
        var buffer = ByteBuffer()
        for unit in units {
            buffer.writeInteger(UInt32(unit.count))
            buffer.writeBytes(unit)
        }
        return buffer
    }
}

/// xorshift64*: the same numbers in every run.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { self.state = seed | 1 }

    mutating func next() -> UInt64 {
        self.state ^= self.state >> 12
        self.state ^= self.state << 25
        self.state ^= self.state >> 27
        return self.state &* 2_685_821_657_736_338_717
    }
}
