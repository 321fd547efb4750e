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
}
