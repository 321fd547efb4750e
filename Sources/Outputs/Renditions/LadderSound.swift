import AV
import Logging
import Media

/// The sound of a ladder's renditions: the source's own, and what is made of it once for each bit rate that is asked for. Confined to the ladder's
/// thread.
struct LadderSound {
    private let logger: Logger
    private(set) var source: Track?
    /// By bit rate; nil where the sound cannot be encoded anew, and is passed on as it is.
    private var encoders: [Int: SoundEncoder?] = [:]

    init(logger: Logger) { self.logger = logger }

    /// What follows has this track. Call `finish` before.
    mutating func begin(_ track: Track?) {
        self.source = track
        self.encoders = [:]
    }

    /// The track that a rendition of this audio bit rate has; 0 is the source's.
    mutating func track(bitrate: Int) -> Track? { self.encoder(bitrate)?.track ?? self.source }

    private mutating func encoder(_ bitrate: Int) -> SoundEncoder? {
        guard bitrate > 0, let source = self.source else { return nil }
        if let known = self.encoders[bitrate] { return known }
        do throws(AVFailure) {
            let encoder = try SoundEncoder(source, bitrate: bitrate)
            self.encoders[bitrate] = encoder
            return encoder
        } catch {
            self.logger.warning("sound is passed on as it is", metadata: ["bitrate": "\(bitrate)", "reason": "\(error)"])
            self.encoders.updateValue(nil, forKey: bitrate)
            return nil
        }
    }

    /// Gives the frame, or what has become of it, to each rendition.
    mutating func take(_ frame: EncodedFrame, for renditions: [RunningRendition]) {
        for bitrate in Set(renditions.map(\.rendition.audioBitrate)) {
            let takers = renditions.filter { $0.rendition.audioBitrate == bitrate }
            guard let encoder = self.encoder(bitrate) else {
                for taker in takers { taker.take(sound: frame) }
                continue
            }
            self.forward(takers) { frames throws(AVFailure) in try encoder.encode(frame, into: &frames) }
        }
    }

    /// What the encoders hold back.
    mutating func finish(for renditions: [RunningRendition]) {
        for (bitrate, encoder) in self.encoders {
            guard let encoder else { continue }
            self.forward(renditions.filter { $0.rendition.audioBitrate == bitrate }) { frames throws(AVFailure) in
                try encoder.finish(into: &frames)
            }
        }
        self.encoders = [:]
    }

    private func forward(_ takers: [RunningRendition], _ make: (inout [EncodedFrame]) throws(AVFailure) -> Void) {
        var frames: [EncodedFrame] = []
        do throws(AVFailure) {
            try make(&frames)
        } catch {
            // A frame that cannot be encoded is a frame less.
            self.logger.debug("sound not encoded", metadata: ["reason": "\(error)"])
        }
        for taker in takers {
            for frame in frames { taker.take(sound: frame) }
        }
    }
}
