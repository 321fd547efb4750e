import Glibc
import NIOCore

/// A file opened to be sent. Closed by `close()`, exactly once, by whoever holds it.
struct FileBody {
    let handle: NIOFileHandle
    /// What is still to be sent.
    private(set) var region: FileRegion

    /// nil when it is not there, is no regular file or does not hold the wanted bytes. One open(2) and one fstat(2): on a local disk tens of
    /// microseconds where the directory entries are in memory, as they nearly always are, so this runs on the event loop, as the sendfile(2) after it
    /// does. A file of an imported directory lies where the operator has it: on a disk that does not answer, such as one behind a network, both hold
    /// up every connection of that loop (docs/decisions/0015-library.md).
    static func open(path: String, offset: Int64, length: Int64) -> FileBody? {
        guard offset >= 0, length >= 0, !path.utf8.contains(0) else { return nil }
        // O_NONBLOCK: opening a FIFO must not wait for its other end.
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, offset <= Int64(status.st_size),
            length <= Int64(status.st_size) - offset
        else {
            Glibc.close(descriptor)
            return nil
        }
        let handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
        return FileBody(handle: handle, region: FileRegion(fileHandle: handle, readerIndex: Int(offset), endIndex: Int(offset + length)))
    }

    /// The next bytes, at most so many and at least one; nil when the file has become shorter or cannot be read. From memory in nearly all cases, as
    /// with `open`.
    mutating func readPiece(atMost limit: Int, allocator: ByteBufferAllocator) -> ByteBuffer? {
        var piece = allocator.buffer(capacity: min(limit, self.region.readableBytes))
        return self.read(atMost: limit, into: &piece) > 0 ? piece : nil
    }

    /// Appends the next bytes and returns how many: fewer than `limit` only at the end, 0 when the file has become shorter or cannot be read.
    mutating func read(atMost limit: Int, into buffer: inout ByteBuffer) -> Int {
        let wanted = min(limit, self.region.readableBytes)
        guard wanted > 0 else { return 0 }
        let offset = self.region.readerIndex
        let handle = self.handle
        var count = 0
        do {
            count = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { bytes in
                try handle.withUnsafeFileDescriptor { descriptor in
                    var count: Int
                    repeat { count = pread(descriptor, bytes.baseAddress, wanted, off_t(offset)) } while count < 0 && errno == EINTR
                    return max(0, count)
                }
            }
        } catch {
            return 0  // closed
        }
        self.region.moveReaderIndex(forwardBy: count)
        return count
    }

    /// Hands bytes to a socket that does not wait, from the file's pages, until it takes no more, the file ends or so many are gone; how many. Why it
    /// took no more, whoever sends the rest finds out.
    mutating func send(to socket: NIOBSDSocket.Handle, atMost limit: Int) -> Int {
        var rest = min(limit, self.region.readableBytes)
        var offset = off_t(self.region.readerIndex)
        let start = offset
        do {
            try self.handle.withUnsafeFileDescriptor { descriptor in
                while rest > 0 {
                    let count = sendfile(socket, descriptor, &offset, rest)
                    if count < 0 && errno == EINTR { continue }
                    guard count > 0 else { break }
                    rest -= count
                }
            }
        } catch {
            // Closed: nothing more leaves.
        }
        self.region.moveReaderIndex(forwardBy: Int(offset - start))
        return Int(offset - start)
    }

    func close() {
        do {
            try self.handle.close()
        } catch {
            // Read-only descriptor: there is nothing that could be lost, and close(2) has released it in any case.
        }
    }
}
