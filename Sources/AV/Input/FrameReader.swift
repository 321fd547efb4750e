public import Media

/// Turns the packets of any container into frames of Martlet's one form. Used by one thread at a time.
public final class FrameReader {
    public struct Options: Sendable {
        public var video = true
        public var audio = true
        /// Sound that is neither AAC, Opus nor MP3 becomes AAC; left out otherwise.
        public var transcodesAudio = true
        /// Everything is re-encoded to this.
        public var normalTo: NormalFormat?

        public init(video: Bool = true, audio: Bool = true, transcodesAudio: Bool = true, normalTo: NormalFormat? = nil) {
            self.video = video
            self.audio = audio
            self.transcodesAudio = transcodesAudio
            self.normalTo = normalTo
        }
    }

    public enum Item: Sendable {
        /// All tracks, at the start and whenever one of them changes.
        case tracks([Track])
        case frame(EncodedFrame)
    }

    private let demuxer: Demuxer
    private let packet: Packet
    private var hasTracks = false

    /// - Throws: `unsupported` when there is nothing in the input that can be carried.
    public init(_ demuxer: Demuxer, options: Options = Options()) throws(AVFailure) {
        self.demuxer = demuxer
        self.packet = try Packet()
    }

    public var duration: MediaTime? { self.demuxer.duration }
    public var startTime: MediaTime? { self.demuxer.startTime }

    public func next() throws(AVFailure) -> Item? {
        if !self.hasTracks {
            self.hasTracks = true
            return .tracks(self.demuxer.tracks)
        }
        while try self.demuxer.read(into: self.packet) {
            guard let track = self.demuxer.tracks.first(where: { Int($0.id.rawValue) == self.packet.streamIndex }) else { continue }
            if let frame = self.packet.frame(of: track, timescale: self.demuxer.streams[self.packet.streamIndex].timescale) { return .frame(frame) }
        }
        return nil
    }

    public func seek(to time: MediaTime) throws(AVFailure) { try self.demuxer.seek(to: time) }
}
