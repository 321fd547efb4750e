/// The few messages a client writes, each as a whole type 0 chunk (RTMP 1.0 §5.3.1.2). All are shorter than the initial chunk size of 128
/// bytes or are sent after a Set Chunk Size.
enum Commands {
    /// What the generator sends in chunks of, once it has said so.
    static let chunkSize = 60_000

    static func setChunkSize() -> [UInt8] { self.message(chunkStream: 2, type: 1, stream: 0, body: self.big32(UInt32(self.chunkSize))) }

    /// Acknowledgement (§5.4.3): bytes received so far.
    static func acknowledgement(_ count: UInt32) -> [UInt8] { self.message(chunkStream: 2, type: 3, stream: 0, body: self.big32(count)) }

    static func connect(app: String, port: UInt16) -> [UInt8] {
        var body = AMF.string("connect") + AMF.number(1) + [0x03]
        body += AMF.member("app", AMF.string(app)) + AMF.member("flashVer", AMF.string("FMLE/3.0 (compatible; bench)"))
        body += AMF.member("tcUrl", AMF.string("rtmp://127.0.0.1:\(port)/\(app)"))
        body += AMF.member("fpad", [0x01, 0]) + AMF.member("capabilities", AMF.number(15))
        body += AMF.member("audioCodecs", AMF.number(4071)) + AMF.member("videoCodecs", AMF.number(252)) + [0, 0, 9]
        return self.message(chunkStream: 3, type: 20, stream: 0, body: body)
    }

    static func createStream() -> [UInt8] {
        self.message(chunkStream: 3, type: 20, stream: 0, body: AMF.string("createStream") + AMF.number(2) + AMF.null)
    }

    static func publish(key: String, stream: UInt32) -> [UInt8] {
        let body = AMF.string("publish") + AMF.number(3) + AMF.null + AMF.string(key) + AMF.string("live")
        return self.message(chunkStream: 4, type: 20, stream: stream, body: body)
    }

    static func play(key: String, stream: UInt32) -> [UInt8] {
        let body = AMF.string("play") + AMF.number(3) + AMF.null + AMF.string(key) + AMF.number(-2000)
        // Set Buffer Length (§7.1.7): one second.
        let bufferLength = self.message(chunkStream: 2, type: 4, stream: 0, body: [0, 3] + self.big32(stream) + self.big32(1000))
        return self.message(chunkStream: 8, type: 20, stream: stream, body: body) + bufferLength
    }

    /// A type 0 header, then the body in chunks of `chunkSize`.
    static func message(chunkStream: UInt8, type: UInt8, stream: UInt32, timestamp: UInt32 = 0, body: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [chunkStream]
        bytes += self.big32(timestamp)[1...]
        bytes += self.big32(UInt32(body.count))[1...]
        bytes.append(type)
        bytes += self.big32(stream).reversed()
        for start in stride(from: 0, to: body.count, by: self.chunkSize) {
            if start > 0 { bytes.append(0xC0 | chunkStream) }
            bytes += body[start..<min(body.count, start + self.chunkSize)]
        }
        return bytes
    }

    private static func big32(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
}

/// AMF0 values in bytes.
enum AMF {
    static let null: [UInt8] = [0x05]

    static func number(_ value: Double) -> [UInt8] {
        [0x00] + (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (56 - 8 * UInt64($0))) }
    }

    static func string(_ text: String) -> [UInt8] { [0x02] + self.name(text) }

    static func member(_ key: String, _ value: [UInt8]) -> [UInt8] { self.name(key) + value }

    /// The number at the end of a createStream result.
    static func trailingNumber(_ bytes: UnsafeRawBufferPointer) -> Double? {
        guard bytes.count >= 9, bytes[bytes.count - 9] == 0 else { return nil }
        return Double(bitPattern: bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    private static func name(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return [UInt8(bytes.count >> 8), UInt8(bytes.count & 0xFF)] + bytes
    }
}
