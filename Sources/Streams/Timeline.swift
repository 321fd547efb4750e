import Media

/// The only place where timestamps are repaired. Takes the times a source claims, gives times that never go back within a track, with audio and
/// video kept together, starting at zero or wherever the stream stood before.
///
/// - A source clock that wraps (RTMP: 32 bits of milliseconds) is unwrapped.
/// - A jump of more than five seconds either way, or of more than one second backwards, is believed only when three frames in a row agree on it;
///   until then those frames wait. Then the new times are stitched to the end of the old ones. Frames that nobody agrees with are dropped.
/// - A smaller step back is clamped to just after the track's previous frame.
///
/// Times of another stream of the hub have been through this: they are kept, whatever their gaps, as long as they follow what the stream had before.
struct Timeline {
    private static let jump = MediaTime(milliseconds: 5_000)
    private static let backstep = MediaTime(milliseconds: 1_000)
    private static let smallestStep = MediaTime(milliseconds: 1)
    private static let largestComposition = MediaTime(milliseconds: 10_000)
    private static let framesToAgree = 3
    /// What is assumed to lie between the last frame of the old times and the first of the new ones.
    private static let seam = MediaTime(milliseconds: 33)

    /// The source clock's period; nil when it does not wrap.
    private let wrapPeriod: MediaTime?
    private let keepsTimes: Bool
    /// Added to the source's unwrapped time.
    private var offset: MediaTime?
    /// Newest source time, unwrapped, over all tracks.
    private var newestSource = MediaTime.zero
    /// Newest time given out, over all tracks.
    private(set) var newestOutput: MediaTime?
    private var newestPresentation: MediaTime?
    /// By track; a publisher has two of them as a rule, so looking along is quicker than hashing.
    private var lastOutput: [(track: TrackID, time: MediaTime)] = []
    private var candidates: [EncodedFrame] = []
    /// Where the first frame is put.
    private let origin: MediaTime
    /// No track begins before this.
    private var floor: MediaTime

    private(set) var repairs = 0
    private(set) var dropped = 0

    /// `origin` is where the first frame's time is put: zero for a new stream, just after the last frame for one that goes on.
    init(wrapPeriod: MediaTime?, origin: MediaTime = .zero, keepsTimes: Bool = false) {
        self.wrapPeriod = wrapPeriod
        self.keepsTimes = keepsTimes
        self.origin = origin
        self.floor = origin
    }

    /// Where a following source would continue.
    var continuation: MediaTime { max(self.newestOutput ?? self.origin, self.newestPresentation ?? self.origin) + Timeline.seam }

    /// Fixes the zero to the earliest of the frames that were gathered at the start.
    mutating func begin(at earliest: MediaTime) {
        self.newestSource = earliest
        self.offset = self.origin - earliest
        // What another stream was given follows closer than what is assumed of a seam.
        guard self.keepsTimes, earliest + Timeline.seam >= self.origin else { return }
        self.offset = .zero
        self.floor = min(earliest, self.origin)
    }

    /// The frames to pass on now, oldest first: usually the one given.
    mutating func sanitise(_ frame: EncodedFrame, into output: inout [EncodedFrame]) {
        if self.offset == nil { self.begin(at: frame.decodeTime) }
        if self.keepsTimes { return self.pass(frame, source: frame.decodeTime, into: &output) }
        let source = self.unwrap(frame.decodeTime)
        if self.isPlausible(source) {
            if !self.candidates.isEmpty {
                self.dropped += self.candidates.count
                self.candidates.removeAll(keepingCapacity: true)
            }
            self.pass(frame, source: source, into: &output)
            return
        }
        if let previous = self.candidates.last, !self.agree(previous.decodeTime, frame.decodeTime) {
            self.dropped += self.candidates.count
            self.candidates.removeAll(keepingCapacity: true)
        }
        self.candidates.append(frame)
        if self.candidates.count >= Timeline.framesToAgree {
            let believed = self.candidates
            self.candidates.removeAll(keepingCapacity: true)
            self.repairs += 1
            let earliest = believed.map(\.decodeTime).min() ?? frame.decodeTime
            self.offset = self.continuation - earliest
            self.newestSource = earliest
            for frame in believed { self.pass(frame, source: self.unwrap(frame.decodeTime), into: &output) }
        }
    }

    private func isPlausible(_ source: MediaTime) -> Bool {
        let step = source - self.newestSource
        return step <= Timeline.jump && step >= MediaTime(microseconds: -Timeline.backstep.microseconds)
    }

    private func agree(_ one: MediaTime, _ other: MediaTime) -> Bool {
        abs(self.signedDistance(from: one, to: other).microseconds) <= Timeline.backstep.microseconds
    }

    private func signedDistance(from: MediaTime, to: MediaTime) -> MediaTime {
        guard let period = self.wrapPeriod?.microseconds, period > 0 else { return to - from }
        var distance = (to - from).microseconds % period
        if distance > period / 2 { distance -= period }
        if distance < -period / 2 { distance += period }
        return MediaTime(microseconds: distance)
    }

    private func unwrap(_ time: MediaTime) -> MediaTime {
        self.newestSource + self.signedDistance(from: self.newestSource, to: time)
    }

    private mutating func pass(_ frame: EncodedFrame, source: MediaTime, into output: inout [EncodedFrame]) {
        self.newestSource = max(self.newestSource, source)
        var time = source + (self.offset ?? .zero)
        let presentation = time + self.clamped(frame.compositionOffset)
        let place = self.lastOutput.firstIndex { $0.track == frame.track }
        if let place {
            let last = self.lastOutput[place].time
            if time <= last {
                // Equal stamps are common where the source counts whole milliseconds; only real steps back count as repairs.
                if time < last { self.repairs += 1 }
                time = last + Timeline.smallestStep
            }
        } else if time < self.floor {
            // Before the common zero: sound is dropped, a first picture is moved up to it.
            guard frame.kind == .video else {
                self.dropped += 1
                return
            }
            time = self.floor
        }
        if let place { self.lastOutput[place].time = time } else { self.lastOutput.append((frame.track, time)) }
        self.newestOutput = max(self.newestOutput ?? time, time)
        var repaired = frame
        repaired.decodeTime = time
        repaired.compositionOffset = frame.compositionOffset.microseconds == 0 ? .zero : max(presentation - time, .zero)
        self.newestPresentation = max(self.newestPresentation ?? time, repaired.presentationTime)
        output.append(repaired)
    }

    private func clamped(_ offset: MediaTime) -> MediaTime {
        min(max(offset, MediaTime(microseconds: -Timeline.largestComposition.microseconds)), Timeline.largestComposition)
    }
}
