import Media

/// Which codecs a session was opened with. A platform that has begun to show one does not take another one in its place, and what must be announced
/// when connecting cannot be announced later. A value without I/O.
struct SessionCodecs {
    private var video: Codec?
    private var audio: Codec?
    /// What came last needs a session of its own.
    private(set) var isOutdated = false

    /// - Parameter tracks: what is announced.
    init(_ tracks: [Track]) {
        self.video = Self.first(.video, of: tracks)?.codec
        self.audio = Self.first(.audio, of: tracks)?.codec
    }

    /// Whether the session can go on with these. What is missing may come back.
    mutating func take(_ tracks: [Track]) -> Bool {
        let video = Self.first(.video, of: tracks)
        let audio = Self.first(.audio, of: tracks)
        self.isOutdated = !Self.fits(video, self.video) || !Self.fits(audio, self.audio)
        guard !self.isOutdated else { return false }
        self.video = video?.codec ?? self.video
        self.audio = audio?.codec ?? self.audio
        return true
    }

    private static func first(_ kind: MediaKind, of tracks: [Track]) -> Track? { tracks.first { $0.kind == kind } }

    private static func fits(_ track: Track?, _ known: Codec?) -> Bool {
        guard let track else { return true }
        guard let known else { return PushFeed.fourCCs([track]).isEmpty }
        return track.codec == known
    }
}
