import AV
import Logging
import Media
import Streams

/// Makes of a stream's frames those that a webm holds: VP8, VP9, AV1, Opus and Vorbis pass as they are, to the last bit; everything else is decoded and
/// encoded in real time. One for the tracks of a file. Confined to the recorder's thread.
final class WebMConversion {
    /// How far the thread stands back for those that serve the stream, once it encodes pictures.
    private static let niceness = 10

    /// Of the stream.
    let sources: [Track]
    /// Of the file.
    private(set) var tracks: [Track] = []
    private var pictures: (track: TrackID, conversion: PictureConversion)?
    private var sound: (track: TrackID, encoder: SoundEncoder)?
    private var passed: Set<TrackID> = []
    private let logger: Logger

    /// Tracks that cannot be decoded are left out. Whoever makes one whose pictures are encoded has an `EncoderPlace` for it.
    init(_ sources: [Track], of stream: Stream, encoding: WebMEncoding, logger: Logger) {
        self.sources = sources
        self.logger = logger
        for source in sources {
            if RecordingFormat.webM.holds(source) {
                self.passed.insert(source.id)
                self.tracks.append(source)
            } else {
                self.convert(source, of: stream, encoding)
            }
        }
    }

    /// The first track of each kind; there are no others in what is published.
    private func convert(_ source: Track, of stream: Stream, _ encoding: WebMEncoding) {
        guard !self.tracks.contains(where: { $0.kind == source.kind }) else { return }
        do throws(AVFailure) {
            switch source.kind {
            case .video:
                let conversion = try PictureConversion(source, of: stream, encoding: encoding)
                WorkPriority.standBack(Self.niceness)
                self.pictures = (source.id, conversion)
                self.tracks.append(conversion.output)
            case .audio:
                let encoder = try SoundEncoder(source, bitrate: encoding.audioBitrate, codec: .opus)
                self.sound = (source.id, encoder)
                self.tracks.append(encoder.track)
            }
        } catch {
            self.logger.warning("A track cannot be recorded", metadata: ["codec": "\(source.codec.rawValue)", "reason": "\(error)"])
        }
    }

    var encodesPictures: Bool { self.pictures != nil }
    /// Pictures that were left out because the machine could not keep up.
    var dropped: Int { self.pictures?.conversion.dropped ?? 0 }

    /// Frames of `tracks` can go on in the same file.
    func continues(with tracks: [Track]) -> Bool {
        tracks.count == self.sources.count && zip(self.sources, tracks).allSatisfy { $0.goesOn(as: $1) }
    }

    /// Nothing later than this is wanted.
    func stop(at time: MediaTime) { self.pictures?.conversion.stopTime = time }

    /// Appends the frames that are ready.
    func take(_ frame: EncodedFrame, into frames: inout [EncodedFrame]) throws(AVFailure) {
        if self.passed.contains(frame.track) {
            frames.append(frame)
        } else if let pictures = self.pictures, frame.track == pictures.track {
            try pictures.conversion.take(frame, into: &frames)
        } else if let sound = self.sound, frame.track == sound.track {
            try sound.encoder.encode(frame, into: &frames)
        }
    }

    /// Frames were lost before they came here.
    func noteLost(_ count: Int) { self.pictures?.conversion.noteLost(count) }

    /// Other frames follow than were to be expected: appends what is still of those before.
    func resynchronise(into frames: inout [EncodedFrame]) throws(AVFailure) {
        try self.pictures?.conversion.resynchronise(into: &frames)
    }

    /// What is held back; it takes nothing more.
    func finish(into frames: inout [EncodedFrame]) throws(AVFailure) {
        try self.pictures?.conversion.finish(into: &frames)
        try self.sound?.encoder.finish(into: &frames)
    }
}
