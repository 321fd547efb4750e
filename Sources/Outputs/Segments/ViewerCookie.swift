import Glibc
import Synchronization

/// The value that tells one viewer from another.
enum ViewerCookie {
    private static let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)

    static func make() -> String { ViewerCookie.random(20) }

    static func random(_ length: Int) -> String {
        self.pool.withLock { pool in
            String(unsafeUninitializedCapacity: length) { text in
                for place in 0..<length { text[place] = self.letters[Int(pool.nextByte(below: 252)) % 36] }
                return length
            }
        }
    }

    private static let pool = Mutex(Pool())

    /// The kernel's random bytes, fetched many at a time: a system call for each letter cost more than all the rest of an answer.
    private struct Pool {
        private var bytes: [UInt8] = []
        private var used = 0

        /// All values below `limit`, which is at least 1, are equally likely.
        mutating func nextByte(below limit: UInt8) -> UInt8 {
            while true {
                if self.used == self.bytes.count { self.fill() }
                let byte = self.bytes[self.used]
                // What was given out is nowhere any more.
                self.bytes[self.used] = 0
                self.used += 1
                if byte < limit { return byte }
            }
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
        value.utf8.count == 20 && value.utf8.allSatisfy { self.letters.contains($0) }
    }
}
