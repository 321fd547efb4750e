/// Where a demuxer's bytes come from when that is no file and no URL. Used by the demuxer's thread alone.
public protocol ByteSource: AnyObject {
    /// Waits for bytes and puts some into `buffer`: how many, 0 at the end. It must come back soon after the demuxer's interrupt has a cause.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(AVFailure) -> Int
}
