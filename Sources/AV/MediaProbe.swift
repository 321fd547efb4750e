public import Media

/// What an input holds, as its container says.
public struct MediaProbe: Sendable {
    public let formatName: String
    /// nil when the input does not say, as live ones do not.
    public let duration: MediaTime?
    /// The tracks of codecs Martlet carries.
    public let tracks: [Track]
    /// All streams, also those of other codecs.
    public let streamCount: Int
    public let isSeekable: Bool
    /// A moving picture in it has been decoded; only `FileCheck` tries.
    public var hasPicture = false

    /// Reads the head of a local file; blocks.
    public init(path: String, interrupt: Interrupt = Interrupt()) throws(AVFailure) {
        self.init(try Demuxer(path: path, interrupt: interrupt))
    }

    public init(formatName: String, duration: MediaTime?, tracks: [Track], streamCount: Int, isSeekable: Bool) {
        self.formatName = formatName
        self.duration = duration
        self.tracks = tracks
        self.streamCount = streamCount
        self.isSeekable = isSeekable
    }

    init(_ demuxer: Demuxer) {
        self.init(
            formatName: demuxer.formatName, duration: demuxer.duration, tracks: demuxer.tracks, streamCount: demuxer.streams.count,
            isSeekable: demuxer.isSeekable)
    }

    /// Opens an input, looks at it, closes it; blocks, at most as long as the request's `openTimeout`.
    /// - Throws: `unsupported` also when there is nothing in it but subtitles or data, which may have a length, too.
    public static func run(_ request: InputRequest, interrupt: Interrupt = Interrupt()) throws(AVFailure) -> MediaProbe {
        let demuxer = try Demuxer(request, interrupt: interrupt)
        guard demuxer.streams.contains(where: { $0.isVideoOrAudio }) else {
            throw AVFailure(cause: .unsupported, operation: "read stream info", text: "neither video nor audio in it")
        }
        return MediaProbe(demuxer)
    }
}
