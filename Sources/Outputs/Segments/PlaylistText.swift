import NIOCore
import Synchronization

/// One version of a playlist as bytes; compressed once, for the first who wants it so.
final class PlaylistText: Sendable {
    /// Below this gzip saves nothing worth the header.
    private static let gzipThreshold = 256

    let plain: ByteBuffer
    private let gzipped = Mutex<ByteBuffer?>(nil)

    init(_ text: String) {
        self.plain = ByteBuffer(string: text)
    }

    func bytes(gzip: Bool) -> (ByteBuffer, isGzipped: Bool) {
        guard gzip, self.plain.readableBytes >= Self.gzipThreshold else { return (self.plain, false) }
        let compressed = self.gzipped.withLock { gzipped in
            if gzipped == nil { gzipped = Gzip.compress(self.plain) }
            return gzipped
        }
        guard let compressed else { return (self.plain, false) }
        return (compressed, true)
    }
}
