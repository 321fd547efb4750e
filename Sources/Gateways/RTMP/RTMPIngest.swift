import Media
import NIOCore
import RTMP
import Streams

/// Turns one publisher's audio and video messages into tracks and frames. Confined to the connection's event loop.
///
/// Track 0 of each kind is taken; further tracks of multitrack messages are skipped. Frames whose configuration has not come are skipped too.
struct RTMPIngest {
    /// What a skipped message was, for one log line per connection and reason.
    enum Problem: Hashable {
        case malformedTag
        case unsupportedFormat(String)
        case badConfiguration(Codec)
        case frameBeforeConfiguration(Codec)
    }

    private struct Input {
        var track: Track
        /// Bytes of the NAL units' length prefixes as they come in, 1...4.
        var lengthSize = 4
    }

    private let publisher: Publisher
    private let slab = PayloadSlab()
    private var video: Input?
    private var audio: Input?
    private(set) var newProblem: Problem?
    private var knownProblems: Set<Problem> = []

    init(publisher: Publisher) {
        self.publisher = publisher
    }

    /// What went wrong with the messages since the last call, each kind once.
    mutating func takeProblem() -> Problem? {
        defer { self.newProblem = nil }
        return self.newProblem
    }

    func received(_ metadata: StreamMetadata) {
        let video = metadata.videoCodec != nil || metadata.width != nil
        let audio = metadata.audioCodec != nil
        if video || audio { self.publisher.expect(video: video, audio: audio) }
    }

    mutating func receivedVideo(_ payload: ByteBuffer, timestamp: UInt32, now: NIODeadline) {
        do {
            self.take(try FLVVideo.parse(payload), timestamp: timestamp, now: now)
        } catch {
            self.report(.malformedTag)
        }
    }

    mutating func receivedAudio(_ payload: ByteBuffer, timestamp: UInt32, now: NIODeadline) {
        do {
            self.take(try FLVAudio.parse(payload), timestamp: timestamp, now: now)
        } catch {
            self.report(.malformedTag)
        }
    }

    private mutating func take(_ video: FLVVideo, timestamp: UInt32, now: NIODeadline) {
        switch video {
        case .frame(let frame):
            guard frame.track == 0 else { return }
            self.take(frame, timestamp: timestamp, now: now)
        case .configuration(let codec, let track, let record):
            guard track == 0 else { return }
            let size = NALUnitLengths.size(codec, record: record) ?? 4
            let record = NALUnitLengths.recordWithFourByteLengths(codec, record: record)
            self.video = self.configure(codec, .video, record).map { Input(track: $0, lengthSize: size) } ?? self.video
        case .tracks(let tracks):
            for track in tracks { self.take(track, timestamp: timestamp, now: now) }
        case .endOfSequence, .metadata:
            return
        case .ignored(let reason):
            self.report(reason)
        }
    }

    private mutating func take(_ audio: FLVAudio, timestamp: UInt32, now: NIODeadline) {
        switch audio {
        case .frame(let frame):
            guard frame.track == 0 else { return }
            self.take(frame, timestamp: timestamp, now: now)
        case .configuration(let codec, let track, let record):
            guard track == 0 else { return }
            self.audio = self.configure(codec, .audio, record).map { Input(track: $0) } ?? self.audio
        case .tracks(let tracks):
            for track in tracks { self.take(track, timestamp: timestamp, now: now) }
        case .endOfSequence, .multichannel:
            return
        case .ignored(let reason):
            if case .empty = reason { return }
            self.report(.unsupportedFormat("audio \(reason)"))
        }
    }

    private mutating func take(_ frame: FLVVideo.Frame, timestamp: UInt32, now: NIODeadline) {
        if self.video?.track.codec != frame.codec, frame.codec == .vp8 {
            // VP8 has no configuration record; its size comes with each keyframe.
            self.video = Input(track: Track(id: .video, codec: .vp8, configuration: [], format: .video(VideoFormat(width: 0, height: 0))))
        }
        guard let input = self.video, input.track.codec == frame.codec else { return self.report(.frameBeforeConfiguration(frame.codec)) }
        var payload = frame.data
        if input.lengthSize != 4 {
            do {
                payload = try NALUnitLengths.withFourBytes(payload, from: input.lengthSize)
            } catch {
                return self.report(.malformedTag)
            }
        }
        if frame.isKeyframe { self.refresh(payload) }
        self.publisher.publish(
            EncodedFrame(
                track: .video, kind: .video, isKeyframe: frame.isKeyframe, decodeTime: Self.time(timestamp, frame.nanoseconds),
                compositionOffset: MediaTime(milliseconds: Int64(frame.compositionTime)), payload: self.slab.copy(payload)),
            now: now)
    }

    private mutating func take(_ frame: FLVAudio.Frame, timestamp: UInt32, now: NIODeadline) {
        if frame.codec == .mp3, self.audio?.track.codec != .mp3 {
            do {
                let track = try Track(id: .audio, mp3Frame: frame.data.readableBytesView)
                self.audio = Input(track: track)
                self.publisher.announce(track)
            } catch {
                return self.report(.badConfiguration(.mp3))
            }
        }
        guard let input = self.audio, input.track.codec == frame.codec else { return self.report(.frameBeforeConfiguration(frame.codec)) }
        self.publisher.publish(
            EncodedFrame(
                track: .audio, kind: .audio, isKeyframe: true, decodeTime: Self.time(timestamp, frame.nanoseconds),
                payload: self.slab.copy(frame.data)),
            now: now)
    }

    /// Parameter sets may change inside the stream, without a new sequence header.
    private mutating func refresh(_ payload: ByteBuffer) {
        guard let track = self.video?.track else { return }
        do {
            guard let changed = try track.refreshed(byKeyframe: payload) else { return }
            self.video?.track = changed
            self.publisher.announce(changed)
        } catch {
            self.report(.badConfiguration(track.codec))
        }
    }

    private mutating func configure(_ codec: Codec, _ id: TrackID, _ record: ByteBuffer) -> Track? {
        do {
            let track = try Track(id: id, codec: codec, configuration: Array(buffer: record))
            self.publisher.announce(track)
            return track
        } catch {
            // Some encoders send an empty record first and the right one after it.
            self.report(.badConfiguration(codec))
            return nil
        }
    }

    private static func time(_ timestamp: UInt32, _ nanoseconds: UInt32) -> MediaTime {
        MediaTime(microseconds: Int64(timestamp) * 1000 + Int64(nanoseconds / 1000))
    }

    private mutating func report(_ reason: FLVVideo.Reason) {
        switch reason {
        case .empty, .command: return
        default: self.report(.unsupportedFormat("video \(reason)"))
        }
    }

    /// Bounded: a peer cannot make the set grow with made-up formats.
    private mutating func report(_ problem: Problem) {
        guard self.knownProblems.count < 16, self.knownProblems.insert(problem).inserted else { return }
        self.newProblem = problem
    }
}
