import NIOCore

/// The same bytes as a network may bring them. Every decoder must give the same values for each.
enum AnySplit {
    static let sizes = [1, 2, 7, 64, 1000, Int.max]

    static func pieces(_ bytes: [UInt8], of size: Int) -> [ByteBuffer] {
        stride(from: 0, to: bytes.count, by: min(size, max(1, bytes.count))).map { start in
            ByteBuffer(bytes: bytes[start..<min(bytes.count, start + min(size, bytes.count))])
        }
    }
}
