import Glibc
import Synchronization

/// The value that tells one viewer from another.
enum ViewerCookie {
    static func make() -> String { ViewerCookie.random(20) }

    /// Five random bits in each letter.
    static func random(_ length: Int) -> String {
        String(unsafeUninitializedCapacity: length) { text in
            self.pool.withLock { pool in
                for place in 0..<length { text[place] = self.letter(pool.nextByte()) }
            }
            return length
        }
    }

    /// Of the lowest five bits, as base 32 has them (RFC 4648 §6), but small.
    private static func letter(_ byte: UInt8) -> UInt8 {
        let value = byte & 31
        return value < 26 ? UInt8(ascii: "a") + value : UInt8(ascii: "2") + value - 26
    }

    private static let pool = Mutex(Pool())

    /// The kernel's random bytes, fetched many at a time: a system call for each letter cost more than all the rest of an answer.
    private struct Pool {
        private var bytes: [UInt8] = []
        private var used = 0

        mutating func nextByte() -> UInt8 {
            if self.used == self.bytes.count { self.fill() }
            let byte = self.bytes[self.used]
            // What was given out is nowhere any more.
            self.bytes[self.used] = 0
            self.used += 1
            return byte
        }

        private mutating func fill() {
            self.used = 0
            // At most 256 bytes, and all of them, with one call (getentropy(3)); without the call, the standard library's own way to the same source.
            var bytes = [UInt8](repeating: 0, count: 256)
            let result = bytes.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) }
            if result != 0 {
                var generator = SystemRandomNumberGenerator()
                for place in bytes.indices { bytes[place] = generator.next() }
            }
            self.bytes = bytes
        }
    }

    /// The shape of what `make()` gives; anything else was never ours.
    static func isValid(_ value: String) -> Bool {
        value.utf8.count == 20
            && value.utf8.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "2")...UInt8(ascii: "7")).contains($0) }
    }
}
