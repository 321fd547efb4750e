public import NIOCore

/// The few bytes in front of a payload in an audio or video message: format, packet type, composition time. Kept in a word, so that a frame's
/// header costs no memory and header and payload are never joined before they are chunked.
public struct FLVHeader: Sendable, Hashable {
    /// The longest header there is: enhanced video's flags, FourCC and composition time.
    public static let capacity = 8

    /// The bytes from the most significant end.
    private var word: UInt64 = 0
    public private(set) var count = 0

    @inlinable public init() {}

    init(_ bytes: UInt8...) { for byte in bytes { self.append(byte) } }

    mutating func append(_ byte: UInt8) { self.append(UInt64(byte), byteCount: 1) }

    mutating func append(_ fourCC: FourCC) { self.append(UInt64(fourCC.rawValue), byteCount: 4) }

    /// A signed 24-bit number, held within its range.
    mutating func append(compositionTime milliseconds: Int64) {
        let held = max(-0x80_0000, min(0x7F_FFFF, milliseconds))
        self.append(UInt64(truncatingIfNeeded: held) & 0xFF_FFFF, byteCount: 3)
    }

    /// What would go over `capacity` is left out; no header does.
    private mutating func append(_ value: UInt64, byteCount: Int) {
        guard self.count + byteCount <= Self.capacity else { return }
        self.count += byteCount
        self.word |= value << UInt64(64 - 8 * self.count)
    }

    public var bytes: [UInt8] { (0..<self.count).map { UInt8(truncatingIfNeeded: self.word >> UInt64(56 - 8 * $0)) } }

    /// One store of the whole word; what is too much is overwritten by what follows.
    public func write(into out: inout ByteBuffer) {
        guard self.count > 0 else { return }
        let end = out.writerIndex + self.count
        out.writeInteger(self.word)
        out.moveWriterIndex(to: end)
    }
}
