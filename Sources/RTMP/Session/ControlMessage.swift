public import NIOCore

/// Protocol control messages (RTMP 1.0 §5.4) and user control events (§7.1.7), as either side sends them.
public enum ControlMessage: Sendable, Equatable {
    case setChunkSize(UInt32)
    /// Bytes received so far, modulo 2^32.
    case acknowledgement(UInt32)
    case windowAcknowledgementSize(UInt32)
    /// Limit type 2, dynamic.
    case setPeerBandwidth(UInt32)
    case streamBegin(UInt32)
    case streamEnd(UInt32)
    /// Milliseconds of any clock; the answer repeats them.
    case pingRequest(UInt32)
    case pingResponse(UInt32)

    public func bytes(chunkSize: Int) -> ByteBuffer {
        var out = ByteBuffer()
        self.write(chunkSize: chunkSize, into: &out)
        return out
    }

    func write(chunkSize: Int, into out: inout ByteBuffer) {
        var payload = ByteBuffer()
        let type: MessageType
        switch self {
        case .setChunkSize(let size):
            type = .setChunkSize
            payload.writeInteger(size)
        case .acknowledgement(let count):
            type = .acknowledgement
            payload.writeInteger(count)
        case .windowAcknowledgementSize(let size):
            type = .windowAcknowledgementSize
            payload.writeInteger(size)
        case .setPeerBandwidth(let size):
            type = .setPeerBandwidth
            payload.writeMultipleIntegers(size, UInt8(2))
        case .streamBegin(let id), .streamEnd(let id):
            type = .userControl
            payload.writeMultipleIntegers(self == .streamBegin(id) ? UserControl.streamBegin : UserControl.streamEnd, id)
        case .pingRequest(let time), .pingResponse(let time):
            type = .userControl
            payload.writeMultipleIntegers(self == .pingRequest(time) ? UserControl.pingRequest : UserControl.pingResponse, time)
        }
        ChunkEncoder.write(
            payload: payload, timestamp: 0, type: type, chunkStreamID: ChunkStreamID.control, messageStreamID: 0, chunkSize: chunkSize, into: &out)
    }
}

/// Event types of user control messages.
enum UserControl {
    static let streamBegin: UInt16 = 0
    static let streamEnd: UInt16 = 1
    static let pingRequest: UInt16 = 6
    static let pingResponse: UInt16 = 7
}
