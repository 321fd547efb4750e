import Media
import NIOCore

/// Holds back the first frames of a publisher until it is known which tracks there will be, so that readers see one set of tracks instead of a
/// change a few milliseconds in.
///
/// Done when video and audio are both known, when the source has said that only one of them will come, or after `patience` of media (or
/// `bytes` of it) without the other.
struct TrackGathering {
    private static let patience = MediaTime(milliseconds: 1_000)
    private static let bytes = 8 << 20

    private var frames: [EncodedFrame] = []
    private var size = 0
    var expectsVideo = true
    var expectsAudio = true

    enum Outcome {
        case waiting
        case complete([EncodedFrame])
    }

    mutating func add(_ frame: EncodedFrame, tracks: [Track]) -> Outcome {
        self.frames.append(frame)
        self.size += frame.payload.readableBytes
        return self.outcome(tracks: tracks)
    }

    mutating func outcome(tracks: [Track]) -> Outcome {
        guard let first = self.frames.first, let last = self.frames.last else { return .waiting }
        let hasVideo = tracks.contains { $0.kind == .video }
        let hasAudio = tracks.contains { $0.kind == .audio }
        let isComplete = (hasVideo || !self.expectsVideo) && (hasAudio || !self.expectsAudio)
        let waited = last.decodeTime - first.decodeTime
        guard isComplete || waited >= Self.patience || waited < .zero || self.size > Self.bytes else { return .waiting }
        let held = self.frames
        self.frames = []
        self.size = 0
        return .complete(held)
    }
}
