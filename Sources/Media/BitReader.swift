/// Reads bits, most significant first, from untrusted bytes. Every read is checked: past the end it throws `MediaError.truncated`.
struct BitReader: Sendable {
    private let bytes: [UInt8]
    private var position = 0
    private let end: Int

    init(_ bytes: some Collection<UInt8>) {
        self.bytes = Array(bytes)
        self.end = self.bytes.count * 8
    }

    /// Over the payload of a NAL unit: drops the header and the emulation prevention bytes (ITU-T H.264 §7.4.1, H.265 §7.4.2).
    init(nalUnit: some Collection<UInt8>, headerLength: Int) {
        self.init(BitReader.withoutEmulationPrevention(nalUnit.dropFirst(headerLength)))
    }

    var bitsLeft: Int { self.end - self.position }

    /// `count` bits as a number; `count` is 0 to 32.
    mutating func bits(_ count: Int) throws(MediaError) -> UInt32 {
        guard count >= 0, count <= 32, count <= self.bitsLeft else { throw .truncated }
        var value: UInt64 = 0
        var wanted = count
        while wanted > 0 {
            let inByte = 8 - self.position % 8
            let taken = min(inByte, wanted)
            let byte = UInt64(self.bytes[self.position / 8])
            value = value << UInt64(taken) | (byte >> UInt64(inByte - taken)) & (1 << UInt64(taken) - 1)
            self.position += taken
            wanted -= taken
        }
        return UInt32(truncatingIfNeeded: value)
    }

    mutating func flag() throws(MediaError) -> Bool { try self.bits(1) == 1 }

    mutating func skip(_ count: Int) throws(MediaError) {
        guard count >= 0, count <= self.bitsLeft else { throw .truncated }
        self.position += count
    }

    /// ue(v) (H.264 §9.1), refused with `limitExceeded` above `limit`.
    mutating func unsignedExpGolomb(limit: UInt32 = UInt32.max - 1) throws(MediaError) -> UInt32 {
        var zeros = 0
        while try !self.flag() {
            zeros += 1
            guard zeros <= 31 else { throw .invalidValue }
        }
        let value = try (1 << UInt32(zeros)) - 1 + self.bits(zeros)
        guard value <= limit else { throw .limitExceeded }
        return value
    }

    /// se(v) (H.264 §9.1.1).
    mutating func signedExpGolomb() throws(MediaError) -> Int32 {
        let code = try Int64(self.unsignedExpGolomb())
        return Int32(truncatingIfNeeded: code % 2 == 0 ? -(code / 2) : (code + 1) / 2)
    }

    /// The bytes with each `00 00 03` turned into `00 00`.
    static func withoutEmulationPrevention(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var zeros = 0
        for byte in bytes {
            if zeros >= 2, byte == 3 {
                zeros = 0
                continue
            }
            zeros = byte == 0 ? zeros + 1 : 0
            result.append(byte)
        }
        return result
    }
}
