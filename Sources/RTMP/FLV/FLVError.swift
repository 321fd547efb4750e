/// What can be wrong with the body of an audio or video message. The frame is lost, the connection goes on.
public enum FLVError: Error, Sendable, Equatable {
    /// The body ends within its own header.
    case truncated
    /// A track of a multitrack message claims more bytes than there are.
    case trackLengthOutOfRange(claimed: Int, available: Int)
    /// A NAL unit claims more bytes than there are.
    case unitLengthOutOfRange(claimed: Int, available: Int)
    /// NAL unit length prefixes of 1, 2, 3 or 4 bytes exist.
    case unsupportedLengthSize(Int)
}
