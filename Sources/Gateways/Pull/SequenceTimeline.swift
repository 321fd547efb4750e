import Media

/// Puts the items of a sequence on one timeline, each right behind the one before.
///
/// An item is placed by presentation: its first picture is shown when everything before it has been, over all tracks. Within an item all tracks are
/// moved by the same amount, so sound and picture keep their distance; sound from before the first picture gives way to what the item before it
/// still sounds like. A file whose clock jumps is stitched: frames keep to the run of times they are near, so that the tracks may cross the jump
/// one after the other.
struct SequenceTimeline: Sendable {
    /// One uninterrupted run of an item's clock.
    private struct Run {
        /// Added to the item's times.
        var offset: MediaTime
        /// Newest decode time in it, over all tracks and of each.
        var newest: MediaTime
        var tracks: [TrackID: MediaTime] = [:]

        /// How far the frame is from what it would follow; nil when it cannot be of this run.
        func distance(of frame: EncodedFrame) -> Int64? {
            let own = self.tracks[frame.track]
            let step = frame.decodeTime - (own ?? self.newest)
            let furthestBack = own == nil ? SequenceTimeline.trackDistance : SequenceTimeline.jumpBack
            guard step <= SequenceTimeline.jumpAhead, step >= MediaTime.zero - furthestBack else { return nil }
            return abs(step.microseconds)
        }
    }

    private struct Pace {
        /// How long one frame of the track is shown.
        var duration: MediaTime
        /// It was measured or the codec fixes it; otherwise it is a guess.
        var isKnown: Bool
        var isFixed: Bool
        var lastSource: MediaTime?
    }

    private static let jumpAhead = MediaTime(milliseconds: 5_000)
    private static let jumpBack = MediaTime(milliseconds: 1_000)
    /// Tracks of a badly interleaved file lie this far apart.
    private static let trackDistance = MediaTime(milliseconds: 10_000)
    private static let smallestStep = MediaTime(milliseconds: 1)
    private static let longestStep = MediaTime(milliseconds: 1_000)

    /// The newest first; never more than two.
    private var runs: [Run] = []
    private var paces: [TrackID: Pace] = [:]
    private var lastDecode: [TrackID: MediaTime] = [:]
    /// When the sound that was placed has been heard, and where that was when the item began.
    private var soundEnd: MediaTime?
    private var soundEndBefore: MediaTime?
    /// When everything that was placed has been shown.
    private(set) var end = MediaTime.zero
    /// How often an item's clock jumped.
    private(set) var jumps = 0

    /// The frames that follow are another item's, or come after a seek.
    /// - Parameter firstPresentation: of its first picture; of its first sound when it has no pictures.
    mutating func begin(tracks: [Track], firstPresentation: MediaTime) {
        self.runs = [Run(offset: self.end - firstPresentation, newest: firstPresentation)]
        self.soundEndBefore = self.soundEnd
        self.paces = [:]
        for track in tracks { self.paces[track.id] = Self.pace(of: track) }
    }

    /// The frame with its times on the common timeline; decode times only grow within a track. Nil for sound that has no place there.
    mutating func place(_ frame: EncodedFrame) -> EncodedFrame? {
        let offset = self.offset(for: frame)
        var placed = frame
        placed.decodeTime = frame.decodeTime + offset
        let presentation = frame.presentationTime + offset
        let duration = self.duration(of: frame)
        if frame.track == .originalAudio {
            // How long its packets last is not known; those of one item follow each other.
            if let soundEnd = self.soundEndBefore, presentation < soundEnd { return nil }
        } else if frame.kind == .audio {
            if let soundEnd = self.soundEnd, presentation + MediaTime(microseconds: duration.microseconds / 2) < soundEnd { return nil }
            self.soundEnd = max(self.soundEnd ?? presentation, presentation) + duration
        }
        if let last = self.lastDecode[frame.track], placed.decodeTime <= last {
            // The first pictures of an item with B-frames are decoded before the last ones of the item before it are shown.
            placed.decodeTime = last + Self.smallestStep
            placed.compositionOffset = max(presentation - placed.decodeTime, .zero)
        }
        self.lastDecode[frame.track] = placed.decodeTime
        // What was made of an original lasts as long as it.
        if frame.track != .originalAudio { self.end = max(self.end, placed.presentationTime + duration) }
        return placed
    }

    private mutating func offset(for frame: EncodedFrame) -> MediaTime {
        var nearest: (index: Int, distance: Int64)?
        for index in self.runs.indices {
            guard let distance = self.runs[index].distance(of: frame), distance < nearest?.distance ?? Int64.max else { continue }
            nearest = (index, distance)
        }
        if let index = nearest?.index {
            self.runs[index].newest = max(self.runs[index].newest, frame.decodeTime)
            self.runs[index].tracks[frame.track] = frame.decodeTime
            return self.runs[index].offset
        }
        if !self.runs.isEmpty { self.jumps += 1 }
        let run = Run(offset: self.end - frame.presentationTime, newest: frame.decodeTime, tracks: [frame.track: frame.decodeTime])
        self.runs.insert(run, at: 0)
        if self.runs.count > 2 { self.runs.removeLast() }
        return run.offset
    }

    private mutating func duration(of frame: EncodedFrame) -> MediaTime {
        var pace = self.paces[frame.track] ?? Pace(duration: Self.guess(frame.kind), isKnown: false, isFixed: false)
        if !pace.isFixed, let last = pace.lastSource {
            let step = frame.decodeTime - last
            // A hole in the track does not make its frames longer.
            let isHole = pace.isKnown && step.microseconds > pace.duration.microseconds * 3
            if step > .zero, step <= Self.longestStep, !isHole {
                pace.duration = step
                pace.isKnown = true
            }
        }
        pace.lastSource = frame.decodeTime
        self.paces[frame.track] = pace
        return pace.duration
    }

    private static func pace(of track: Track) -> Pace {
        switch track.format {
        case .audio(let format):
            guard let samples = format.samplesPerPacket, samples > 0, format.sampleRate > 0, let rate = UInt32(exactly: format.sampleRate) else {
                break
            }
            return Pace(duration: MediaTime(ticks: Int64(samples), timescale: rate), isKnown: true, isFixed: true)
        case .video(let format):
            guard let rate = format.frameRate, rate >= 1, rate <= 1_000 else { break }
            return Pace(duration: MediaTime(microseconds: Int64(1_000_000 / rate)), isKnown: false, isFixed: false)
        }
        return Pace(duration: Self.guess(track.kind), isKnown: false, isFixed: false)
    }

    private static func guess(_ kind: MediaKind) -> MediaTime {
        MediaTime(milliseconds: kind == .video ? 40 : 20)
    }
}
