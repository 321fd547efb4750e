import CFFmpeg
import Glibc
public import Media

/// Reads packets out of a file. Not thread-safe: used by one executor at a time; its `Interrupt` may be used from anywhere.
public final class Demuxer {
    private var context: UnsafeMutablePointer<AVFormatContext>?
    private let interrupt: Interrupt
    /// One for each of FFmpeg's streams, in its order; `Packet.streamIndex` counts in it.
    public let streams: [CodecParameters]

    /// - Parameters:
    ///   - path: of a local file, absolute. No other protocol is opened, also not by what the file refers to.
    ///   - format: FFmpeg's short name when it is known; found by probing otherwise.
    public init(path: String, format: String? = nil, options: [String: String] = [:], interrupt: Interrupt = Interrupt()) throws(AVFailure) {
        AVLog.install
        self.interrupt = interrupt
        guard var raw = avformat_alloc_context() as UnsafeMutablePointer<AVFormatContext>? else {
            throw AVFailure("open input", code: shim_averror(ENOMEM))
        }
        raw.pointee.interrupt_callback = interrupt.callback
        var dictionary = try Self.dictionary(options, freeing: raw)
        var opened: UnsafeMutablePointer<AVFormatContext>? = raw
        let result = avformat_open_input(&opened, "file:" + path, format.flatMap { av_find_input_format($0) }, &dictionary.raw)
        // On failure the context is already freed.
        guard result >= 0, let context = opened else { throw interrupt.failure("open input", code: result) }
        raw = context
        var found: [CodecParameters] = []
        do throws(AVFailure) {
            let info = avformat_find_stream_info(raw, nil)
            guard info >= 0 else { throw interrupt.failure("read stream info", code: info) }
            for index in 0..<Int(raw.pointee.nb_streams) {
                guard let stream = raw.pointee.streams[index] else { continue }
                found.append(try CodecParameters(copying: stream.pointee.codecpar, timescale: stream.pointee.time_base.den))
            }
        } catch {
            avformat_close_input(&opened)
            throw error
        }
        self.streams = found
        self.context = raw
    }

    private static func dictionary(
        _ options: [String: String], freeing context: UnsafeMutablePointer<AVFormatContext>
    ) throws(AVFailure) -> OptionDictionary {
        do throws(AVFailure) {
            return try OptionDictionary(options.merging(["protocol_whitelist": "file"]) { _, ours in ours })
        } catch {
            avformat_free_context(context)
            throw error
        }
    }

    deinit { avformat_close_input(&self.context) }

    /// The container's name, e.g. `mov,mp4,m4a,3gp,3g2,mj2`.
    public var formatName: String {
        guard let name = self.context?.pointee.iformat?.pointee.name else { return "" }
        return String(cString: name)
    }

    /// nil when the file does not say.
    public var duration: MediaTime? { self.known(self.context?.pointee.duration) }

    /// When the earliest stream starts to be shown; nil when the file does not say.
    public var startTime: MediaTime? { self.known(self.context?.pointee.start_time) }

    /// The tracks Martlet can carry, numbered as `streams` is.
    public var tracks: [Track] {
        self.streams.enumerated().compactMap { index, stream in
            UInt8(exactly: index).flatMap { stream.track(id: TrackID(rawValue: $0)) }
        }
    }

    /// The next packet of any stream into `packet`; false at the end of the file.
    public func read(into packet: borrowing Packet) throws(AVFailure) -> Bool {
        try self.interrupt.check("read packet")
        av_packet_unref(packet.raw)
        let result = av_read_frame(self.context, packet.raw)
        if result == shim_AVERROR_EOF { return false }
        guard result >= 0 else { throw self.interrupt.failure("read packet", code: result) }
        return true
    }

    private func known(_ microseconds: Int64?) -> MediaTime? {
        guard let microseconds, microseconds != shim_AV_NOPTS_VALUE else { return nil }
        return MediaTime(microseconds: microseconds)
    }
}

extension Packet {
    /// As a frame of `track`, with times in microseconds; nil when the file gives the packet no time.
    public borrowing func frame(of track: Track, timescale: Int32) -> EncodedFrame? {
        guard let decode = self.decodeTime ?? self.presentationTime, timescale > 0 else { return nil }
        let decodeTime = MediaTime(ticks: decode, timescale: UInt32(timescale))
        let presentationTime = MediaTime(ticks: self.presentationTime ?? decode, timescale: UInt32(timescale))
        return EncodedFrame(
            track: track.id, kind: track.kind, isKeyframe: track.kind == .audio || self.isKeyframe, decodeTime: decodeTime,
            compositionOffset: presentationTime - decodeTime, payload: self.payload)
    }
}
