/// What can be wrong with the bytes of an RTMP peer. Each of these ends the connection it came from and nothing else.
public enum RTMPError: Error, Sendable, Equatable {
    /// C0 or S0 named another version than 3: 6 and 8 are the encrypted RTMPE, a letter is usually an HTTP request.
    case unsupportedVersion(UInt8)
    /// A chunk of type 1, 2 or 3 on a chunk stream that has not seen a whole header yet (RTMP 1.0 §5.3.1.2).
    case headerMissing(chunkStreamID: UInt32)
    /// Set Chunk Size outside 1...0x7FFFFFFF (§5.4.1).
    case invalidChunkSize(UInt32)
    case messageTooLarge(claimed: Int, limit: Int)
    /// The bodies that have arrived in part add up to more than one connection may hold.
    case tooMuchPartialData(limit: Int)
    case tooManyChunkStreams(limit: Int)
    /// A protocol control message that is shorter than its one field.
    case truncatedControl(MessageType)
    /// A message type that no version of RTMP defines; what is being sent is not RTMP.
    case unknownMessageType(UInt8)
    case malformedAggregate
    case malformedCommand(AMF0Error)
    /// A command message whose first value is not its name.
    case commandWithoutName
}
