public import NIOCore

/// Where a muxer's bytes go. Used by one thread at a time; implementations own their descriptor.
public protocol ByteSink: AnyObject {
    /// All of `bytes` at the current position, or a failure.
    func write(_ bytes: UnsafeRawBufferPointer) throws(AVFailure)
    /// Where the next byte goes.
    var position: Int64 { get }
    /// One past the last byte.
    var length: Int64 { get }
    /// False for sinks that only append, such as sockets.
    var isSeekable: Bool { get }
    func seek(to position: Int64) throws(AVFailure)
    /// Hands what was written to the device, where there is one; blocks as long as the device takes.
    func synchronise() throws(AVFailure)
}

extension ByteSink {
    public func synchronise() throws(AVFailure) {}

    /// What can be read of `bytes`, as `write` does it.
    public func write(_ bytes: ByteBuffer) throws(AVFailure) {
        // The closure's own typed error does not get through `withUnsafeReadableBytes`.
        let outcome = bytes.withUnsafeReadableBytes { bytes -> Result<Void, AVFailure> in
            do throws(AVFailure) {
                return .success(try self.write(bytes))
            } catch {
                return .failure(error)
            }
        }
        try outcome.get()
    }
}
