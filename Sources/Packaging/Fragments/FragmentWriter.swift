public import Media
public import NIOCore

/// Writes fragmented MP4 (ISO/IEC 14496-12 §8.8, CMAF): an initialisation segment, then fragments of `moof` and `mdat`, each with one `traf` per track.
///
/// Decode times are 64-bit, composition offsets signed, data offsets relative to the `moof`. Payload bytes are copied once, to where
/// the caller wants the fragment.
public struct FragmentWriter: Sendable {
    public let tracks: [Track]
    /// Ticks a second of each track: 90,000 for video, the sampling rate for audio.
    public let timescales: [UInt32]
    /// `ftyp` and `moov`.
    public let initSegment: ByteBuffer

    /// mfhd sequence number of the next fragment.
    private var sequenceNumber: UInt32 = 1

    public init(tracks: [Track]) throws(PackagingError) {
        guard !tracks.isEmpty else { throw .noTracks }
        self.tracks = tracks
        self.timescales = tracks.map(FragmentWriter.timescale)
        self.initSegment = try InitSegmentWriter.write(tracks, timescales: self.timescales)
    }

    public static func timescale(of track: Track) -> UInt32 {
        switch track.format {
        case .video: 90_000
        case .audio(let format): UInt32(clamping: max(format.sampleRate, 1))
        }
    }

    /// The next fragment, its payloads not yet copied; `beginsSegment`: a `styp` stands before it. Runs without samples and runs of unknown tracks are
    /// left out; with none left there is no fragment.
    public mutating func makeFragment(_ runs: [FragmentRun], beginsSegment: Bool = false) -> Fragment? {
        let runs = runs.filter { !$0.samples.isEmpty && self.tracks.indices.contains($0.trackIndex) }
        guard !runs.isEmpty else { return nil }
        let payloadBytes = runs.reduce(0) { $0 + $1.payloadBytes }
        let samples = runs.reduce(0) { $0 + $1.samples.count }
        var buffer = ByteBufferAllocator().buffer(capacity: 16 * samples + 100 * runs.count + 96)
        if beginsSegment { Self.writeSegmentType(into: &buffer) }

        let start = buffer.writerIndex
        var offsetPlaces: [Int] = []
        let number = self.sequenceNumber
        buffer.writeBox("moof") { buffer in
            buffer.writeFullBox("mfhd") { $0.writeInteger(number) }
            for run in runs { offsetPlaces.append(self.writeTrackFragment(run, into: &buffer)) }
        }
        self.sequenceNumber &+= 1

        var offset = buffer.writerIndex - start + 8
        for (run, place) in zip(runs, offsetPlaces) {
            buffer.setInteger(Int32(clamping: offset), at: place)
            offset += run.payloadBytes
        }
        buffer.writeInteger(UInt32(clamping: payloadBytes + 8))
        buffer.writeStaticString("mdat")
        return Fragment(head: buffer, runs: runs, payloadBytes: payloadBytes)
    }

    private static func writeSegmentType(into buffer: inout ByteBuffer) {
        buffer.writeBox("styp") { buffer in
            buffer.writeStaticString("msdh")
            buffer.writeInteger(UInt32(0))
            buffer.writeStaticString("msdhcmfs")
        }
    }

    /// Returns where the data offset stands, to be filled in.
    private func writeTrackFragment(_ run: FragmentRun, into buffer: inout ByteBuffer) -> Int {
        var offsetPlace = 0
        // What is the same for all samples is said once: always so for audio, but for the odd gap.
        let first = run.samples[0]
        let sharesDuration = run.samples.allSatisfy { $0.duration == first.duration }
        let sharesFlags = run.samples.allSatisfy { $0.isSync == first.isSync }
        let hasOffsets = run.samples.contains { $0.compositionOffset != 0 }
        buffer.writeBox("traf") { buffer in
            buffer.writeFullBox("tfhd", flags: 0x02_0000 | (sharesDuration ? 0x08 : 0) | (sharesFlags ? 0x20 : 0)) { buffer in
                buffer.writeInteger(UInt32(run.trackIndex + 1))
                if sharesDuration { buffer.writeInteger(first.duration) }
                if sharesFlags { buffer.writeInteger(Self.flags(of: first)) }
            }
            buffer.writeFullBox("tfdt", version: 1) { $0.writeInteger(run.startTicks) }
            let flags: UInt32 = 0x201 | (sharesDuration ? 0 : 0x100) | (sharesFlags ? 0 : 0x400) | (hasOffsets ? 0x800 : 0)
            buffer.writeFullBox("trun", version: 1, flags: flags) { buffer in
                buffer.writeInteger(UInt32(clamping: run.samples.count))
                offsetPlace = buffer.writerIndex
                buffer.writeInteger(Int32(0))
                for sample in run.samples {
                    if !sharesDuration { buffer.writeInteger(sample.duration) }
                    buffer.writeInteger(UInt32(clamping: sample.payload.readableBytes))
                    if !sharesFlags { buffer.writeInteger(Self.flags(of: sample)) }
                    if hasOffsets { buffer.writeInteger(sample.compositionOffset) }
                }
            }
        }
        return offsetPlace
    }

    /// §8.8.3.1: a sync sample depends on no other; any other does, and is no sync sample.
    private static func flags(of sample: FragmentRun.Sample) -> UInt32 { sample.isSync ? 0x0200_0000 : 0x0101_0000 }
}
