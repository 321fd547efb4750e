import Media
import NIOCore

/// Writes frames as packets of an MPEG transport stream (ISO/IEC 13818-1): H.264 and HEVC with start codes and their parameter sets before each
/// keyframe, AAC with ADTS headers, Opus, MP3. Into memory, so nothing waits. Used by one thread at a time.
final class TransportStreamWriter {
    /// How far decoders may be behind the stream's clock; sound is also held back for half of it, until a packet is full.
    private static let decoderDelay = MediaTime(milliseconds: 100)

    private let muxer: Muxer
    private let sink = MemorySink()
    /// Their places in the muxer are those in this list.
    private let tracks: [TrackID]

    /// - Parameter version: of the tables, 0...31; another one tells players that there are others from here on.
    init(tracks: [Track], version: Int) throws(AVFailure) {
        self.tracks = tracks.map(\.id)
        var options = ["tables_version": "\(version & 31)", "max_delay": "\(Self.decoderDelay.microseconds)"]
        // Its packets are counted from 0 on, on PIDs that had some before: not a loss (ISO/IEC 13818-1 §2.4.3.4, discontinuity_indicator).
        if version > 0 { options["mpegts_flags"] = "+initial_discontinuity" }
        self.muxer = try Muxer(format: "mpegts", tracks: tracks, sink: self.sink, options: options)
    }

    static func carries(_ codec: Codec) -> Bool {
        switch codec {
        case .h264, .hevc, .aac, .opus, .mp3: true
        // Only as private data that players do not know, or not at all.
        case .av1, .vp8, .vp9, .vorbis: false
        }
    }

    /// The packets of one frame, whole ones only; `withTables` puts those that a player needs first before them.
    func write(_ frame: EncodedFrame, withTables: Bool) throws(AVFailure) -> ByteBuffer {
        guard let index = self.tracks.firstIndex(of: frame.track) else { return ByteBuffer() }
        if withTables { try self.muxer.set("mpegts_flags", "+resend_headers") }
        let scale = UInt32(clamping: self.muxer.timescale(of: index))
        let decode = frame.decodeTime.ticks(timescale: scale)
        let packet = try Packet(
            payload: frame.payload, streamIndex: index, decodeTime: decode,
            presentationTime: max(decode, frame.presentationTime.ticks(timescale: scale)), duration: 0, isKeyframe: frame.isKeyframe)
        try self.muxer.write(packet)
        try self.muxer.drain()
        return self.sink.take()
    }

    /// The sound that is held back until it fills a packet.
    func rest() throws(AVFailure) -> ByteBuffer {
        try self.muxer.flushFragment()
        return self.sink.take()
    }
}

/// Keeps what a muxer writes until it is taken.
private final class MemorySink: ByteSink {
    private var buffer = ByteBuffer()
    private(set) var position: Int64 = 0
    var length: Int64 { self.position }
    let isSeekable = false

    func write(_ bytes: UnsafeRawBufferPointer) throws(AVFailure) {
        self.buffer.writeBytes(bytes)
        self.position += Int64(bytes.count)
    }

    func seek(to position: Int64) throws(AVFailure) {
        throw AVFailure(cause: .unsupported, operation: "seek", text: "memory only grows")
    }

    func take() -> ByteBuffer {
        defer { self.buffer = ByteBuffer() }
        return self.buffer
    }
}
