import NIOCore

/// Cuts an aggregate message (RTMP 1.0 §7.1.6) into the messages it is made of: FLV tags with back pointers.
enum AggregateMessage {
    static let mostParts = 4096

    /// Timestamps are moved so that the first part has the aggregate's own.
    static func split(_ message: RTMPMessage) throws(RTMPError) -> [RTMPMessage] {
        var rest = message.payload
        var parts: [RTMPMessage] = []
        var offset: UInt32?
        while rest.readableBytes > 0 {
            // Type (1), size (3), timestamp (3), its upper byte (1), stream id (3).
            guard let head = rest.readInteger(as: UInt32.self), let time = rest.readInteger(as: UInt32.self), rest.readSlice(length: 3) != nil,
                let payload = rest.readSlice(length: Int(head & 0xFF_FFFF)), parts.count < Self.mostParts
            else { throw .malformedAggregate }
            // The back pointer is left out behind the last part by some.
            _ = rest.readInteger(as: UInt32.self) ?? 0
            let timestamp = time >> 8 | time << 24
            let shift = offset ?? message.timestamp &- timestamp
            offset = shift
            parts.append(
                RTMPMessage(
                    chunkStreamID: message.chunkStreamID, timestamp: timestamp &+ shift, type: MessageType(rawValue: UInt8(head >> 24)),
                    messageStreamID: message.messageStreamID, payload: payload))
        }
        return parts
    }
}
