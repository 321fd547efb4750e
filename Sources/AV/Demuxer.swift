import CFFmpeg
import Glibc
public import Media

/// Reads packets out of a file or a network peer. Not thread-safe: used by one executor at a time; its `Interrupt` may be used from anywhere.
public final class Demuxer {
    private(set) var context: UnsafeMutablePointer<AVFormatContext>?
    private let interrupt: Interrupt
    /// Freed after the context that reads from it.
    private let source: SourceContext?
    /// Nanoseconds; nil: the deadline of the interrupt is its owner's business.
    private(set) var readTimeout: Int64?
    private static let shortestPlaylistTimeout = Duration.seconds(30)
    private static let closeTimeout = Duration.milliseconds(500)
    private static let mostRetries = 1_000
    /// One for each of FFmpeg's streams, in its order; `Packet.streamIndex` counts in it. Streams that turn up later are not in it.
    public let streams: [CodecParameters]

    /// - Parameters:
    ///   - path: of a local file, absolute. No other protocol is opened, also not by what the file refers to.
    ///   - format: FFmpeg's short name when it is known; found by probing otherwise.
    public init(path: String, format: String? = nil, options: [String: String] = [:], interrupt: Interrupt = Interrupt()) throws(AVFailure) {
        let options = options.merging(["protocol_whitelist": "file"]) { _, ours in ours }
        (self.context, self.streams) = try Self.open("file:" + path, format: format, options: options, interrupt: interrupt)
        self.interrupt = interrupt
        self.source = nil
        self.readTimeout = nil
    }

    /// Reads a container out of `source`, which waits as long as it sees fit; `interrupt` ends it. The caller arms and disarms its deadlines.
    /// - Parameters:
    ///   - format: FFmpeg's short name; there is no probing.
    ///   - probeBytes: what finding the streams may read at most.
    ///   - analyzeDuration: how much media finding out what they are may wait for.
    public init(
        _ source: any ByteSource, format: String, probeBytes: Int = 512 << 10, analyzeDuration: Duration, interrupt: Interrupt
    ) throws(AVFailure) {
        let context = try SourceContext(source)
        var request = InputRequest(url: "", format: format, protocols: [])
        request.probeBytes = probeBytes
        request.analyzeDuration = analyzeDuration
        (self.context, self.streams) = try Self.open("", format: format, options: request.dictionary, interrupt: interrupt, source: context)
        self.interrupt = interrupt
        self.source = context
        self.readTimeout = nil
    }

    /// Opens what a request names. Deadlines are armed on `interrupt` for the opening and for every read, so it belongs to this input alone.
    public init(_ request: InputRequest, interrupt: Interrupt) throws(AVFailure) {
        interrupt.arm(within: request.openTimeout)
        defer { interrupt.disarm() }
        (self.context, self.streams) = try Self.open(request.url, format: request.format, options: request.dictionary, interrupt: interrupt)
        self.interrupt = interrupt
        self.source = nil
        self.readTimeout = Interrupt.nanoseconds(of: request.readTimeout)
        // Between two segments of a live playlist nothing comes, for as long as a segment is.
        if self.formatName.hasPrefix("hls") {
            self.readTimeout = Interrupt.nanoseconds(of: max(request.readTimeout, Self.shortestPlaylistTimeout))
        }
    }

    private static func open(
        _ url: String, format: String?, options: [String: String], interrupt: Interrupt, source: SourceContext? = nil
    ) throws(AVFailure) -> (UnsafeMutablePointer<AVFormatContext>, [CodecParameters]) {
        AVLog.install
        // FFmpeg would not ask before its first wait.
        try interrupt.check("open input")
        var dictionary = try OptionDictionary(options)
        let input = format.flatMap { av_find_input_format($0) }
        if let format, input == nil {
            throw AVFailure(cause: .unsupported, operation: "open input", code: shim_AVERROR_DEMUXER_NOT_FOUND, text: "no format \(format)")
        }
        guard let raw = avformat_alloc_context() else { throw AVFailure("open input", code: shim_averror(ENOMEM)) }
        raw.pointee.interrupt_callback = interrupt.callback
        if let source {
            raw.pointee.pb = source.raw
            raw.pointee.flags |= AVFMT_FLAG_CUSTOM_IO
        }
        var opened: UnsafeMutablePointer<AVFormatContext>? = raw
        AVLog.forgetNameFailure()
        let result = avformat_open_input(&opened, url, input, &dictionary.raw)
        // On failure the context is already freed.
        guard result >= 0, let context = opened else { throw Self.named(interrupt.failure("open input", code: result)) }
        var found: [CodecParameters] = []
        do throws(AVFailure) {
            let info = avformat_find_stream_info(context, nil)
            guard info >= 0 else { throw interrupt.failure("read stream info", code: info) }
            // Interrupted probing may still end well, with whatever was found.
            try interrupt.check("read stream info")
            for index in 0..<Int(context.pointee.nb_streams) {
                guard let stream = context.pointee.streams[index] else { continue }
                found.append(
                    try CodecParameters(
                        copying: stream.pointee.codecpar, timescale: stream.pointee.time_base.den, displayMatrix: DisplayMatrix.of(stream)))
            }
        } catch {
            avformat_close_input(&opened)
            throw error
        }
        return (context, found)
    }

    /// FFmpeg reports a name that does not resolve as an I/O error, and says what it was only in its log.
    private static func named(_ failure: AVFailure) -> AVFailure {
        guard AVLog.forgetNameFailure(), failure.cause == .library else { return failure }
        var failure = failure
        failure.peer = .nameNotFound
        failure.text = "name not found"
        return failure
    }

    deinit {
        // Closing says goodbye to some peers.
        if self.readTimeout != nil { self.interrupt.arm(within: Self.closeTimeout) }
        avformat_close_input(&self.context)
        self.interrupt.disarm()
    }

    /// The container's name, e.g. `mov,mp4,m4a,3gp,3g2,mj2`.
    public var formatName: String {
        guard let name = self.context?.pointee.iformat?.pointee.name else { return "" }
        return String(cString: name)
    }

    /// nil when the input does not say.
    public var duration: MediaTime? {
        guard let duration = self.known(self.context?.pointee.duration), duration > .zero else { return nil }
        return duration
    }

    /// When the earliest stream starts to be shown; nil when the input does not say.
    public var startTime: MediaTime? { self.known(self.context?.pointee.start_time) }

    /// It arrives in real time by itself: it has no length, or comes by RTP.
    public var isLive: Bool { self.duration == nil || ["rtsp", "rtp", "sdp"].contains(self.formatName) }

    /// Whether `seek` can work: the input has a length and can be read from anywhere.
    public var isSeekable: Bool {
        guard let context = self.context, self.duration != nil, context.pointee.ctx_flags & AVFMTCTX_UNSEEKABLE == 0 else { return false }
        guard let io = context.pointee.pb else { return !self.isLive }
        return self.formatName.hasPrefix("hls") || io.pointee.seekable & AVIO_SEEKABLE_NORMAL != 0
    }

    /// The tracks Martlet can carry, numbered as `streams` is.
    public var tracks: [Track] {
        self.streams.enumerated().compactMap { index, stream in
            UInt8(exactly: index).flatMap { stream.track(id: TrackID(rawValue: $0)) }
        }
    }

    /// The next packet of any stream into `packet`; false at the end of the input.
    public func read(into packet: borrowing Packet) throws(AVFailure) -> Bool {
        if let timeout = self.readTimeout {
            if self.interrupt.isCancelled { throw self.interrupt.failure("read packet", code: shim_AVERROR_EXIT) }
            self.interrupt.arm(withinNanoseconds: timeout)
        } else {
            try self.interrupt.check("read packet")
        }
        defer { if self.readTimeout != nil { self.interrupt.disarm() } }
        av_packet_unref(packet.raw)
        var result = av_read_frame(self.context, packet.raw)
        var retries = 0
        while result == shim_averror(EAGAIN), retries < Self.mostRetries, self.interrupt.cause == nil {
            result = av_read_frame(self.context, packet.raw)
            retries += 1
        }
        if result >= 0 { return true }
        // Some formats call every end of their bytes the end of the file.
        if result == shim_AVERROR_EOF, self.interrupt.cause == nil {
            guard let error = self.context?.pointee.pb?.pointee.error, error < 0, error != shim_AVERROR_EOF else { return false }
            result = error
        }
        // What has no length ends when the peer closes; FFmpeg's HTTP takes that for a loss.
        if result == shim_averror(EIO), self.interrupt.cause == nil, let io = self.context?.pointee.pb, avio_size(io) < 0 { return false }
        throw self.interrupt.failure("read packet", code: result)
    }

    /// Goes on reading at or, as far as the format allows, before `time`, counted from the input's start. Not exact: see `FrameReader.seek(to:)`.
    /// - Throws: `unsupported` when the input cannot be seeked in.
    public func seek(to time: MediaTime) throws(AVFailure) {
        guard self.isSeekable else { throw AVFailure(cause: .unsupported, operation: "seek", text: "the input cannot be seeked in") }
        if let timeout = self.readTimeout { self.interrupt.arm(withinNanoseconds: timeout) }
        defer { if self.readTimeout != nil { self.interrupt.disarm() } }
        // Transport streams are searched by time, and before their first packet there is none.
        if time <= .zero, self.searchesByTime, av_seek_frame(self.context, -1, 0, AVSEEK_FLAG_BYTE) >= 0 { return }
        let target = max(time, .zero) + (self.startTime ?? .zero)
        let stream = av_find_best_stream(self.context, AVMEDIA_TYPE_VIDEO, -1, -1, nil, 0)
        var ticks = target.microseconds
        if stream >= 0, let base = self.timeBase(of: Int(stream)) {
            ticks = av_rescale_q_rnd(ticks, shim_time_base_q(), base, AV_ROUND_DOWN)
        }
        var result = av_seek_frame(self.context, stream >= 0 ? stream : -1, ticks, AVSEEK_FLAG_BACKWARD)
        // Before a first keyframe there is nothing to go back to.
        if result < 0, self.interrupt.cause == nil { result = av_seek_frame(self.context, stream >= 0 ? stream : -1, ticks, 0) }
        guard result >= 0 else { throw self.interrupt.failure("seek", code: result) }
    }

    /// It has no index of its keyframes, so a seek ends anywhere near its target.
    var hasNoIndex: Bool { (self.context?.pointee.iformat?.pointee.flags ?? 0) & AVFMT_TS_DISCONT != 0 }

    private var searchesByTime: Bool { self.hasNoIndex && (self.context?.pointee.iformat?.pointee.flags ?? 0) & AVFMT_NO_BYTE_SEEK == 0 }

    /// Seconds per tick of a stream's packets.
    func timeBase(of index: Int) -> AVRational? {
        guard let context = self.context, index >= 0, index < Int(context.pointee.nb_streams) else { return nil }
        return context.pointee.streams[index]?.pointee.time_base
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
