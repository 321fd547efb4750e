import CFFmpeg
import Media

/// Streams that turn up while an input is read: a transport stream's new tables, a second variant of a live source.
struct Newcomers {
    /// Packets in a row without one of the stream that is to be replaced.
    private static let patience = 25

    private var index: Int?
    private var kind = MediaKind.video
    private var packets = 0

    /// True when the stream takes the place of the chosen one of its kind: there is none, or nothing comes from it any more.
    mutating func shouldAdopt(
        _ index: Int, _ stream: AVStream, _ choice: StreamChoice, _ options: FrameReader.Options, _ demuxer: Demuxer
    ) -> Bool {
        guard index >= demuxer.streams.count else { return false }
        let isVideo = StreamChoice.isUsable(stream, .video, options) && options.video
        let isAudio = StreamChoice.isUsable(stream, .audio, options) && options.audio
        guard isVideo || isAudio else { return false }
        if (isVideo ? choice.video : choice.audio) == nil { return true }
        if self.index != index { (self.index, self.kind, self.packets) = (index, isVideo ? .video : .audio, 0) }
        self.packets += 1
        return self.packets >= Self.patience
    }

    /// The chosen stream of a kind is alive.
    mutating func saw(_ kind: MediaKind) {
        if kind == self.kind { self.packets = 0 }
    }
}
