public import Media
public import NIOCore

/// Turns what a stream gives into an MPEG transport stream that a viewer can join at each of its starts: tables first, then a keyframe.
/// Used by one thread at a time; nothing in it waits.
///
/// The first video and the first audio track are carried, as far as a transport stream can carry them. Times are the stream's own.
public final class TransportStreamFeed {
    /// Whole packets of 188 bytes.
    public struct Piece: Sendable {
        public var bytes: ByteBuffer
        public var kind: MediaKind
        /// Begins with the tables, and with a keyframe where there is video.
        public var isStart: Bool
        public var time: MediaTime
    }

    /// So much sound without a single picture means that the announced video does not come.
    private static let patience = MediaTime(milliseconds: 3_000)
    /// How often one can join where there is only sound.
    private static let soundStarts = MediaTime(milliseconds: 500)

    private var writer: TransportStreamWriter?
    private var version = -1
    private var video: Track?
    private var audio: Track?
    private var awaitsKeyframe = false
    private var firstSound: MediaTime?
    private var lastStart: MediaTime?
    private var newest: MediaTime?
    /// Tracks that a transport stream cannot carry.
    public private(set) var leftOut: [Codec] = []
    /// Frames that could not be written.
    public private(set) var unwritten = 0

    public init() {}

    /// Whether a transport stream can carry it, in a way that players know.
    public static func carries(_ codec: Codec) -> Bool { TransportStreamWriter.carries(codec) }

    /// The frames that follow are of these tracks.
    public func begin(_ tracks: [Track]) throws(AVFailure) {
        self.leftOut = tracks.map(\.codec).filter { !TransportStreamWriter.carries($0) }
        let video = tracks.first { $0.kind == .video && TransportStreamWriter.carries($0.codec) }
        let audio = tracks.first { $0.kind == .audio && TransportStreamWriter.carries($0.codec) }
        self.skip()
        guard video != self.video || audio != self.audio || self.writer == nil else { return }
        self.video = video
        self.audio = audio
        let carried = [video, audio].compactMap { $0 }
        self.version += 1
        self.newest = nil
        self.writer = carried.isEmpty ? nil : try TransportStreamWriter(tracks: carried, version: self.version)
    }

    /// What follows does not follow from what was written: goes on at the next keyframe.
    public func skip() {
        self.awaitsKeyframe = true
        self.firstSound = nil
        self.lastStart = nil
    }

    /// What is to be sent for the frame; nil when nothing is, as before the first keyframe.
    public func write(_ frame: EncodedFrame) -> Piece? {
        guard let writer = self.writer, let track = frame.kind == .video ? self.video : self.audio, track.id == frame.track else { return nil }
        guard let isStart = self.admits(frame) else { return nil }
        do throws(AVFailure) {
            let bytes = try writer.write(frame, withTables: isStart)
            self.newest = frame.decodeTime
            guard bytes.readableBytes > 0 else { return nil }
            return Piece(bytes: bytes, kind: frame.kind, isStart: isStart, time: frame.decodeTime)
        } catch {
            // One frame that the muxer does not take: what follows may be good again.
            self.unwritten += 1
            if isStart { self.skip() }
            return nil
        }
    }

    /// Sound that is held back until it fills a packet: to be sent before something else follows, or nothing. nil when there is none.
    public func rest() -> Piece? {
        guard let writer = self.writer, let newest = self.newest else { return nil }
        do throws(AVFailure) {
            let bytes = try writer.rest()
            return bytes.readableBytes > 0 ? Piece(bytes: bytes, kind: .audio, isStart: false, time: newest) : nil
        } catch {
            self.unwritten += 1
            return nil
        }
    }

    /// Whether the frame is a start; nil when it must not be sent.
    private func admits(_ frame: EncodedFrame) -> Bool? {
        if frame.kind == .video {
            self.firstSound = nil
            if frame.isKeyframe { self.awaitsKeyframe = false }
            return self.awaitsKeyframe ? nil : frame.isKeyframe
        }
        if self.video != nil, !self.isWithoutPictures(at: frame.decodeTime) { return self.awaitsKeyframe ? nil : false }
        guard let last = self.lastStart, frame.decodeTime - last < Self.soundStarts else {
            self.lastStart = frame.decodeTime
            return true
        }
        return false
    }

    private func isWithoutPictures(at time: MediaTime) -> Bool {
        let first = self.firstSound ?? time
        self.firstSound = first
        return time - first >= Self.patience
    }
}
