import Media
import NIOCore

/// The samples of one track that wait for their fragment.
struct SampleQueue: Sendable {
    private struct Entry {
        /// What decides on which side of a boundary it falls: decode time of video, exact start of audio.
        let time: MediaTime
        let ticks: Int64
        /// Used when no sample follows yet; otherwise a sample lasts until the next.
        let nominalDuration: Int64
        let compositionOffset: Int32
        let isSync: Bool
        let payload: ByteBuffer
    }

    let track: Track
    private let trackIndex: Int
    private let timescale: UInt32
    private var entries: [Entry] = []
    private var clock: AudioClock
    private(set) var bytes = 0
    /// Time of the newest sample ever appended.
    private(set) var newest: MediaTime?
    private var lastTicks: Int64 = -1
    /// Distance of the newest two samples, for the last one before a pause.
    private var lastDistance: Int64

    init(track: Track, trackIndex: Int, timescale: UInt32) {
        self.track = track
        self.trackIndex = trackIndex
        self.timescale = timescale
        self.clock = AudioClock(timescale: timescale)
        switch track.format {
        case .video(let format): self.lastDistance = Int64((Double(timescale) / (format.frameRate ?? 30)).rounded())
        case .audio: self.lastDistance = 1024
        }
    }

    var isEmpty: Bool { self.entries.isEmpty }
    var oldest: MediaTime? { self.entries.first?.time }
    /// When the newest sample ends, as far as is known.
    var end: MediaTime? {
        self.entries.last.map { MediaTime(ticks: $0.ticks + $0.nominalDuration, timescale: self.timescale) }
    }
    /// Whether the newest sample is a random access point.
    var newestIsSync: Bool { self.entries.last?.isSync ?? false }

    /// False when the frame was refused: an Opus packet whose length cannot be told.
    mutating func append(_ frame: EncodedFrame) -> Bool {
        var ticks: Int64
        var nominal: Int64?
        switch self.track.kind {
        case .video:
            ticks = max(frame.decodeTime.ticks(timescale: self.timescale), self.lastTicks + 1, 0)
        case .audio:
            if self.track.codec == .opus {
                do throws(MediaError) {
                    nominal = Int64(try OpusPacket.sampleCount(frame.payload))
                } catch {
                    return false
                }
            } else {
                nominal = self.track.audio?.samplesPerPacket.map(Int64.init)
            }
            ticks = self.clock.place(frame.decodeTime, samples: nominal)
        }
        if self.lastTicks >= 0 { self.lastDistance = min(ticks - self.lastTicks, Int64(self.timescale)) }
        self.lastTicks = ticks
        let time = self.track.kind == .video ? frame.decodeTime : MediaTime(ticks: ticks, timescale: self.timescale)
        self.newest = time
        self.bytes += frame.payload.readableBytes
        self.entries.append(
            Entry(
                time: time, ticks: ticks, nominalDuration: nominal ?? self.lastDistance,
                compositionOffset: Int32(clamping: frame.compositionOffset.ticks(timescale: self.timescale)),
                isSync: frame.isKeyframe, payload: frame.payload))
        return true
    }

    /// Time of the last sample after `floor` and not after `limit`.
    func latest(after floor: MediaTime, notAfter limit: MediaTime) -> MediaTime? {
        self.entries.last { $0.time <= limit && $0.time > floor }?.time
    }

    /// Takes the samples before `time`, all of them when it is nil.
    mutating func take(before time: MediaTime?) -> FragmentRun? {
        let count = time.map { time in self.entries.firstIndex { $0.time >= time } ?? self.entries.count } ?? self.entries.count
        guard count > 0 else { return nil }
        var samples: [FragmentRun.Sample] = []
        samples.reserveCapacity(count)
        for (index, entry) in self.entries[..<count].enumerated() {
            let isLast = index + 1 == self.entries.count
            let duration = isLast ? entry.nominalDuration : self.entries[index + 1].ticks - entry.ticks
            samples.append(
                FragmentRun.Sample(
                    duration: UInt32(clamping: duration), compositionOffset: entry.compositionOffset, isSync: entry.isSync, payload: entry.payload))
            self.bytes -= entry.payload.readableBytes
        }
        let start = UInt64(clamping: self.entries[0].ticks)
        self.entries.removeFirst(count)
        return FragmentRun(trackIndex: self.trackIndex, startTicks: start, samples: samples)
    }

    /// Forgets the samples before `time`; returns how many those were.
    mutating func drop(before time: MediaTime) -> Int { self.take(before: time)?.samples.count ?? 0 }

    /// Forgets everything, the audio clock's anchor too.
    mutating func reset() -> Int {
        let count = self.entries.count
        self = SampleQueue(track: self.track, trackIndex: self.trackIndex, timescale: self.timescale)
        return count
    }
}
