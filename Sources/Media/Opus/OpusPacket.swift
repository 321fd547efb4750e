public import NIOCore

public enum OpusPacket {
    /// Samples at 48 kHz that a packet decodes to (RFC 6716 §3.1): 120 to 5,760.
    public static func sampleCount(_ packet: ByteBuffer) throws(MediaError) -> Int {
        guard let toc = packet.getInteger(at: packet.readerIndex, as: UInt8.self) else { throw .truncated }
        let configuration = Int(toc >> 3)
        let frame: Int =
            switch configuration {
            case 0..<12: [480, 960, 1920, 2880][configuration % 4]
            case 12..<16: [480, 960][configuration % 2]
            default: [120, 240, 480, 960][configuration % 4]
            }
        let frames: Int
        switch toc & 3 {
        case 0:
            frames = 1
        case 1, 2:
            frames = 2
        default:
            guard let count = packet.getInteger(at: packet.readerIndex + 1, as: UInt8.self) else { throw .truncated }
            frames = Int(count & 0x3F)
        }
        guard frames > 0, frame * frames <= 5760 else { throw .invalidValue }
        return frame * frames
    }
}
