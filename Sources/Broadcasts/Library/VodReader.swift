import AV
public import NIOCore

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A finished file of the library, open to be sent, whatever becomes of its name meanwhile.
public final class VodReader: Sendable {
    private static let pieceBytes = 256 << 10

    /// In bytes.
    public let length: Int
    private let descriptor: Int32
    private let pool: BlockingPool

    /// Nil when there is no such file.
    init?(path: String, pool: BlockingPool) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        self.length = Int(status.st_size)
        self.pool = pool
    }

    deinit { close(self.descriptor) }

    /// The next bytes; nil when the file has become shorter, cannot be read, or too many are read at a time.
    public func read(at offset: Int) async -> ByteBuffer? {
        do throws(BlockingPool.Refusal) {
            return try await self.pool.run { self.readNow(at: offset) }
        } catch {
            return nil
        }
    }

    private func readNow(at offset: Int) -> ByteBuffer? {
        let wanted = min(Self.pieceBytes, self.length - offset)
        guard wanted > 0 else { return nil }
        var piece = ByteBufferAllocator().buffer(capacity: wanted)
        let count = piece.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { bytes in
            max(0, pread(self.descriptor, bytes.baseAddress, wanted, off_t(offset)))
        }
        return count > 0 ? piece : nil
    }
}
