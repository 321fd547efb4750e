import Foundation
import Testing

/// Publishes an mp4 file with codecs that Debian's ffmpeg cannot send over RTMP: HEVC, AV1, VP9 and Opus, as Enhanced RTMP has them. Everything is sent as
/// fast as it is taken, and what the server answers is not read.
struct EnhancedPublisher {
    private let connection: HeldConnection
    private var frames: [Frame] = []
    private static let chunkSize = 1 << 20

    private struct Frame {
        let type: UInt8
        /// Milliseconds.
        let time: Int
        let tag: [UInt8]
    }

    /// Sends the handshake, the commands and the first second of the file.
    static func start(_ file: URL, to server: MartletProcess, id: String) async throws -> EnhancedPublisher {
        let streams = try await server.lab.probe(file.path)["streams"].items
        let packets = try await server.lab.run(
            "ffprobe", ["ffprobe", "-v", "error", "-print_format", "json", "-show_packets", file.path]
        ).output
        let data = try Data(contentsOf: file)
        var publisher = EnhancedPublisher(connection: try HeldConnection(to: server.rtmp))
        try publisher.begin(url: "rtmp://127.0.0.1:\(server.rtmp)/live", id: id)
        for stream in streams {
            let codec = try Codec(stream["codec_name"].text)
            try publisher.send(codec.messageType, at: 0, codec.configurationTag(try codec.configuration(in: data)))
        }
        for packet in try JSON(Data(packets.utf8))["packets"].items {
            let index = Int(try #require(packet["stream_index"].number))
            let codec = try Codec(streams[index]["codec_name"].text)
            let position = Int(try #require(packet["pos"].seconds))
            let size = Int(try #require(packet["size"].seconds))
            let (dts, pts) = (try #require(packet["dts_time"].seconds), try #require(packet["pts_time"].seconds))
            // Reordered pictures begin below zero, sound with its priming too; the wire has no negative times.
            let time = Int((dts * 1000).rounded()) + 200
            let tag = codec.frameTag(isKeyframe: packet["flags"].text?.hasPrefix("K") == true, offset: Int(((pts - dts) * 1000).rounded()))
            publisher.frames.append(Frame(type: codec.messageType, time: time, tag: tag + data[position..<(position + size)]))
        }
        try publisher.sendFrames { $0.time < 1200 }
        return publisher
    }

    mutating func sendTheRest() throws { try self.sendFrames { _ in true } }

    private mutating func sendFrames(while isDue: (Frame) -> Bool) throws {
        for frame in self.frames.prefix(while: isDue) { try self.send(frame.type, at: frame.time, frame.tag) }
        self.frames = Array(self.frames.drop(while: isDue))
    }

    /// Whether the server still has the connection.
    var isConnected: Bool {
        while let heard = self.connection.heard() {
            if heard.isEmpty { return true }
        }
        return false
    }

    // MARK: RTMP

    private func begin(url: String, id: String) throws {
        // C0 and C1; C2 is not looked at by anybody who does the plain handshake.
        try self.connection.say([3] + [UInt8](repeating: 0, count: 1536))
        try self.connection.say([UInt8](repeating: 0, count: 1536))
        // Protocol control: set chunk size (RTMP 1.0 §5.4.1). Each message is one chunk from here on.
        try self.send(1, at: 0, Self.bytes(Self.chunkSize, 4), stream: 0)
        let connect = [
            Self.text("connect"), Self.number(1), [3], Self.name("app"), Self.text("live"), Self.name("tcUrl"), Self.text(url), [0, 0, 9],
        ]
        try self.send(20, at: 0, connect.flatMap { $0 }, stream: 0)
        try self.send(20, at: 0, Self.text("createStream") + Self.number(2) + [5], stream: 0)
        try self.send(20, at: 0, Self.text("publish") + Self.number(3) + [5] + Self.text(id) + Self.text("live"))
    }

    private func send(_ type: UInt8, at time: Int, _ payload: [UInt8], stream: UInt8 = 1) throws {
        try #require(payload.count <= Self.chunkSize && time < 0xff_ffff)
        let channel: UInt8 = type == 20 ? 3 : type == 8 ? 4 : type == 9 ? 6 : 2
        try self.connection.say([channel] + Self.bytes(time, 3) + Self.bytes(payload.count, 3) + [type, stream, 0, 0, 0] + payload)
    }

    private static func bytes(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    private static func name(_ value: String) -> [UInt8] { self.bytes(value.utf8.count, 2) + Array(value.utf8) }
    private static func text(_ value: String) -> [UInt8] { [2] + self.name(value) }
    private static func number(_ value: Double) -> [UInt8] { [0] + self.bytes(Int(value.bitPattern), 8) }

    // MARK: Tags

    private enum Codec {
        case hevc
        case av1
        case vp9
        case aac
        case opus

        init(_ name: String?) throws {
            let known: [String: Codec] = ["hevc": .hevc, "av1": .av1, "vp9": .vp9, "aac": .aac, "opus": .opus]
            self = try #require(name.flatMap { known[$0] }, "no tag for \(name ?? "nothing")")
        }

        var messageType: UInt8 {
            switch self {
            case .hevc, .av1, .vp9: 9
            case .aac, .opus: 8
            }
        }

        /// What the file has as the codec's configuration, in the form that RTMP wants.
        func configuration(in file: Data) throws -> [UInt8] {
            switch self {
            case .hevc: return try Self.box("hvcC", in: file)
            case .av1: return try Self.box("av1C", in: file)
            case .vp9: return Array(try Self.box("vpcC", in: file).dropFirst(4))  // behind the box's version and flags
            case .aac: return [0x11, 0x88]  // AAC LC, 48 kHz, mono: what `CodecClip` makes.
            case .opus:
                // OpusHead (RFC 7845 §5.1) is `dOps` with another byte order: version 1, one channel, pre-skip, 48 kHz.
                let box = try Self.box("dOps", in: file)
                try #require(box.count >= 11)
                return Array("OpusHead".utf8) + [1, box[1], box[3], box[2], box[7], box[6], box[5], box[4], box[9], box[8], box[10]]
            }
        }

        func configurationTag(_ configuration: [UInt8]) -> [UInt8] {
            switch self {
            case .hevc: [0x90] + Array("hvc1".utf8) + configuration
            case .av1: [0x90] + Array("av01".utf8) + configuration
            case .vp9: [0x90] + Array("vp09".utf8) + configuration
            case .aac: [0xaf, 0] + configuration
            case .opus: [0x90] + Array("Opus".utf8) + configuration
            }
        }

        /// `offset` is the composition offset in milliseconds, which only HEVC has on the wire.
        func frameTag(isKeyframe: Bool, offset: Int) -> [UInt8] {
            let kind: UInt8 = isKeyframe ? 0x90 : 0xa0
            return switch self {
            case .hevc: [kind | 1] + Array("hvc1".utf8) + EnhancedPublisher.bytes(offset, 3)
            case .av1: [kind | 1] + Array("av01".utf8)
            case .vp9: [kind | 1] + Array("vp09".utf8)
            case .aac: [0xaf, 1]
            case .opus: [0x91] + Array("Opus".utf8)
            }
        }

        private static func box(_ name: String, in file: Data) throws -> [UInt8] {
            let range = try #require(file.range(of: Data(name.utf8)), "the file has no \(name)")
            let size = file[(range.lowerBound - 4)..<range.lowerBound].reduce(0) { $0 << 8 | Int($1) }
            return Array(file[range.upperBound..<(range.lowerBound - 4 + size)])
        }
    }
}
