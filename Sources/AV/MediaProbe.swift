public import Media

/// What a media file holds, as its container says.
public struct MediaProbe: Sendable {
    public let formatName: String
    /// nil when the file does not say.
    public let duration: MediaTime?
    /// The tracks of codecs Martlet carries.
    public let tracks: [Track]
    /// All streams, also those of other codecs.
    public let streamCount: Int

    /// Reads the head of a local file; blocks.
    public init(path: String, interrupt: Interrupt = Interrupt()) throws(AVFailure) {
        let demuxer = try Demuxer(path: path, interrupt: interrupt)
        self.formatName = demuxer.formatName
        self.duration = demuxer.duration
        self.tracks = demuxer.tracks
        self.streamCount = demuxer.streams.count
    }
}
