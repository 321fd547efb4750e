import NIOCore

@testable import RTMP

/// `"03 00 ff"` as bytes.
func hex(_ text: String) -> [UInt8] {
    var digits = text.filter(\.isHexDigit)[...]
    var bytes: [UInt8] = []
    while let high = digits.popFirst(), let low = digits.popFirst() { bytes.append(UInt8(high.hexDigitValue! << 4 | low.hexDigitValue!)) }
    return bytes
}

extension ByteBuffer {
    var bytes: [UInt8] { Array(self.readableBytesView) }
}

extension ChunkDecoder {
    /// All messages of these bytes, handed over in pieces.
    mutating func all(_ bytes: [UInt8], by size: Int = Int.max) throws(RTMPError) -> [RTMPMessage] {
        var messages: [RTMPMessage] = []
        for var piece in AnySplit.pieces(bytes, of: size) {
            while let message = try self.next(from: &piece) { messages.append(message) }
        }
        return messages
    }
}

/// All commands, status and control messages in what a session sends, as a peer reads them.
func messages(_ buffers: [ByteBuffer]) throws -> [RTMPMessage] {
    var decoder = ChunkDecoder()
    return try decoder.all(buffers.flatMap(\.bytes))
}

func chunk(_ message: RTMPMessage, chunkSize: Int = 128) throws -> [UInt8] {
    var out = ByteBuffer()
    try ChunkEncoder(chunkSize: chunkSize).encode(message, into: &out)
    return out.bytes
}

func message(
    _ type: MessageType, _ payload: [UInt8], timestamp: UInt32 = 0, on messageStreamID: UInt32 = 1, chunkStreamID: UInt32 = 3
) -> RTMPMessage {
    RTMPMessage(
        chunkStreamID: chunkStreamID, timestamp: timestamp, type: type, messageStreamID: messageStreamID, payload: ByteBuffer(bytes: payload))
}

func command(_ name: String, _ transaction: Double = 0, _ values: [AMF0Value] = [], on messageStreamID: UInt32 = 0) -> RTMPMessage {
    message(.commandAMF0, RTMPCommand(name, transaction: transaction, values).payload.bytes, on: messageStreamID)
}
