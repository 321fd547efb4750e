public import Media
public import NIOCore

/// The right to publish to a stream. When another publisher has replaced it, what it still sends is ignored, by generation.
///
/// Calls must come from one thread at a time, in order: the event loop or job that receives the frames. Letting go of it ends the publish as lost.
public final class Publisher: Sendable {
    public let stream: Stream
    public let generation: UInt64

    init(stream: Stream, generation: UInt64) {
        self.stream = stream
        self.generation = generation
    }

    deinit {
        self.stream.end(.lost, generation: self.generation, now: .now())
    }

    /// Adds a track, or replaces the one with the same id. Announcing an equal track again does nothing.
    public func announce(_ track: Track) {
        self.stream.announce([track], withdrawing: nil, generation: self.generation)
    }

    /// The same for several tracks that change at one point, so that readers see one change. Tracks that are not named stay, but for `gone`.
    public func announce(_ tracks: [Track], withdrawing gone: TrackID? = nil) {
        self.stream.announce(tracks, withdrawing: gone, generation: self.generation)
    }

    /// What the source says will come, before frames do: the stream need not wait for the other kind then.
    public func expect(video: Bool, audio: Bool) {
        self.stream.expect(video: video, audio: audio, generation: self.generation)
    }

    /// Passes a frame on. Its times are as the source stamped them; the stream's timeline repairs them.
    public func publish(_ frame: EncodedFrame, now: NIODeadline) {
        self.stream.publish(frame, generation: self.generation, now: now)
    }

    /// Ends the publish; later calls do nothing.
    public func end(_ reason: PublishEnd) {
        self.stream.end(reason, generation: self.generation, now: .now())
    }
}
