import NIOCore
import RTMP

/// What each fuzz target does with its bytes. `RTMPTests` replays the corpus through the same functions; a property that does not hold is thrown.
public enum FuzzEntries {
    public struct Finding: Error, Equatable {
        public var property: String
        init(_ property: String) { self.property = property }
    }

    public static let all: [(target: String, run: @Sendable ([UInt8]) throws(Finding) -> Void)] = [
        ("FuzzChunks", Self.chunks), ("FuzzAMF0", Self.amf0), ("FuzzFLV", Self.flv), ("FuzzHandshake", Self.handshake),
        ("FuzzServerSession", Self.serverSession), ("FuzzClientSession", Self.clientSession),
    ]

    static func require(_ condition: Bool, _ property: String) throws(Finding) {
        guard condition else { throw Finding(property) }
    }

    private static func pieces(_ bytes: ArraySlice<UInt8>, of size: Int) -> [ByteBuffer] {
        stride(from: bytes.startIndex, to: bytes.endIndex, by: size).map { start in
            ByteBuffer(bytes: bytes[start..<min(bytes.endIndex, start + size)])
        }
    }

    // MARK: Chunks

    private struct Reading: Equatable {
        var messages: [RTMPMessage] = []
        var error: RTMPError?
    }

    private static func read(_ pieces: [ByteBuffer], _ limits: ChunkDecoder.Limits) throws(Finding) -> Reading {
        var decoder = ChunkDecoder(limits: limits)
        var reading = Reading()
        for var piece in pieces {
            do throws(RTMPError) {
                while let message = try decoder.next(from: &piece) { reading.messages.append(message) }
            } catch {
                reading.error = error
                return reading
            }
            try Self.require(piece.readableBytes == 0, "nil means that all bytes were taken")
            try Self.require(decoder.partialBytes <= limits.partialBytes, "partial bytes stay within their limit")
        }
        return reading
    }

    /// The first byte is the size of the pieces of a second reading.
    static func chunks(_ bytes: [UInt8]) throws(Finding) {
        guard let first = bytes.first else { return }
        let limits = ChunkDecoder.Limits(messageLength: 1 << 20, partialBytes: 2048, chunkStreams: 8)
        let body = bytes.dropFirst()
        let whole = try Self.read([ByteBuffer(bytes: body)], limits)
        let split = try Self.read(Self.pieces(body, of: Int(first) + 1), limits)
        if case .tooMuchPartialData = split.error {
            // A message that lies whole in one read is never partial, so only the split reading can be over that limit.
            try Self.require(whole.messages.starts(with: split.messages), "any split gives the same messages up to the limit")
        } else {
            try Self.require(whole == split, "any split gives the same messages")
        }
        try Self.require(whole.messages.reduce(0) { $0 + $1.payload.readableBytes } <= bytes.count, "no message has bytes nobody sent")
        // Written again and read again it is the same, but for chunk sizes, which these messages would change.
        let plain = whole.messages.filter { $0.type != .setChunkSize && $0.type != .abort }
        var out = ByteBuffer()
        do throws(RTMPError) {
            for message in plain { try ChunkEncoder().encode(message, into: &out) }
        } catch {
            throw Finding("what was read can be written")
        }
        try Self.require(try Self.read([out], ChunkDecoder.Limits()).messages == plain, "what is written is read")
    }

    // MARK: AMF0

    static func amf0(_ bytes: [UInt8]) throws(Finding) {
        // Bytes are compared, because not every number equals itself.
        guard let once = Self.rewritten(ByteBuffer(bytes: bytes)) else { return }
        try Self.require(Self.rewritten(once) == once, "AMF0 goes round")
    }

    private static func rewritten(_ buffer: ByteBuffer) -> ByteBuffer? {
        do throws(AMF0Error) { return AMF0Encoder.encode(try AMF0Decoder.decodeAll(buffer)) } catch { return nil }
    }

    // MARK: FLV

    /// The first byte chooses video or audio and the size of NAL unit lengths.
    static func flv(_ bytes: [UInt8]) throws(Finding) {
        guard let first = bytes.first else { return }
        let payload = ByteBuffer(bytes: bytes.dropFirst())
        if let rewritten = Self.rewritten(payload, from: Int(first >> 1 & 3) + 1) {
            try Self.require(rewritten.readableBytes >= payload.readableBytes, "four bytes are not fewer than one")
        }
        let taken: Int
        do throws(FLVError) {
            taken = first & 1 == 0 ? Self.count(try FLVVideo.parse(payload)) : Self.count(try FLVAudio.parse(payload))
        } catch {
            return
        }
        try Self.require(taken <= payload.readableBytes, "tracks do not share bytes")
    }

    private static func rewritten(_ payload: ByteBuffer, from size: Int) -> ByteBuffer? {
        do throws(FLVError) { return try NALUnitLengths.withFourBytes(payload, from: size) } catch { return nil }
    }

    private static func count(_ video: FLVVideo) -> Int {
        switch video {
        case .configuration(let codec, _, let record):
            _ = NALUnitLengths.recordWithFourByteLengths(codec, record: record)
            return record.readableBytes
        case .frame(let frame): return frame.data.readableBytes
        case .metadata(let data): return data.readableBytes
        case .tracks(let tracks): return tracks.reduce(0) { $0 + Self.count($1) }
        case .endOfSequence, .ignored: return 0
        }
    }

    private static func count(_ audio: FLVAudio) -> Int {
        switch audio {
        case .configuration(_, _, let data), .multichannel(_, _, let data): return data.readableBytes
        case .frame(let frame): return frame.data.readableBytes
        case .tracks(let tracks): return tracks.reduce(0) { $0 + Self.count($1) }
        case .endOfSequence, .ignored: return 0
        }
    }
}

/// The same numbers for every run of one input.
struct FixedRandom: RandomNumberGenerator {
    private var state: UInt64 = 1
    mutating func next() -> UInt64 {
        self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return self.state
    }
}
