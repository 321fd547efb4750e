import CFFmpeg
import Glibc
public import Media

/// Writes packets of some tracks into a container. Not thread-safe: used by one executor at a time. Letting go of it without `finish()`
/// leaves what was flushed so far, which for fragmented mp4 is a playable file.
public final class Muxer {
    private let context: UnsafeMutablePointer<AVFormatContext>
    private let output: SinkContext
    private let interrupt: Interrupt
    private var timescales: [Int32] = []
    private var isFinished = false

    /// - Parameters:
    ///   - format: FFmpeg's short name, e.g. `mp4`.
    ///   - path: where `sink` writes to, for the formats' options that read the file again (`faststart`); absolute.
    ///   - options: of the muxer, e.g. `movflags`; one that FFmpeg does not know is a failure.
    public init(
        format: String, streams: [CodecParameters], sink: any ByteSink, path: String? = nil, options: [String: String] = [:],
        interrupt: Interrupt = Interrupt()
    ) throws(AVFailure) {
        AVLog.install
        self.output = try SinkContext(sink)
        self.interrupt = interrupt
        var raw: UnsafeMutablePointer<AVFormatContext>?
        let allocated = avformat_alloc_output_context2(&raw, nil, format, nil)
        guard allocated >= 0, let context = raw else { throw AVFailure("open muxer \(format)", code: allocated) }
        self.context = context
        context.pointee.pb = self.output.raw
        // Ours to free, and never flushed packet by packet: FFmpeg's buffer is emptied at fragment ends.
        context.pointee.flags |= AVFMT_FLAG_CUSTOM_IO
        context.pointee.flush_packets = 0
        context.pointee.interrupt_callback = interrupt.callback
        if let path { context.pointee.url = av_strdup("file:" + path) }
        for stream in streams { try self.add(stream, to: format) }
        try self.writeHeader(options)
    }

    public convenience init(
        format: String, tracks: [Track], sink: any ByteSink, path: String? = nil, options: [String: String] = [:],
        interrupt: Interrupt = Interrupt()
    ) throws(AVFailure) {
        var streams: [CodecParameters] = []
        for track in tracks { streams.append(try CodecParameters(track)) }
        try self.init(format: format, streams: streams, sink: sink, path: path, options: options, interrupt: interrupt)
    }

    deinit {
        self.context.pointee.pb = nil
        avformat_free_context(self.context)
    }

    private func add(_ parameters: CodecParameters, to format: String) throws(AVFailure) {
        guard let stream = avformat_new_stream(self.context, nil) else { throw AVFailure("add stream", code: shim_averror(ENOMEM)) }
        let copied = avcodec_parameters_copy(stream.pointee.codecpar, parameters.raw)
        guard copied >= 0 else { throw AVFailure("copy codec parameters", code: copied) }
        // The tag of the container it came from means nothing here, but for HEVC: Apple's players take only `hvc1`, which FFmpeg does not choose.
        let isISO = ["mp4", "mov"].contains(format)
        stream.pointee.codecpar.pointee.codec_tag = isISO && parameters.codec == .hevc ? Self.tag("hvc1") : 0
        // WebM says the delay beside the codec's header, too, and FFmpeg takes it from here.
        if format == "webm", stream.pointee.codecpar.pointee.initial_padding == 0 {
            stream.pointee.codecpar.pointee.initial_padding = Int32(parameters.opusDelay)
        }
        stream.pointee.time_base = AVRational(num: 1, den: parameters.timescale)
        try DisplayMatrix.set(parameters.displayMatrix, of: stream)
    }

    private func writeHeader(_ options: [String: String]) throws(AVFailure) {
        var dictionary = try OptionDictionary(options)
        let result = avformat_write_header(self.context, &dictionary.raw)
        guard result >= 0 else { throw self.failure("write header", code: result) }
        if let name = dictionary.leftover {
            throw AVFailure(cause: .unsupported, operation: "write header", code: shim_AVERROR_OPTION_NOT_FOUND, text: "unknown option \(name)")
        }
        for index in 0..<Int(self.context.pointee.nb_streams) {
            guard let stream = self.context.pointee.streams[index] else { continue }
            self.timescales.append(stream.pointee.time_base.den)
        }
        try self.output.flush()
    }

    /// Streams it was made with.
    public var streamCount: Int { self.timescales.count }

    /// Ticks a second that packets of stream `index` are counted in.
    public func timescale(of index: Int) -> Int32 {
        precondition(self.timescales.indices.contains(index), "stream \(index) was never added")
        return self.timescales[index]
    }

    /// Writes a packet where it is; the caller interleaves. Decode times must rise within each stream.
    public func write(_ packet: borrowing Packet) throws(AVFailure) {
        try self.interrupt.check("write packet")
        let result = av_write_frame(self.context, packet.raw)
        guard result >= 0, self.output.failure == nil else { throw self.failure("write packet", code: result) }
    }

    /// Lets FFmpeg order the packets of all streams by decode time.
    public func writeInterleaved(_ packet: consuming Packet) throws(AVFailure) {
        try self.interrupt.check("write packet")
        let result = av_interleaved_write_frame(self.context, packet.raw)
        guard result >= 0, self.output.failure == nil else { throw self.failure("write packet", code: result) }
    }

    /// Hands what was written so far to the sink; what the format itself holds back stays.
    public func drain() throws(AVFailure) {
        try self.output.flush()
    }

    /// Changes an option of the format while it is written, such as `mpegts_flags`.
    func set(_ option: String, _ value: String) throws(AVFailure) {
        let result = av_opt_set(self.context.pointee.priv_data, option, value, 0)
        guard result >= 0 else { throw AVFailure("set \(option)", code: result) }
    }

    /// Ends the current fragment (formats with `frag_custom`) and hands everything to the sink.
    public func flushFragment() throws(AVFailure) {
        try self.interrupt.check("flush fragment")
        let result = av_write_frame(self.context, nil)
        guard result >= 0 else { throw self.failure("flush fragment", code: result) }
        try self.output.flush()
    }

    /// Writes the rest and the index. Nothing can be written afterwards.
    public func finish() throws(AVFailure) {
        guard !self.isFinished else { return }
        self.isFinished = true
        let result = av_write_trailer(self.context)
        guard result >= 0 else { throw self.failure("write trailer", code: result) }
        try self.output.flush()
    }

    /// The sink's own failure says more than the code FFmpeg made of it.
    private func failure(_ operation: String, code: Int32) -> AVFailure {
        self.output.failure ?? self.interrupt.failure(operation, code: code)
    }

    private static func tag(_ text: StaticString) -> UInt32 {
        text.withUTF8Buffer { $0.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
    }
}
