import CFFmpeg
import Media

/// The chosen audio stream, passed through or transcoded to AAC.
struct AudioSource {
    private enum Way {
        case copied(AudioFeed)
        case transcoded(AudioTranscoder)
    }

    let index: Int
    let identifier: AVCodecID
    private var way: Way

    init(index: Int, stream: AVStream) throws(AVFailure) {
        self.index = index
        self.identifier = stream.codecpar.pointee.codec_id
        if let codec = Codec(identifier: self.identifier) {
            self.way = .copied(AudioFeed(index: index, codec: codec, stream: stream))
        } else {
            self.way = .transcoded(try AudioTranscoder(stream, target: .carrying(stream.codecpar.pointee)))
        }
    }

    var track: Track? {
        switch self.way {
        case .copied(let feed): feed.track
        case .transcoded(let transcoder): transcoder.track
        }
    }

    var skipped: Int {
        switch self.way {
        case .copied(let feed): feed.skipped
        case .transcoded(let transcoder): transcoder.skipped
        }
    }

    /// How many packets since the last good one.
    var damagedInARow: Int {
        if case .copied(let feed) = self.way { feed.damagedInARow } else { 0 }
    }

    /// Appends the packet's frames; true when the track is another one from them on.
    mutating func take(_ packet: borrowing Packet, slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) -> Bool {
        switch self.way {
        case .copied(var feed):
            let hasNewTrack = feed.take(packet, slab: slab, into: &frames)
            self.way = .copied(feed)
            return hasNewTrack
        case .transcoded(let transcoder):
            try transcoder.take(packet, slab: slab, into: &frames)
            return false
        }
    }

    mutating func finish(slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        if case .transcoded(let transcoder) = self.way { try transcoder.finish(slab: slab, into: &frames) }
    }
}
