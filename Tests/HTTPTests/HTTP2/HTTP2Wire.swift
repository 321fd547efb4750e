import CNGHTTP2
import NIOCore

/// HTTP/2 as bytes, written by hand so that it can also be wrong.
enum HTTP2Wire {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    enum Kind: UInt8 {
        case data = 0
        case headers = 1
        case priority = 2
        case reset = 3
        case settings = 4
        case ping = 6
        case goaway = 7
        case windowUpdate = 8
        case continuation = 9
    }

    static let endStream: UInt8 = 1
    static let endHeaders: UInt8 = 4
    static let ack: UInt8 = 1

    static func frame(_ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let length = payload.count
        return [UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), kind.rawValue, flags] + Self.bytes(stream) + payload
    }

    static func bytes(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

    /// Preface and settings of a client.
    static func hello(_ settings: [(id: UInt16, value: UInt32)] = []) -> [UInt8] {
        self.preface + self.frame(.settings, settings.flatMap { [UInt8($0.id >> 8), UInt8($0.id & 0xFF)] + self.bytes($0.value) })
    }

    /// Literal fields without indexing (RFC 7541 §6.2.2), lengths below 16,000.
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        func text(_ string: String) -> [UInt8] {
            let bytes = Array(string.utf8)
            if bytes.count < 127 { return [UInt8(bytes.count)] + bytes }
            let rest = bytes.count - 127
            return rest < 128 ? [127, UInt8(rest)] + bytes : [127, UInt8(rest & 0x7F | 0x80), UInt8(rest >> 7)] + bytes
        }
        return fields.flatMap { [0] + text($0.0) + text($0.1) }
    }

    static func request(
        _ path: String, on stream: UInt32, method: String = "GET", extra: [(String, String)] = [], end: Bool = true
    ) -> [UInt8] {
        let block = self.block([(":method", method), (":scheme", "http"), (":authority", "x:80"), (":path", path)] + extra)
        return self.frame(.headers, flags: self.endHeaders | (end ? self.endStream : 0), stream: stream, block)
    }
}

/// Takes what the server sent apart.
final class HTTP2Reader {
    struct Frame {
        var kind: HTTP2Wire.Kind
        var flags: UInt8
        var stream: UInt32
        var payload: [UInt8]

        /// Of RST_STREAM.
        var code: UInt32 { self.payload.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }
        /// Of GOAWAY.
        var goawayCode: UInt32 { self.payload.dropFirst(4).prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }
    }

    struct Answer: Equatable {
        var fields: [String: String] = [:]
        var body: [UInt8] = []
        var isComplete = false
        var status: Int? { self.fields[":status"].flatMap { Int($0) } }
        var text: String { String(decoding: self.body, as: UTF8.self) }
    }

    private var bytes: [UInt8] = []
    private var inflater: OpaquePointer?
    private(set) var frames: [Frame] = []
    private(set) var answers: [UInt32: Answer] = [:]

    init() {
        nghttp2_hd_inflate_new(&self.inflater)
    }

    deinit {
        nghttp2_hd_inflate_del(self.inflater)
    }

    func received(_ buffer: ByteBuffer) {
        self.bytes += Array(buffer: buffer)
        while self.bytes.count >= 9 {
            let length = Int(self.bytes[0]) << 16 | Int(self.bytes[1]) << 8 | Int(self.bytes[2])
            guard self.bytes.count >= 9 + length, let kind = HTTP2Wire.Kind(rawValue: self.bytes[3]) else { return }
            let stream = self.bytes[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let frame = Frame(kind: kind, flags: self.bytes[4], stream: stream, payload: Array(self.bytes[9..<(9 + length)]))
            self.bytes.removeFirst(9 + length)
            self.frames.append(frame)
            self.apply(frame)
        }
    }

    private func apply(_ frame: Frame) {
        var answer = self.answers[frame.stream] ?? Answer()
        switch frame.kind {
        case .headers:
            for (name, value) in self.inflate(frame.payload) { answer.fields[name] = value }
        case .data:
            answer.body += frame.payload
        default:
            return
        }
        if frame.flags & HTTP2Wire.endStream != 0 { answer.isComplete = true }
        self.answers[frame.stream] = answer
    }

    private func inflate(_ block: [UInt8]) -> [(String, String)] {
        var fields: [(String, String)] = []
        var left = block[...]
        while true {
            var pair = nghttp2_nv()
            var flags: Int32 = 0
            let used = Array(left).withUnsafeBufferPointer { nghttp2_hd_inflate_hd2(self.inflater, &pair, &flags, $0.baseAddress, $0.count, 1) }
            guard used >= 0 else { return fields }
            left = left.dropFirst(used)
            if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                fields.append(
                    (
                        String(decoding: UnsafeBufferPointer(start: pair.name, count: pair.namelen), as: UTF8.self),
                        String(decoding: UnsafeBufferPointer(start: pair.value, count: pair.valuelen), as: UTF8.self)
                    ))
            }
            if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 {
                nghttp2_hd_inflate_end_headers(self.inflater)
                return fields
            }
            if used == 0 && flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) == 0 { return fields }
        }
    }

    func frames(_ kind: HTTP2Wire.Kind) -> [Frame] { self.frames.filter { $0.kind == kind } }
    var wasToldGoodbye: UInt32? { self.frames(.goaway).last?.goawayCode }
}
