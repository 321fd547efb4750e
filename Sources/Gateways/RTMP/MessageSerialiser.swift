import Media
import NIOCore
import RTMP
import Streams

/// Turns what a stream's reader gets into RTMP messages for all its players: message stream 1, the stream's own timestamps.
///
/// Only the main video and the main audio go out; players of plain RTMP know no further tracks.
struct MessageSerialiser {
    /// The only message stream a connection may play on, so that all players can share bytes.
    private static let messageStreamID = ServerSession.playMessageStreamID

    private let id: String
    private let chunkSize: Int
    private var video: Track?
    private var audio: Track?
    private var newestTimestamp: UInt32 = 0
    /// Nothing is written until a picture can be decoded.
    private var waitsForKeyframe = true
    private var hasEnded = false

    init(id: String, chunkSize: Int) {
        self.id = id
        self.chunkSize = chunkSize
    }

    /// Appends the item's messages to the log. Returns what kind they are; nil when nothing was appended.
    mutating func append(_ item: StreamItem, to log: inout MessageLog) -> MessageLog.Kind? {
        switch item {
        case .frame(let frame):
            return self.append(frame, to: &log)
        case .tracks(let tracks):
            self.video = tracks.first { $0.kind == .video }
            self.audio = tracks.first { $0.kind == .audio }
            self.waitsForKeyframe = self.video != nil
            log.forgetKeyframe()
            var bytes = ByteBuffer()
            if self.hasEnded {
                self.hasEnded = false
                self.write(.streamBegin(Self.messageStreamID), into: &bytes)
                self.write(.publishNotify(self.id), into: &bytes)
            }
            self.writeHeaders(at: self.newestTimestamp, into: &bytes)
            log.append(bytes, kind: .control, time: .zero, isStart: false)
            return .control
        case .discontinuity:
            return nil
        case .ended:
            self.hasEnded = true
            self.waitsForKeyframe = true
            log.forgetKeyframe()
            var bytes = ByteBuffer()
            self.write(.unpublishNotify(self.id), into: &bytes)
            self.write(.streamEnd(Self.messageStreamID), into: &bytes)
            log.append(bytes, kind: .control, time: .zero, isStart: false)
            return .control
        }
    }

    private mutating func append(_ frame: EncodedFrame, to log: inout MessageLog) -> MessageLog.Kind? {
        guard let track = frame.kind == .video ? self.video : self.audio, track.id == frame.track, let header = FLVTag.header(of: frame, in: track)
        else { return nil }
        let isStart = frame.isKeyframe && (frame.kind == .video || self.video == nil)
        if self.waitsForKeyframe {
            guard isStart else { return nil }
            self.waitsForKeyframe = false
        }
        self.newestTimestamp = FLVTag.timestamp(of: frame)
        if isStart {
            var headers = ByteBuffer()
            self.writeHeaders(at: self.newestTimestamp, into: &headers)
            log.setHeaders(headers)
        }
        var bytes = ByteBuffer()
        self.write(header, frame.payload, frame.kind == .video ? .video : .audio, timestamp: self.newestTimestamp, into: &bytes)
        guard bytes.readableBytes > 0 else { return nil }
        let kind: MessageLog.Kind = frame.kind == .video ? .video : .audio
        log.append(bytes, kind: kind, time: frame.decodeTime, isStart: isStart)
        return kind
    }

    /// Metadata and sequence headers.
    private func writeHeaders(at timestamp: UInt32, into bytes: inout ByteBuffer) {
        let tracks = [self.video, self.audio].compactMap { $0 }
        let metadata = StreamMetadata(tracks, encoder: "Martlet").payload(forServer: false)
        // Always at 0: FFmpeg takes later metadata for a subtitle stream and then waits for its packets.
        self.write(FLVHeader(), metadata, .dataAMF0, timestamp: 0, into: &bytes)
        for track in tracks {
            guard let header = FLVTag.configurationHeader(track) else { continue }
            self.write(header, ByteBuffer(bytes: track.configuration), track.kind == .video ? .video : .audio, timestamp: timestamp, into: &bytes)
        }
    }

    private func write(_ status: StatusMessage, into bytes: inout ByteBuffer) {
        bytes.writeImmutableBuffer(status.bytes(messageStreamID: Self.messageStreamID, chunkSize: self.chunkSize))
    }

    private func write(_ control: ControlMessage, into bytes: inout ByteBuffer) {
        bytes.writeImmutableBuffer(control.bytes(chunkSize: self.chunkSize))
    }

    private func write(_ header: FLVHeader, _ payload: ByteBuffer, _ type: MessageType, timestamp: UInt32, into bytes: inout ByteBuffer) {
        let chunkStreamID: UInt32 =
            switch type {
            case .video: ChunkStreamID.video
            case .audio: ChunkStreamID.audio
            default: ChunkStreamID.data
            }
        do {
            try ChunkEncoder.encode(
                header: header, payload: payload, timestamp: timestamp, type: type, chunkStreamID: chunkStreamID,
                messageStreamID: Self.messageStreamID, chunkSize: self.chunkSize, into: &bytes)
        } catch {
            // The only error is a payload over RTMP's 16 MiB (from another protocol): such a frame cannot be said in RTMP and is left out.
            return
        }
    }
}
