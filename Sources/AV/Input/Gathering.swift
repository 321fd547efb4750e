import Media
import NIOCore

/// Holds frames back until every track is known, then says so before them. A track that does not come is waited for a while only.
struct Gathering {
    private static let longest = MediaTime(milliseconds: 5_000)
    private static let mostFrames = 1_000
    private static let mostBytes = 2 << 20
    /// Sound this much earlier than a keyframe is played with it.
    private static let lead = MediaTime(milliseconds: 100)

    private var expectsVideo = false
    private var expectsAudio = false
    private var held: [EncodedFrame] = []
    private var heldBytes = 0
    private var announced: [Track] = []
    private var mayHaveChanged = false
    private var isGathering = true

    /// Nothing is held and nothing to be told: frames go straight on.
    var isIdle: Bool { !self.isGathering && !self.mayHaveChanged }
    var hasAnnounced: Bool { !self.announced.isEmpty }

    mutating func expects(video: Bool, audio: Bool) {
        self.expectsVideo = video
        self.expectsAudio = audio
    }

    /// After a seek: what was announced stays announced.
    mutating func restart() {
        self.held.removeAll()
        self.heldBytes = 0
        self.isGathering = true
    }

    mutating func tracksChanged() { self.mayHaveChanged = true }

    /// `tracks` are those known now; `hasStarted` and `joinedLate` are about the video.
    mutating func take(
        _ frame: EncodedFrame, tracks: @autoclosure () -> [Track], hasStarted: Bool, joinedLate: Bool, output: (FrameReader.Item) -> Void
    ) {
        guard self.isGathering else {
            if self.mayHaveChanged { self.announce(tracks(), output) }
            return output(.frame(frame))
        }
        if frame.kind == .video, frame.isKeyframe, joinedLate {
            // The sound of pictures that could not be shown.
            self.held.removeAll { $0.kind == .audio && $0.decodeTime + Self.lead < frame.decodeTime }
        }
        self.held.append(frame)
        self.heldBytes += frame.payload.readableBytes
        let known = tracks()
        let isComplete =
            (!self.expectsVideo || (hasStarted && known.contains { $0.kind == .video }))
            && (!self.expectsAudio || known.contains { $0.kind == .audio })
        if isComplete || self.hasWaitedEnough { self.release(known, output) }
    }

    /// The end of the input: what is known is all there is.
    mutating func finish(tracks: [Track], output: (FrameReader.Item) -> Void) {
        if self.isGathering, !self.held.isEmpty { self.release(tracks, output) }
    }

    private var hasWaitedEnough: Bool {
        guard let first = self.held.first, let last = self.held.last else { return false }
        return self.held.count >= Self.mostFrames || self.heldBytes >= Self.mostBytes || last.decodeTime - first.decodeTime >= Self.longest
    }

    private mutating func release(_ tracks: [Track], _ output: (FrameReader.Item) -> Void) {
        guard !tracks.isEmpty else { return }
        self.isGathering = false
        self.announce(tracks, output)
        for frame in self.held { output(.frame(frame)) }
        self.held = []
        self.heldBytes = 0
    }

    private mutating func announce(_ tracks: [Track], _ output: (FrameReader.Item) -> Void) {
        self.mayHaveChanged = false
        guard tracks != self.announced else { return }
        self.announced = tracks
        output(.tracks(tracks))
    }
}
