import AV
import Media
import NIOCore

/// One fragmented mp4 file while it grows. Confined to the recorder's thread.
///
/// A fragment is ended and handed to the kernel every `Recorder.Configuration.fragmentDuration`; so a process that is killed loses what came after
/// that, and the file is playable up to it. A machine that loses its power loses at most `syncInterval` more: the file is synced that often.
final class RecordingFile {
    let name: RecordingName
    private let muxer: Muxer
    private let sink: any ByteSink
    private let configuration: Recorder.Configuration
    private let timescales: [Int64]
    /// A fragment lies in memory until it ends; whatever its times are, it ends at this size.
    private static let largestFragment = 16 << 20
    private var fragmentBytes = 0
    /// Media time at which the current fragment began; nil while it is empty.
    private var fragmentStart: MediaTime?
    private var lastSync = NIODeadline.now()
    private(set) var fragments = 0
    private(set) var samples = 0

    init(name: RecordingName, tracks: [Track], disk: RecordingDisk, configuration: Recorder.Configuration) throws(AVFailure) {
        self.name = name
        self.configuration = configuration
        self.sink = try disk.open(name.temporaryPath)
        // Fragments are ended by us; tracks may begin later than zero and must stay there (frag_discont), which needs no edit lists.
        let muxer = try Muxer(
            format: "mp4", tracks: tracks, sink: self.sink,
            options: [
                "movflags": "+empty_moov+default_base_moof+frag_custom+frag_discont", "use_editlist": "0", "avoid_negative_ts": "disabled",
            ])
        self.muxer = muxer
        self.timescales = tracks.indices.map { Int64(muxer.timescale(of: $0)) }
    }

    /// True when a fragment was completed.
    func write(_ sample: RecordingTimeline.Sample) throws(AVFailure) -> Bool {
        let time = MediaTime(ticks: sample.decodeTime, timescale: UInt32(clamping: self.timescales[sample.index]))
        var completed = false
        if let start = self.fragmentStart, time - start >= self.configuration.fragmentDuration || self.fragmentBytes >= Self.largestFragment {
            try self.endFragment()
            completed = true
        }
        let packet = try Packet(
            payload: sample.payload, streamIndex: sample.index, decodeTime: sample.decodeTime, presentationTime: sample.presentationTime,
            duration: sample.duration, isKeyframe: sample.isKeyframe)
        try self.muxer.write(packet)
        self.samples += 1
        self.fragmentBytes += sample.payload.readableBytes
        if self.fragmentStart == nil { self.fragmentStart = time }
        return completed
    }

    /// Ends the last fragment. The file stays what it is: its index is of no use to the remuxing that follows.
    func close() throws(AVFailure) {
        guard self.fragmentStart != nil else { return }
        try self.endFragment()
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
