import Media
import NIOCore
import Streams

/// Puts silent AAC beside pictures that have no sound: some platforms show nothing without. One per connection; sound of the stream's own passes
/// and takes over, whenever there is some. A value without I/O.
struct SilentSound {
    /// AAC-LC, 48 kHz, two channels (ISO/IEC 14496-3 §1.6.2.1).
    static let track = Track(
        id: TrackID(rawValue: 255), codec: .aac, configuration: [0x11, 0x90],
        format: .audio(AudioFormat(sampleRate: 48_000, channelCount: 2, samplesPerPacket: 1_024)))
    /// A channel pair of zero-valued spectra, as every AAC encoder makes it of digital silence.
    static let packet = ByteBuffer(bytes: [0x21, 0x10, 0x04, 0x60, 0x8C, 0x1C])
    /// Longer gaps between pictures are not filled: there is nothing to hear with.
    private static let longestGap = MediaTime(milliseconds: 1_000)

    private var isNeeded = false
    /// Where the filling began, and how many packets it has had: times are counted in samples, so that they do not drift.
    private var start: MediaTime?
    private var packets: Int64 = 0
    /// No sound may come before this.
    private var newestSound: MediaTime?

    private var nextTime: MediaTime? {
        self.start.map { $0 + MediaTime(ticks: self.packets * 1_024, timescale: 48_000) }
    }

    /// Appends `item` and the silence that belongs up to it.
    mutating func pass(_ item: StreamItem, into items: inout [StreamItem]) {
        switch item {
        case .tracks(let tracks):
            self.isNeeded = !tracks.contains { $0.kind == .audio } && tracks.contains { $0.kind == .video }
            self.start = nil
            items.append(self.isNeeded ? .tracks(tracks + [Self.track]) : item)
        case .frame(let frame) where frame.kind == .audio:
            // Sound that begins a little before the silence ended.
            if let newest = self.newestSound, frame.decodeTime <= newest { return }
            self.newestSound = frame.decodeTime
            items.append(item)
        case .frame(let frame):
            // In the order of their times: what is silent before this picture goes before it. Nothing is before the first, which begins it.
            let isFirst = self.start == nil
            if self.isNeeded, !isFirst { self.fill(upTo: frame.decodeTime, into: &items) }
            items.append(item)
            if self.isNeeded, isFirst { self.fill(upTo: frame.decodeTime, into: &items) }
        case .discontinuity, .ended:
            items.append(item)
        }
    }

    private mutating func fill(upTo time: MediaTime, into items: inout [StreamItem]) {
        if let next = self.nextTime, time - next > Self.longestGap { self.start = nil }
        if self.start == nil {
            // Right behind what there was, so that nobody hears, or sees in the times, where it begins.
            let next = self.newestSound.map { $0 + MediaTime(milliseconds: 22) } ?? time
            self.start = time - next > Self.longestGap ? time : next
            self.packets = 0
        }
        while let next = self.nextTime, next <= time {
            items.append(
                .frame(EncodedFrame(track: Self.track.id, kind: .audio, isKeyframe: true, decodeTime: next, payload: Self.packet)))
            self.newestSound = next
            self.packets += 1
        }
    }
}
