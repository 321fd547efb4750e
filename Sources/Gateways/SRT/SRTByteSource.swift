import AV
import SRT
import Streams

/// A publisher's datagrams as a demuxer reads them. What waits, waits in libsrt, which bounds it. Used by the publisher's thread alone.
final class SRTByteSource: ByteSource {
    private let connection: SRTConnection
    private let interrupt: Interrupt
    private let idleTimeout: Duration
    private let clock = ContinuousClock()
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 2_048, alignment: 16)
    /// Of `scratch`, what has not been read yet.
    private var rest = 0..<0
    /// Since when nothing has come.
    private var silentSince: ContinuousClock.Instant?
    /// Why there is nothing more to read.
    private(set) var end: PublishEnd?

    init(_ connection: SRTConnection, interrupt: Interrupt, idleTimeout: Duration) {
        self.connection = connection
        self.interrupt = interrupt
        self.idleTimeout = idleTimeout
    }

    deinit { self.scratch.deallocate() }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(AVFailure) -> Int {
        if self.rest.isEmpty {
            guard let count = try self.receive() else { return 0 }
            self.rest = 0..<count
        }
        let count = min(self.rest.count, buffer.count)
        UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: self.scratch[self.rest.lowerBound..<self.rest.lowerBound + count]))
        self.rest = self.rest.lowerBound + count..<self.rest.upperBound
        return count
    }

    /// The size of the next datagram; nil at the end.
    private func receive() throws(AVFailure) -> Int? {
        while self.end == nil {
            if let reason = self.connection.stopReason {
                self.end = .stopped(reason)
                break
            }
            // Also while bytes come: FFmpeg would look through them for ever.
            if self.interrupt.cause != nil { throw AVFailure(cause: .timedOut, operation: "read", text: "no frame in time") }
            switch self.connection.socket.receive(into: self.scratch) {
            case .datagram(let count):
                self.silentSince = nil
                return count
            case .ended: self.end = .finished
            case .lost: self.end = .lost
            case .nothing:
                let since = self.silentSince ?? self.clock.now
                self.silentSince = since
                if self.clock.now - since > self.idleTimeout { self.end = .lost }
            }
        }
        return nil
    }
}
