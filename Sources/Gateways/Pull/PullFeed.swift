import Media
import NIOCore
import Streams

/// The end of the hub that a pull's thread holds: publishes from the first frame on, and announces tracks in the same place as the frames that
/// need them.
final class PullFeed {
    private let pull: RunningPull
    private let generation: UInt64
    private var publisher: Publisher?
    private var announced = AnnouncedTracks()
    /// Of the frames that follow; not announced before one of them comes.
    private var due: [Track]?

    init(_ pull: RunningPull, generation: UInt64) {
        self.pull = pull
        self.generation = generation
    }

    /// The frames that follow are of these tracks.
    func expect(_ tracks: [Track]) { self.due = tracks }

    /// The announced sound, for items that have none.
    var sound: Track? { self.announced.tracks.first { $0.id == .audio } }

    /// False when the pull was stopped meanwhile.
    /// - Throws: when somebody else publishes to the stream.
    func send(_ frame: EncodedFrame, index: Int) throws(PullFailure) -> Bool {
        if self.publisher == nil {
            guard let publisher = try self.pull.goLive(generation: self.generation, index: index) else { return false }
            self.publisher = publisher
        }
        if let tracks = self.due { self.announce(tracks) }
        self.publisher?.publish(frame, now: .now())
        return true
    }

    private func announce(_ tracks: [Track]) {
        self.due = nil
        if self.announced.tracks.isEmpty {
            self.publisher?.expect(video: tracks.contains { $0.kind == .video }, audio: tracks.contains { $0.kind == .audio })
        }
        // Sound that is missing is made up (`SilentFrames`) or has an end soon; but who waits for an original would wait for the sound, too.
        let hasOriginal = tracks.contains { $0.id == .originalAudio }
        let gone: TrackID? = !hasOriginal && self.announced.withdraw(.originalAudio) ? .originalAudio : nil
        self.publisher?.announce(self.announced.take(tracks), withdrawing: gone)
    }

    /// A decoder that was set up for one goes on with the other. What a container says beside the record, a rounded frame rate above all, may differ.
    static func areInterchangeable(_ one: Track, _ other: Track) -> Bool {
        guard one.codec == other.codec, self.essence(of: one) == self.essence(of: other), one.video?.turn == other.video?.turn else { return false }
        return !one.configuration.isEmpty || one.format == other.format
    }

    /// mp4 writes behind an AudioSpecificConfig that there is no SBR (ISO/IEC 14496-3 §1.6.6.2), where ADTS has no room to.
    private static func essence(of track: Track) -> ArraySlice<UInt8> {
        let configuration = track.configuration[...]
        let isPlain = track.codec == .aac && configuration.count == 5 && configuration.suffix(3).elementsEqual([0x56, 0xe5, 0x00])
        return isPlain ? configuration.dropLast(3) : configuration
    }
}
