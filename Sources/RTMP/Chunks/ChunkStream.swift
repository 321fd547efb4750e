import NIOCore

/// What one chunk stream remembers between its chunks (RTMP 1.0 §5.3.1.2).
struct ChunkStream: Sendable {
    let id: UInt32
    /// Of the newest message, absolute.
    var timestamp: UInt32 = 0
    /// Added when a type 3 chunk begins the next message. After a type 0 header this is that header's timestamp, as the specification says
    /// and ffmpeg relies on.
    var delta: UInt32 = 0
    var length = 0
    var type = MessageType(rawValue: 0)
    var messageStreamID: UInt32 = 0
    /// The extended timestamp of the newest type 0, 1 or 2 header, which type 3 chunks repeat.
    var extended: UInt32?
    /// A message has begun and is not whole yet.
    var isAssembling = false
    /// Bytes of it that have arrived in earlier reads or chunks.
    var body = ByteBuffer()

    var missing: Int { self.length - self.body.readableBytes }

    mutating func begin(_ header: ChunkHeader, extended: UInt32?) {
        let value = extended ?? header.timestampField
        switch header.format {
        case 0:
            self.timestamp = value
            self.delta = value
            self.messageStreamID = header.messageStreamID
        case 1, 2:
            self.delta = value
            self.timestamp = self.timestamp &+ value
        default:
            self.timestamp = self.timestamp &+ self.delta
        }
        if header.format < 2 {
            self.length = header.length
            self.type = header.type
        }
        if header.format < 3 { self.extended = extended }
        self.isAssembling = true
    }

    func message(_ payload: ByteBuffer) -> RTMPMessage {
        RTMPMessage(
            chunkStreamID: self.id, timestamp: self.timestamp, type: self.type, messageStreamID: self.messageStreamID, payload: payload)
    }
}
