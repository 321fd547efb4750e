import Media
import NIOCore
import RTMP
import Streams

/// Turns what a stream gives into the RTMP messages of one publish: metadata and sequence headers first, then frames from a keyframe on, with
/// times that start at 0. One per connection; a value without I/O.
///
/// Only the first video and the first audio track are sent: RTMP readers that do not know of further tracks mistake them for the main one.
struct PushFeed {
    /// So much sound without a single picture means that the announced video does not come: the push begins without it.
    private static let patience = MediaTime(milliseconds: 3_000)

    private let messageStreamID: UInt32
    private let chunkSize: Int
    private var video: Track?
    private var audio: Track?
    /// What the stream's clock says at this connection's 0; nil until a frame that a player can start at.
    private var zero: MediaTime?
    private var lastTimestamp: UInt32 = 0
    private var awaitsKeyframe = true
    private var firstAudio: MediaTime?
    /// Frames that no RTMP message can hold.
    private(set) var unsendable = 0

    init(messageStreamID: UInt32, chunkSize: Int) {
        self.messageStreamID = messageStreamID
        self.chunkSize = chunkSize
    }

    /// What `connect` must say for these tracks (enhanced RTMP, "Enhancing NetConnection connect Command").
    static func fourCCs(_ tracks: [Track]) -> [String] {
        tracks.compactMap { track in
            switch track.codec {
            case .h264, .aac, .mp3, .vorbis: nil
            case .hevc: "hvc1"
            case .av1: "av01"
            case .vp9: "vp09"
            case .vp8: "vp08"
            case .opus: "Opus"
            }
        }
    }

    /// Bytes that suffice for what `items` become, as a rule.
    static func room(for items: [StreamItem]) -> Int {
        items.reduce(0) { sum, item in
            switch item {
            case .frame(let frame): sum + frame.payload.readableBytes + Self.messageOverhead
            case .tracks: sum + 1_024
            case .discontinuity, .ended: sum
            }
        }
    }

    /// Bytes of a message besides its payload: the headers of a chunk or two and of the FLV tag.
    private static let messageOverhead = 40

    /// Appends what is to be sent for `item`, often nothing.
    mutating func write(_ item: StreamItem, into out: inout ByteBuffer) {
        switch item {
        case .tracks(let tracks): self.write(tracks, into: &out)
        case .frame(let frame): self.write(frame, into: &out)
        case .discontinuity: self.awaitsKeyframe = true
        case .ended: break
        }
    }

    private mutating func write(_ tracks: [Track], into out: inout ByteBuffer) {
        let video = tracks.first { $0.kind == .video }
        let audio = tracks.first { $0.kind == .audio }
        guard video != self.video || audio != self.audio else { return }
        if video != self.video { self.awaitsKeyframe = true }
        self.video = video
        self.audio = audio
        self.firstAudio = nil
        let metadata = StreamMetadata([video, audio].compactMap { $0 }, encoder: "Martlet").payload(forServer: true)
        self.append(payload: metadata, .dataAMF0, ChunkStreamID.data, into: &out)
        if let video, let header = FLVTag.configurationHeader(video) {
            self.append(header, payload: ByteBuffer(bytes: video.configuration), .video, ChunkStreamID.video, into: &out)
        }
        if let audio, let header = FLVTag.configurationHeader(audio) {
            self.append(header, payload: ByteBuffer(bytes: audio.configuration), .audio, ChunkStreamID.audio, into: &out)
        }
    }

    private mutating func write(_ frame: EncodedFrame, into out: inout ByteBuffer) {
        guard let track = frame.kind == .video ? self.video : self.audio, track.id == frame.track, self.mayPass(frame) else { return }
        let zero = self.zero ?? frame.decodeTime
        self.zero = zero
        var shifted = frame
        shifted.decodeTime = frame.decodeTime - zero
        // Sound that belongs before the first picture.
        guard shifted.decodeTime >= .zero, let header = FLVTag.header(of: shifted, in: track) else { return }
        self.lastTimestamp = FLVTag.timestamp(of: shifted)
        let isVideo = frame.kind == .video
        self.append(
            header, payload: frame.payload, isVideo ? .video : .audio, isVideo ? ChunkStreamID.video : ChunkStreamID.audio, into: &out)
    }

    /// Pictures pass from a keyframe on. Sound passes once the clock runs, which the first keyframe starts where there is video.
    private mutating func mayPass(_ frame: EncodedFrame) -> Bool {
        if frame.kind == .video {
            self.firstAudio = nil
            if frame.isKeyframe { self.awaitsKeyframe = false }
            return !self.awaitsKeyframe
        }
        if self.zero != nil || self.video == nil { return true }
        let first = self.firstAudio ?? frame.decodeTime
        self.firstAudio = first
        return frame.decodeTime - first >= Self.patience
    }

    private mutating func append(
        _ header: FLVHeader = FLVHeader(), payload: ByteBuffer, _ type: MessageType, _ chunkStreamID: UInt32, into out: inout ByteBuffer
    ) {
        do {
            try ChunkEncoder.encode(
                header: header, payload: payload, timestamp: self.lastTimestamp, type: type, chunkStreamID: chunkStreamID,
                messageStreamID: self.messageStreamID, chunkSize: self.chunkSize, into: &out)
        } catch {
            // Over 16 MiB, which no message can say: the one thing that is wrong here.
            self.unsendable += 1
        }
    }
}
