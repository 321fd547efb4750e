import Media
import NIOCore

/// Sound that waits for the pictures of its time: encoders give those later, and who joins at a keyframe wants the sound that belongs to it.
struct SoundHold {
    /// Pictures that come later than this are not waited for.
    static let patience = MediaTime(milliseconds: 3_000)

    private var frames = CircularBuffer<EncodedFrame>()

    mutating func add(_ frame: EncodedFrame) { self.frames.append(frame) }

    /// Of everything before `time`, oldest first; one after the other.
    mutating func next(before time: MediaTime) -> EncodedFrame? {
        guard let first = self.frames.first, first.decodeTime < time else { return nil }
        return self.frames.removeFirst()
    }

    /// What has waited too long, one after the other.
    mutating func nextOverdue() -> EncodedFrame? {
        guard let newest = self.frames.last?.decodeTime else { return nil }
        return self.next(before: newest - Self.patience)
    }

    /// All that is left, one after the other.
    mutating func nextOfAll() -> EncodedFrame? { self.frames.popFirst() }
}
