public import NIOCore

/// One whole RTMP message, put together from its chunks.
public struct RTMPMessage: Sendable, Equatable {
    /// 2...65599.
    public var chunkStreamID: UInt32
    /// Absolute, in milliseconds; wraps after 49.7 days.
    public var timestamp: UInt32
    public var type: MessageType
    public var messageStreamID: UInt32
    /// At most 0xFFFFFF bytes. Shares the storage it was received in where it could.
    public var payload: ByteBuffer

    @inlinable public init(chunkStreamID: UInt32, timestamp: UInt32, type: MessageType, messageStreamID: UInt32, payload: ByteBuffer) {
        self.chunkStreamID = chunkStreamID
        self.timestamp = timestamp
        self.type = type
        self.messageStreamID = messageStreamID
        self.payload = payload
    }
}
