/// What `Demuxer` is to open, and how long it may take. Which addresses may be contacted is decided elsewhere; here only the protocols are limited.
public struct InputRequest: Sendable, Equatable {
    /// Complete, as libavformat takes it, credentials included.
    public var url: String
    /// FFmpeg's short name when it is known; found by probing, among `formats`, otherwise.
    public var format: String?
    /// The protocols that may be used, also by what the input refers to (nested playlists, redirects). Empty: none.
    public var protocols: [String]
    /// Options of the format or of its protocols, e.g. `rtsp_transport`. They may not widen what the other fields allow.
    public var options: [String: String]
    /// What probing may read at most, in bytes: 32 to 16 MiB.
    public var probeBytes: Int
    /// How much media probing may wait for.
    public var analyzeDuration: Duration
    /// For the whole opening, probing included.
    public var openTimeout: Duration
    /// For each single read, and for a seek. With HLS at least 30 s: live playlists give nothing between their segments.
    public var readTimeout: Duration

    public init(
        url: String, format: String? = nil, protocols: [String], options: [String: String] = [:], probeBytes: Int = 512 << 10,
        analyzeDuration: Duration = .milliseconds(1500), openTimeout: Duration = .seconds(10), readTimeout: Duration = .seconds(10)
    ) {
        self.url = url
        self.format = format
        self.protocols = protocols
        self.options = options
        self.probeBytes = probeBytes
        self.analyzeDuration = analyzeDuration
        self.openTimeout = openTimeout
        self.readTimeout = readTimeout
    }

    /// What probing may take an input for. FFmpeg knows a hundred more, among them lists that make it open other files, and rarely used parsers.
    public static let formats = [
        "rtsp", "rtp", "sdp", "flv", "live_flv", "mpegts", "hls", "mov", "matroska", "ogg", "mp3", "aac", "wav", "avi", "h264", "hevc", "ivf", "obu",
        "flac", "ac3", "eac3", "mpeg", "aiff", "asf", "w64", "av1", "mpegvideo", "m4v", "caf", "amr", "au",
    ]

    /// As FFmpeg's dictionary takes it; what limits the input stands above `options`.
    var dictionary: [String: String] {
        let microseconds = max(0, Interrupt.nanoseconds(of: self.analyzeDuration) / 1000)
        var all = [
            "probesize": "\(min(max(self.probeBytes, 32), 16 << 20))",
            "analyzeduration": "\(microseconds)",
            // The frame rate is in the parameter sets or not needed; estimating it takes 20 frames.
            "fpsprobesize": "0",
            // A ring of 5 MB otherwise, which is walked through whole: this is 0.8 MB.
            "fifo_size": "4096",
        ]
        all.merge(self.options) { _, given in given }
        // No entry in the whitelist would mean that everything is allowed.
        all["protocol_whitelist"] = self.protocols.isEmpty ? "none" : self.protocols.joined(separator: ",")
        all["format_whitelist"] = (Self.formats + (self.format.map { [$0] } ?? [])).joined(separator: ",")
        return all
    }
}
