import CFFmpeg
import Media

/// Streams that turn up while an input is read: a transport stream's new tables, a second variant of a live source.
struct Newcomers {
    /// Packets in a row without one of the stream that is to be replaced.
    private static let patience = 25

    private struct Candidate {
        var index: Int?
        var packets = 0
    }

    private var video = Candidate()
    private var audio = Candidate()

    /// True when the stream takes the place of the chosen one of its kind: there is none, or nothing comes from it any more.
    mutating func shouldAdopt(
        _ index: Int, _ stream: AVStream, _ choice: StreamChoice, _ options: FrameReader.Options, _ demuxer: Demuxer
    ) -> Bool {
        guard index >= demuxer.streams.count else { return false }
        let isVideo = StreamChoice.isUsable(stream, .video, options) && options.video
        let isAudio = StreamChoice.isUsable(stream, .audio, options) && options.audio
        guard isVideo || isAudio else { return false }
        if (isVideo ? choice.video : choice.audio) == nil { return true }
        return isVideo ? Self.count(index, &self.video) : Self.count(index, &self.audio)
    }

    /// The chosen stream of a kind is alive.
    mutating func saw(_ kind: MediaKind) {
        if kind == .video { self.video.packets = 0 } else { self.audio.packets = 0 }
    }

    private static func count(_ index: Int, _ candidate: inout Candidate) -> Bool {
        if candidate.index != index { candidate = Candidate(index: index) }
        candidate.packets += 1
        return candidate.packets >= Self.patience
    }
}
