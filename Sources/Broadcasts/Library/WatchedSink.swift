import AV

/// A sink that tells of the bytes that reach it.
final class WatchedSink: ByteSink {
    private let sink: any ByteSink
    private let onWrite: (Int64) -> Void

    /// - Parameter onWrite: how many bytes were written just now.
    init(_ sink: any ByteSink, onWrite: @escaping (Int64) -> Void) {
        self.sink = sink
        self.onWrite = onWrite
    }

    var position: Int64 { self.sink.position }
    var length: Int64 { self.sink.length }
    var isSeekable: Bool { self.sink.isSeekable }

    func write(_ bytes: UnsafeRawBufferPointer) throws(AVFailure) {
        try self.sink.write(bytes)
        self.onWrite(Int64(bytes.count))
    }

    func seek(to position: Int64) throws(AVFailure) { try self.sink.seek(to: position) }

    func synchronise() throws(AVFailure) { try self.sink.synchronise() }
}
