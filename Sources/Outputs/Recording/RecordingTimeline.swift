import Media
import NIOCore

/// Decides which frames of a stream go into a file, and when they are in it. Pure: frames in, samples out; one for each file.
///
/// States: *waiting* for a frame to start with (a keyframe where there is video; else any audio) → *begun*. In both, after `resynchronise()`, video
/// waits for a keyframe while audio goes on. The file's zero is the decode time of the first keyframe; sound from before it is shown is left out, so
/// both tracks start within half an audio packet of each other.
struct RecordingTimeline {
    struct Sample {
        /// Position in `tracks`.
        var index: Int
        /// In ticks of the track.
        var decodeTime: Int64
        var presentationTime: Int64
        var duration: Int64
        var isKeyframe: Bool
        var payload: ByteBuffer
    }

    private struct TrackState {
        let kind: MediaKind
        let timescale: Int64
        var lastDecodeTime: Int64?
        var lastDuration: Int64 = 0
        /// The newest frame of a track whose frames do not say how long they are, as those of video: it is known when the next one comes.
        var held: Sample?
        var waitsForKeyframe: Bool
        var clock: AudioStampClock
    }

    /// Sound without pictures is recorded when no keyframe has come for so long.
    static let patience = MediaTime(milliseconds: 30_000)
    /// And held back meanwhile only so much.
    private static let pendingLimit = 4096
    private static let videoTimescale: Int64 = 90_000
    /// Assumed for the only frame of a file.
    private static let onlyPicture: Int64 = 3_000
    private static let onlySound: Int64 = 1_024
    /// Samples in a packet of Vorbis (Vorbis I §4.3.8).
    private static let longestSound: Int64 = 4_096

    private let format: RecordingFormat
    /// All of the stream's, as they were announced.
    let offered: [Track]
    /// Those of the stream's tracks that the container can hold.
    private(set) var tracks: [Track]
    private var states: [TrackState]
    private var hasVideo: Bool
    /// Sound alone is in the file, because nobody knew how large the pictures would be: once there are any, they need another file.
    private(set) var lacksPictures = false
    private var zero: MediaTime?
    private var audioStart = MediaTime.zero
    /// Sound that came while waiting: part of it may lie after the keyframe's time though it was sent before.
    private var pendingAudio: [EncodedFrame] = []
    /// Media time that is in the file.
    private(set) var newest = MediaTime.zero

    init(tracks: [Track], format: RecordingFormat = .mp4) {
        self.format = format
        self.offered = tracks
        self.tracks = tracks.filter { format.holds($0) }
        self.hasVideo = self.tracks.contains { $0.kind == .video }
        self.states = self.tracks.map { track in
            let timescale = Int64(track.audio?.sampleRate ?? Int(Self.videoTimescale))
            return TrackState(
                kind: track.kind, timescale: timescale, waitsForKeyframe: track.kind == .video, clock: AudioStampClock(timescale: timescale))
        }
    }

    /// Ticks a second, of each track.
    var timescales: [UInt32] { self.states.map { UInt32(clamping: $0.timescale) } }

    /// Whether frames of `tracks` can go on in the file of this timeline: same codecs with the same configuration.
    func continues(with tracks: [Track]) -> Bool {
        let others = tracks.filter { self.format.holds($0) }
        let own = self.lacksPictures ? self.offered.filter { self.format.holds($0) } : self.tracks
        guard others.count == own.count else { return false }
        return zip(own, others).allSatisfy { $0.goesOn(as: $1) }
    }

    var hasBegun: Bool { self.zero != nil }

    /// The samples that are complete now: usually one.
    mutating func add(_ frame: EncodedFrame) -> [Sample] {
        self.holdsSound ? self.releaseHeldSound(at: frame.decodeTime) + self.take(frame) : self.take(frame)
    }

    private mutating func take(_ frame: EncodedFrame) -> [Sample] {
        guard let index = self.tracks.firstIndex(where: { $0.id == frame.track }) else { return [] }
        guard self.zero == nil else { return self.append(frame, index) }
        if frame.kind == .video {
            guard frame.isKeyframe, self.learnSize(from: frame, index) else { return [] }
            self.begin(at: frame.decodeTime, audioFrom: frame.presentationTime)
        } else if !self.hasVideo {
            self.begin(at: frame.decodeTime, audioFrom: frame.decodeTime)
        } else {
            if self.pendingAudio.count >= Self.pendingLimit { self.pendingAudio.removeFirst(Self.pendingLimit / 2) }
            self.pendingAudio.append(frame)
            guard let first = self.pendingAudio.first, frame.decodeTime - first.decodeTime >= Self.patience else { return [] }
            if !self.sizesAreKnown { self.leaveOutPictures() }
            self.begin(at: first.decodeTime, audioFrom: first.decodeTime)
            return self.takePending()
        }
        return self.append(frame, index) + self.takePending()
    }

    /// What was held back, with an assumed duration.
    mutating func finish() -> [Sample] { self.states.indices.compactMap { self.release($0) } }

    /// Sound that is not followed by any, as where a film's ends before its pictures, may not come into the file minutes late.
    private mutating func releaseHeldSound(at now: MediaTime) -> [Sample] {
        self.states.indices.compactMap { index in
            guard self.states[index].kind == .audio, let held = self.states[index].held,
                self.ticks(now, index) - held.decodeTime > self.states[index].timescale
            else { return nil }
            return self.release(index)
        }
    }

    private var holdsSound: Bool { self.states.contains { $0.kind == .audio && $0.held != nil } }

    private mutating func release(_ index: Int) -> Sample? {
        guard var sample = self.states[index].held else { return nil }
        self.states[index].held = nil
        let last = self.states[index].lastDuration
        sample.duration = last > 0 ? last : self.states[index].kind == .video ? Self.onlyPicture : Self.onlySound
        self.count(sample, index)
        return sample
    }

    /// Other frames follow than were to be expected: pictures cannot be decoded before a keyframe, and sound is no longer counted on.
    mutating func resynchronise() {
        for index in self.states.indices {
            self.states[index].waitsForKeyframe = self.states[index].kind == .video
            self.states[index].clock.restart()
        }
        self.pendingAudio.removeAll()
    }

    private mutating func leaveOutPictures() {
        self.tracks.removeAll { $0.kind == .video }
        self.states.removeAll { $0.kind == .video }
        self.hasVideo = false
        self.lacksPictures = true
    }

    private var sizesAreKnown: Bool { self.tracks.allSatisfy { $0.video.map { $0.width > 0 && $0.height > 0 } ?? true } }

    /// VP9 and some AV1 say only in a keyframe how large they are; the container must say it before the first frame.
    private mutating func learnSize(from frame: EncodedFrame, _ index: Int) -> Bool {
        if self.sizesAreKnown { return true }
        do throws(MediaError) {
            if let refreshed = try self.tracks[index].refreshed(byKeyframe: frame.payload) { self.tracks[index] = refreshed }
        } catch {
            return false
        }
        return self.sizesAreKnown
    }

    private mutating func begin(at zero: MediaTime, audioFrom start: MediaTime) {
        self.zero = zero
        self.audioStart = start
    }

    private mutating func takePending() -> [Sample] {
        let pending = self.pendingAudio
        self.pendingAudio = []
        return pending.flatMap { frame in
            self.tracks.firstIndex { $0.id == frame.track }.map { self.append(frame, $0) } ?? []
        }
    }

    private mutating func append(_ frame: EncodedFrame, _ index: Int) -> [Sample] {
        frame.kind == .video ? self.appendVideo(frame, index) : self.appendAudio(frame, index)
    }

    private mutating func appendVideo(_ frame: EncodedFrame, _ index: Int) -> [Sample] {
        if self.states[index].waitsForKeyframe {
            guard frame.isKeyframe else { return [] }
            self.states[index].waitsForKeyframe = false
        }
        guard self.ticks(frame.decodeTime, index) >= 0 else { return [] }
        return self.hold(frame, index)
    }

    /// The one before it, which lasts until it.
    private mutating func hold(_ frame: EncodedFrame, _ index: Int) -> [Sample] {
        var decode = self.ticks(frame.decodeTime, index)
        let presentation = self.ticks(frame.presentationTime, index)
        if let last = self.states[index].lastDecodeTime { decode = max(decode, last + 1) }
        self.states[index].lastDecodeTime = decode
        let held = self.states[index].held
        self.states[index].held = Sample(
            index: index, decodeTime: decode, presentationTime: max(presentation, decode), duration: 0, isKeyframe: frame.isKeyframe,
            payload: frame.payload)
        guard var sample = held else { return [] }
        sample.duration = decode - sample.decodeTime
        // A hole in the sound is no measure for its last packet.
        if self.states[index].kind == .video || sample.duration <= Self.longestSound { self.states[index].lastDuration = sample.duration }
        self.count(sample, index)
        return [sample]
    }

    private mutating func appendAudio(_ frame: EncodedFrame, _ index: Int) -> [Sample] {
        let samples = Self.samples(in: frame, of: self.tracks[index])
        if self.states[index].lastDecodeTime == nil {
            // Whichever packet starts nearest to the first picture, but none before the zero.
            let half = MediaTime(ticks: (samples ?? 0) / 2, timescale: UInt32(clamping: self.states[index].timescale))
            guard let zero = self.zero, frame.decodeTime >= zero, frame.decodeTime + half >= self.audioStart else { return [] }
        }
        guard let samples else { return self.hold(frame, index) }
        let stamp = self.states[index].clock.stamp(self.ticks(frame.decodeTime, index), samples: samples)
        self.states[index].lastDecodeTime = stamp
        let sample = Sample(
            index: index, decodeTime: stamp, presentationTime: stamp, duration: samples, isKeyframe: true, payload: frame.payload)
        self.count(sample, index)
        return [sample]
    }

    private func ticks(_ time: MediaTime, _ index: Int) -> Int64 {
        (time - (self.zero ?? .zero)).ticks(timescale: UInt32(clamping: self.states[index].timescale))
    }

    private mutating func count(_ sample: Sample, _ index: Int) {
        let end = MediaTime(ticks: sample.decodeTime + sample.duration, timescale: UInt32(clamping: self.states[index].timescale))
        self.newest = max(self.newest, end)
    }

    /// Samples that a packet decodes to. A packet that does not say is taken for the most common length; the clock corrects the rest. nil for Vorbis,
    /// whose packets last from 32 to 4,096 samples, as only a decoder can tell.
    private static func samples(in frame: EncodedFrame, of track: Track) -> Int64? {
        switch track.codec {
        case .vorbis:
            return nil
        case .opus:
            do throws(MediaError) {
                return Int64(try OpusPacket.sampleCount(frame.payload))
            } catch {
                return 960
            }
        default:
            return Int64(track.audio?.samplesPerPacket ?? 1024)
        }
    }
}

extension Track {
    /// Frames of `other` can follow in the same file, and the same decoder.
    func goesOn(as other: Track) -> Bool {
        // A frame rate that somebody claims is not part of it.
        self.id == other.id && self.codec == other.codec && self.configuration == other.configuration && self.audio == other.audio
            && self.video?.width == other.video?.width && self.video?.height == other.video?.height && self.video?.turn == other.video?.turn
    }
}
