import CFFmpeg
import Glibc
public import Media
public import NIOCore

/// One compressed packet, owned. Freed at the end of its life; a second owner would have to be asked for by name.
public struct Packet: ~Copyable {
    let raw: UnsafeMutablePointer<AVPacket>

    /// Empty, for a demuxer to fill.
    public init() throws(AVFailure) {
        guard let raw = av_packet_alloc() else { throw AVFailure("allocate packet", code: shim_averror(ENOMEM)) }
        self.raw = raw
    }

    /// With a copy of `payload`. Times are in ticks of the track they will be written to.
    public init(
        payload: ByteBuffer, streamIndex: Int, decodeTime: Int64, presentationTime: Int64, duration: Int64, isKeyframe: Bool
    ) throws(AVFailure) {
        guard let size = Int32(exactly: payload.readableBytes), size < Int32.max - AV_INPUT_BUFFER_PADDING_SIZE else {
            throw AVFailure(cause: .invalidData, operation: "make packet", text: "\(payload.readableBytes) bytes are too many for one packet")
        }
        guard let raw = av_packet_alloc() else { throw AVFailure("allocate packet", code: shim_averror(ENOMEM)) }
        let result = av_new_packet(raw, size)
        guard result >= 0 else {
            var raw: UnsafeMutablePointer<AVPacket>? = raw
            av_packet_free(&raw)
            throw AVFailure("allocate packet", code: result)
        }
        self.raw = raw
        payload.withUnsafeReadableBytes { source in
            guard let start = source.baseAddress, source.count > 0 else { return }
            raw.pointee.data.update(from: start.assumingMemoryBound(to: UInt8.self), count: source.count)
        }
        raw.pointee.stream_index = Int32(truncatingIfNeeded: streamIndex)
        raw.pointee.dts = decodeTime
        raw.pointee.pts = presentationTime
        raw.pointee.duration = duration
        raw.pointee.flags = isKeyframe ? AV_PKT_FLAG_KEY : 0
    }

    /// For a decoder; times are microseconds.
    public init(_ frame: EncodedFrame) throws(AVFailure) {
        try self.init(
            payload: frame.payload, streamIndex: 0, decodeTime: frame.decodeTime.microseconds, presentationTime: frame.presentationTime.microseconds,
            duration: 0, isKeyframe: frame.isKeyframe)
    }

    deinit {
        var raw: UnsafeMutablePointer<AVPacket>? = self.raw
        av_packet_free(&raw)
    }

    public var streamIndex: Int { Int(self.raw.pointee.stream_index) }
    public var isKeyframe: Bool { self.raw.pointee.flags & AV_PKT_FLAG_KEY != 0 }
    /// FFmpeg saw that bytes are missing or damaged.
    public var isCorrupt: Bool { self.raw.pointee.flags & AV_PKT_FLAG_CORRUPT != 0 }
    public var byteCount: Int { Int(self.raw.pointee.size) }
    /// Ticks of the stream it came from; nil when the file does not say.
    public var decodeTime: Int64? { Self.known(self.raw.pointee.dts) }
    public var presentationTime: Int64? { Self.known(self.raw.pointee.pts) }
    public var duration: Int64 { self.raw.pointee.duration }

    /// The bytes themselves, good until the packet is filled anew or freed.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: self.raw.pointee.data, count: self.raw.pointee.data == nil ? 0 : Int(self.raw.pointee.size))
    }

    var hasNewExtradata: Bool {
        self.raw.pointee.side_data_elems > 0 && av_packet_get_side_data(self.raw, AV_PKT_DATA_NEW_EXTRADATA, nil) != nil
    }

    /// The codec configuration that holds from this packet on; empty when none came with it, or a longer one than `limit`.
    func newExtradata(atMost limit: Int = 1 << 16) -> [UInt8] {
        var size = 0
        guard let start = av_packet_get_side_data(self.raw, AV_PKT_DATA_NEW_EXTRADATA, &size), size > 0, size <= limit else { return [] }
        return Array(UnsafeBufferPointer(start: start, count: size))
    }

    /// A copy of the bytes.
    public var payload: ByteBuffer {
        guard let data = self.raw.pointee.data, self.raw.pointee.size > 0 else { return ByteBuffer() }
        return ByteBuffer(bytes: UnsafeRawBufferPointer(start: data, count: Int(self.raw.pointee.size)))
    }

    private static func known(_ time: Int64) -> Int64? { time == shim_AV_NOPTS_VALUE ? nil : time }
}
