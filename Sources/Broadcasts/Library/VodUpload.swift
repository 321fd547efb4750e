import AV
public import NIOCore

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A file that a client is sending. What has come is on the disk, and gone again after `discard`, which is to be called unless `VodLibrary.finish`
/// has it.
///
/// Writing blocks on a thread of its own, and the disk sets the pace: the client is read no faster.
public actor VodUpload {
    /// Of the VoD.
    public nonisolated let id: String
    nonisolated let name: String
    nonisolated let path: String
    private nonisolated let executor: BlockingExecutor
    private var place: Place?
    private let limit: Int64
    /// Bytes after which the disk is waited for and asked for its room.
    private let stretch: Int64
    /// Whether so many more bytes may be written.
    private let hasRoom: @Sendable (Int64) -> Bool
    private let isClosed: @Sendable () -> Bool
    private var sink: FileSink?
    private var synced: Int64 = 0
    /// What the client has said it will send, with the form around the file; 0 when it has not.
    private var declared: Int64 = 0
    /// There is a file at `path`, and nobody else will remove it.
    private var isOurs = false

    public nonisolated var unownedExecutor: UnownedSerialExecutor { self.executor.asUnownedSerialExecutor() }

    init(
        id: String, name: String, path: String, limit: Int64, stretch: Int64 = 64 << 20, place: Place,
        hasRoom: @escaping @Sendable (Int64) -> Bool, isClosed: @escaping @Sendable () -> Bool
    ) {
        self.id = id
        self.name = name
        self.path = path
        self.limit = limit
        self.stretch = stretch
        self.place = place
        self.hasRoom = hasRoom
        self.isClosed = isClosed
        self.executor = BlockingExecutor(name: "martlet-upload")
    }

    deinit {
        // Whoever forgot `discard` leaves nothing behind all the same; what is large takes its time, and not this thread's.
        guard self.isOurs else { return }
        let path = self.path
        if !self.executor.execute({ _ = unlink(path) }) { unlink(path) }
    }

    /// Removes what has come, unless the library has it, and makes room for another upload. A file system may take a second to let go of gigabytes.
    public func discard() {
        if self.isOurs { unlink(self.path) }
        self.isOurs = false
        self.sink = nil
        self.place = nil
    }

    func open(in workshop: String, expecting bytes: Int64) throws(BroadcastError) {
        guard self.hasRoom(bytes) else { throw .libraryBusy }
        self.declared = bytes
        do throws(AVFailure) {
            try WorkFile.makeFolder(workshop)
            self.sink = try FileSink(path: self.path, creation: .exclusive)
            self.isOurs = true
        } catch {
            throw Self.failed(error)
        }
    }

    /// The next bytes of the file.
    /// - Throws: `uploadTooLarge`, `libraryBusy` for a disk without room, `fileNotWritten`.
    public func write(_ bytes: ByteBuffer) throws(BroadcastError) {
        guard let sink = self.sink, !self.isClosed() else { throw .libraryBusy }
        guard Int64(bytes.readableBytes) <= self.limit - sink.length else { throw .uploadTooLarge(limit: self.limit) }
        do throws(AVFailure) {
            try sink.write(bytes)
            guard sink.length - self.synced >= self.stretch else { return }
            self.synced = sink.length
            // A disk that is slower than the network is felt by the sender, not by the page cache.
            try sink.synchronise()
        } catch {
            throw Self.failed(error)
        }
        // For what is still to come, as far as that is known, and not for more.
        guard self.hasRoom(min(self.stretch, max(0, self.declared - sink.length))) else { throw .libraryBusy }
    }

    /// It is whole: on the disk, and no longer this object's to remove. Its size.
    func handOver() throws(BroadcastError) -> Int64 {
        guard let sink = self.sink else { throw .libraryBusy }
        do throws(AVFailure) {
            try sink.synchronise()
        } catch {
            throw Self.failed(error)
        }
        self.isOurs = false
        // Closed here: a file without a name goes with its last descriptor.
        self.sink = nil
        return sink.length
    }

    private static func failed(_ failure: AVFailure) -> BroadcastError { failure.cause == .noSpace ? .libraryBusy : .fileNotWritten(failure.text) }

    /// One of the few uploads that may be under way; free again when nobody holds it.
    final class Place: Sendable {
        private let leave: @Sendable () -> Void

        init(leave: @escaping @Sendable () -> Void) { self.leave = leave }

        deinit { self.leave() }
    }
}
