import AV
import Media
import NIOCore

/// Shows a slate over and over in real time. A value without I/O.
struct SlatePlayer {
    /// Further behind than that it is not caught up with: what is late has been missed.
    static let longestCatchUp = TimeAmount.seconds(5)

    let loop: PictureLoop
    /// What it stands in for.
    let track: TrackID
    /// Of the first frame, in what is sent.
    private let start: MediaTime
    private var startedAt: NIODeadline
    private var shown: Int64 = 0

    /// - Parameters:
    ///   - start: of the first frame, in what is sent.
    ///   - startedAt: when that would have been shown; may have been.
    init(_ loop: PictureLoop, as track: TrackID, at start: MediaTime, startedAt: NIODeadline) {
        self.loop = loop
        self.track = track
        self.start = start
        self.startedAt = startedAt
    }

    private func time(of number: Int64) -> MediaTime { MediaTime(ticks: number, timescale: UInt32(clamping: max(self.loop.frameRate, 1))) }

    /// The next frame, if it is due.
    mutating func next(now: NIODeadline) -> EncodedFrame? {
        guard !self.loop.frames.isEmpty else { return nil }
        let time = self.time(of: self.shown)
        var late = now - self.startedAt - .microseconds(time.microseconds)
        if late > Self.longestCatchUp {
            self.startedAt = self.startedAt + (late - Self.longestCatchUp)
            late = Self.longestCatchUp
        }
        guard late >= .zero else { return nil }
        let frame = self.loop.frames[Int(self.shown % Int64(self.loop.frames.count))]
        self.shown += 1
        return EncodedFrame(
            track: self.track, kind: .video, isKeyframe: frame.isKeyframe, decodeTime: self.start + time, payload: frame.payload)
    }
}
