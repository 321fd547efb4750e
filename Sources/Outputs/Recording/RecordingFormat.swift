import AV
import Media
import Streams

/// The containers a recording can have. Its raw value is the extension of the file, and FFmpeg's name of the format.
public enum RecordingFormat: String, Sendable, CaseIterable {
    case mp4
    case webM = "webm"

    /// Whether the container takes the track, and FFmpeg's writer with it. What it does not take of a webm's pictures and sound is encoded anew.
    func holds(_ track: Track) -> Bool {
        let hasRate = (track.audio?.sampleRate ?? 0) > 0
        return switch (self, track.codec) {
        case (.mp4, .h264), (.mp4, .hevc), (.mp4, .av1), (.mp4, .vp9): true
        case (.mp4, .aac), (.mp4, .opus), (.mp4, .mp3): hasRate
        case (.mp4, .vp8), (.mp4, .vorbis): false
        case (.webM, .vp8), (.webM, .vp9), (.webM, .av1): true
        case (.webM, .opus), (.webM, .vorbis): hasRate
        case (.webM, .h264), (.webM, .hevc), (.webM, .aac), (.webM, .mp3): false
        }
    }

    /// Of a stream, what the container can be made of with the least loss.
    var view: StreamView {
        switch self {
        case .mp4: .universal
        case .webM: .originals
        }
    }

    /// Of the muxer, for a file that can be read up to its last piece at any moment.
    var growingOptions: [String: String] {
        switch self {
        case .mp4:
            // Fragments are ended by us; tracks may begin later than zero and must stay there (frag_discont), which needs no edit lists.
            [
                "movflags": "+empty_moov+default_base_moof+frag_custom+frag_discont", "use_editlist": "0", "avoid_negative_ts": "disabled",
            ]
        case .webM:
            // Nothing is written twice: a segment of unknown length, and clusters that say how long they are.
            ["live": "1", "avoid_negative_ts": "disabled"]
        }
    }

    var finished: Remux.Format {
        switch self {
        case .mp4: .mp4
        case .webM: .webM
        }
    }
}
