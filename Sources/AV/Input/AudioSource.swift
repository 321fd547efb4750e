import CFFmpeg
import Media

/// The chosen audio stream, passed through or transcoded to AAC, with the original beside that where somebody can use it.
struct AudioSource {
    let index: Int
    let identifier: AVCodecID
    /// Passes through what can be carried; nil when it is transcoded. In its place for every packet, which an enumeration's payload is not.
    private var feed: AudioFeed?
    private let transcoder: AudioTranscoder?
    private var original: OriginalFeed?
    /// The original is another one, which is still to be told.
    private var hasNews = false

    init(index: Int, stream: AVStream, keepsOriginal: Bool) throws(AVFailure) {
        self.index = index
        self.identifier = stream.codecpar.pointee.codec_id
        if let codec = Codec(carried: self.identifier) {
            self.feed = AudioFeed(index: index, codec: codec, stream: stream)
            self.transcoder = nil
        } else {
            self.transcoder = try AudioTranscoder(stream, target: .carrying(stream.codecpar.pointee))
            if keepsOriginal { self.original = OriginalFeed(stream) }
        }
    }

    /// Those that are known.
    var tracks: [Track] { [self.transcoder.map(\.track) ?? self.feed?.track, self.original?.track].compactMap { $0 } }

    /// Of `tracks`, once they are known.
    var trackIDs: Set<TrackID> { self.original == nil ? [.audio] : [.audio, .originalAudio] }

    var skipped: Int { self.transcoder?.skipped ?? self.feed?.skipped ?? 0 }

    /// How many packets since the last good one.
    var damagedInARow: Int { self.feed?.damagedInARow ?? 0 }

    /// Appends the packet's frames; true when the track is another one from them on.
    mutating func take(_ packet: borrowing Packet, slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) -> Bool {
        guard let transcoder = self.transcoder else { return self.feed?.take(packet, slab: slab, into: &frames) ?? false }
        if self.original?.take(packet, into: &frames) == true { self.hasNews = true }
        let start = frames.count
        try transcoder.take(packet, slab: slab, into: &frames)
        self.follow(&frames, from: start)
        defer { self.hasNews = false }
        return self.hasNews
    }

    mutating func finish(slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        let start = frames.count
        try self.transcoder?.finish(slab: slab, into: &frames)
        self.follow(&frames, from: start)
        self.original?.finish(into: &frames)
    }

    private mutating func follow(_ frames: inout [EncodedFrame], from start: Int) {
        guard self.original != nil, let format = self.transcoder?.track.audio else { return }
        let duration = MediaTime(ticks: Int64(format.samplesPerPacket ?? 1024), timescale: UInt32(clamping: format.sampleRate))
        self.original?.follow(&frames, from: start, each: duration)
    }
}
