import AV
import Media
import NIOCore

/// One file while it grows: mp4 in fragments, WebM in clusters. Confined to the recorder's thread.
///
/// A fragment is ended and handed to the kernel every `Recorder.Configuration.fragmentDuration`; so a process that is killed loses what came after
/// that, and the file is playable up to it. A machine that loses its power loses at most `syncInterval` more: the file is synced that often.
final class RecordingFile {
    let name: RecordingName
    private let format: RecordingFormat
    private let muxer: Muxer
    private let sink: any ByteSink
    private let configuration: Recorder.Configuration
    /// In which samples come, and in which the container counts.
    private let timescales: [(given: UInt32, own: UInt32)]
    /// A fragment lies in memory until it ends; whatever its times are, it ends at this size.
    private static let largestFragment = 16 << 20
    private var fragmentBytes = 0
    /// Media time at which the current fragment began; nil while it is empty.
    private var fragmentStart: MediaTime?
    private var lastSync = NIODeadline.now()
    private(set) var fragments = 0
    private(set) var samples = 0

    init(
        name: RecordingName, timeline: RecordingTimeline, format: RecordingFormat, disk: RecordingDisk, configuration: Recorder.Configuration
    ) throws(AVFailure) {
        self.name = name
        self.format = format
        self.configuration = configuration
        self.sink = try disk.open(name.temporaryPath)
        let muxer = try Muxer(format: format.rawValue, tracks: timeline.tracks, sink: self.sink, options: format.growingOptions)
        self.muxer = muxer
        self.timescales = timeline.timescales.enumerated().map { ($1, UInt32(clamping: muxer.timescale(of: $0))) }
    }

    /// True when a fragment was completed.
    func write(_ sample: RecordingTimeline.Sample) throws(AVFailure) -> Bool {
        let time = self.time(sample.decodeTime, sample.index)
        var completed = false
        if let start = self.fragmentStart, time - start >= self.configuration.fragmentDuration || self.fragmentBytes >= Self.largestFragment {
            try self.endFragment()
            completed = true
        }
        let decode = self.ticks(sample.decodeTime, sample.index)
        let packet = try Packet(
            payload: sample.payload, streamIndex: sample.index, decodeTime: decode,
            presentationTime: self.ticks(sample.presentationTime, sample.index),
            duration: self.ticks(sample.decodeTime + sample.duration, sample.index) - decode, isKeyframe: sample.isKeyframe)
        try self.muxer.write(packet)
        self.samples += 1
        self.fragmentBytes += sample.payload.readableBytes
        if self.fragmentStart == nil { self.fragmentStart = time }
        return completed
    }

    private func time(_ ticks: Int64, _ index: Int) -> MediaTime { MediaTime(ticks: ticks, timescale: self.timescales[index].given) }

    private func ticks(_ ticks: Int64, _ index: Int) -> Int64 {
        let (given, own) = self.timescales[index]
        return given == own ? ticks : self.time(ticks, index).ticks(timescale: own)
    }

    /// Ends the last fragment. The file stays what it is: its index is of no use to the remuxing that follows.
    func close() throws(AVFailure) {
        guard self.fragmentStart != nil else { return }
        try self.endFragment()
        // WebM's writer holds back the newest packet of sound, so that a cluster can begin with a keyframe.
        if self.format == .webM { try self.muxer.finish() }
    }

    private func endFragment() throws(AVFailure) {
        try self.muxer.flushFragment()
        self.fragmentStart = nil
        self.fragmentBytes = 0
        self.fragments += 1
        let now = NIODeadline.now()
        if now - self.lastSync >= self.configuration.syncInterval {
            self.lastSync = now
            try self.sink.synchronise()
        }
    }
}
