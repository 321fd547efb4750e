import AV
import Foundation
import Media
import NIOCore
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Outputs

/// What is in webm files, copied and encoded, as ffprobe and ffmpeg see it.
@Suite struct WebMRecordingTests {
    struct Pair: Sendable, CustomStringConvertible {
        var video: [String]?
        var audio: [String]?
        var container = "mp4"
        /// In the file.
        var codecs: [String]
        var encoding = WebMEncoding()
        var description: String { "\(self.video?[1] ?? "") \(self.audio?[1] ?? "") as \(self.codecs.joined(separator: "+"))" }
    }

    static let copied = [
        Pair(video: Clip.vp9, audio: Clip.opus, codecs: ["vp9", "opus"]),
        Pair(video: Clip.av1, audio: Clip.opus, codecs: ["av1", "opus"]),
        Pair(video: Clip.vp8, audio: Clip.opus, container: "mkv", codecs: ["vp8", "opus"]),
        Pair(video: Clip.vp8, audio: Clip.vorbis, container: "webm", codecs: ["vp8", "vorbis"]),
        Pair(video: Clip.vp9, audio: Clip.vorbis, container: "mkv", codecs: ["vp9", "vorbis"]),
        Pair(video: nil, audio: Clip.vorbis, container: "ogg", codecs: ["vorbis"]),
        Pair(video: Clip.vp9, audio: nil, codecs: ["vp9"]),
        Pair(video: nil, audio: Clip.opus, codecs: ["opus"]),
    ]
    static let encoded = [
        Pair(video: Clip.h264, audio: Clip.aac, codecs: ["vp8", "opus"]),
        Pair(video: Clip.h264, audio: Clip.aac, codecs: ["vp9", "opus"], encoding: WebMEncoding(codec: .vp9)),
        Pair(video: Clip.h264, audio: Clip.mp3, codecs: ["vp8", "opus"], encoding: WebMEncoding(bitrate: 400_000, quality: 20, threads: 2)),
        Pair(video: Clip.hevc, audio: Clip.opus, codecs: ["vp8", "opus"]),
        Pair(video: Clip.vp9, audio: Clip.aac, codecs: ["vp9", "opus"]),
        Pair(video: Clip.h264, audio: Clip.vorbis, container: "mkv", codecs: ["vp8", "vorbis"]),
        Pair(video: Clip.h264, audio: nil, codecs: ["vp8"]),
        Pair(video: nil, audio: Clip.aac, codecs: ["opus"]),
    ]

    private func recorder(_ bench: RecordingBench, _ encoding: WebMEncoding = .init()) -> Recorder {
        bench.recorder(format: .webM, configuration: .init(minimumFreeBytes: 0, webM: encoding))
    }

    /// Of every packet, in order.
    private func payloads(_ path: String, _ kind: MediaKind) throws -> [ByteBuffer] {
        let demuxer = try Demuxer(path: path)
        let index = try #require(demuxer.tracks.firstIndex { $0.kind == kind })
        var payloads: [ByteBuffer] = []
        let packet = try Packet()
        while try demuxer.read(into: packet) {
            if packet.streamIndex == index { payloads.append(packet.payload) }
        }
        return payloads
    }

    /// Players would not turn a webm.
    @Test func picturesThatLieOnTheirSideAreEncodedUpright() async throws {
        let bench = try RecordingBench()
        let filters = ("color=white:s=160x90:r=25:d=2,drawbox=x=80:y=0:w=80:h=90:color=black:t=fill", "")
        var clip = try Clip(filters: filters, video: Clip.h264, audio: nil, in: bench.folder)
        clip.tracks = clip.tracks.map { $0.turned(.quarter) }
        let recorder = self.recorder(bench)
        _ = try recorder.start()
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.inMilliseconds, to: publisher)
        publisher.end(.finished)
        await recorder.waitUntilEnded()
        let path = try #require(bench.outcomes.value.first).path
        let track = try #require(try Demuxer(path: path).tracks.first)
        #expect(track.video?.width == 90 && track.video?.height == 160 && track.video?.turn == PictureTurn.none)
        let raw = bench.folder.path + "/picture.gray"
        try Tool.output(
            of: "ffmpeg", ["-v", "error", "-i", path, "-frames:v", "1", "-vf", "scale=1:2:flags=area,format=gray", "-f", "rawvideo", raw])
        let halves = [UInt8](try Data(contentsOf: URL(fileURLWithPath: raw)))
        #expect(halves.count == 2 && halves[0] > 200 && halves[1] < 50, "what was to the left is above: \(halves)")
    }

    @Test(arguments: copied) func whatWebMHoldsIsCopiedToTheLastBit(pair: Pair) async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: pair.video, audio: pair.audio, container: pair.container, in: bench.folder)
        // Nothing may be encoded.
        let recorder = self.recorder(bench, WebMEncoding(slots: EncoderSlots(limit: 0)))
        let started = try recorder.start()
        #expect(started.temporaryPath == bench.folder.path + "/cam.webm.tmp_extension")
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.inMilliseconds, to: publisher)
        publisher.end(.finished)
        await recorder.waitUntilEnded()
        let outcome = try #require(bench.outcomes.value.first)
        #expect(outcome.failure == nil)
        #expect(outcome.fileName == "cam.webm")
        #expect(abs(outcome.durationMilliseconds - 6000) <= 100)
        #expect(try bench.folder.files() == ["cam.webm"])
        let inspection = try Inspection(outcome.path)
        #expect(inspection.codecs == pair.codecs)
        #expect(inspection.errors == "")
        #expect(inspection.decodeTimesRise)
        #expect(abs(inspection.duration - 6) < 0.1)
        #expect(inspection.packets.map(\.presentation).min().map { abs($0) < 0.025 } == true)
        for kind in [MediaKind.video, .audio] where clip.tracks.contains(where: { $0.kind == kind }) {
            let sent = clip.frames(kind).map(\.payload)
            let kept = try self.payloads(outcome.path, kind)
            // Sound from before the first picture is left out.
            #expect(kept.count >= sent.count - 2)
            #expect(kept == Array(sent.suffix(kept.count)))
        }
        if pair.codecs.count == 2 { #expect(abs(inspection.startOffset) < 0.04) }
        #expect(RecordingDisk.size(of: outcome.path) == outcome.bytes)
        #expect(try Self.hasIndex(outcome.path))
    }

    @Test func soundOfAStreamWhosePicturesDoNotComeIsRecordedAndPicturesThatComeAfterAllAreToo() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: Clip.aac, seconds: 36, in: bench.folder)
        // Short of a keyframe, which is the first that can be used.
        let late = MediaTime(milliseconds: 31_500)
        let configuration = Recorder.Configuration(
            minimumFreeBytes: 0, queue: .init(bytes: 32 << 20, duration: MediaTime(milliseconds: 60_000)), webM: WebMEncoding())
        let recorder = bench.recorder(format: .webM, configuration: configuration)
        _ = try recorder.start()
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.inMilliseconds.filter { $0.kind == .audio || $0.decodeTime >= late }, to: publisher)
        publisher.end(.finished)
        await recorder.waitUntilEnded()
        let files = bench.outcomes.value.sorted { $0.part < $1.part }
        #expect(files.map(\.failure) == [nil, nil])
        #expect(files.map(\.hasPicture) == [false, true])
        let sound = try Inspection(try #require(files.first).path)
        #expect(sound.codecs == ["opus"])
        #expect(sound.errors == "")
        #expect(abs(sound.duration - 32) < 0.1)
        let both = try Inspection(try #require(files.last).path)
        #expect(both.codecs == ["vp8", "opus"])
        #expect(both.errors == "")
        #expect(abs(both.duration - 4) < 0.1)
        #expect(both.packets(of: "video").first?.isKeyframe == true)
        #expect(abs(both.startOffset) < 0.04)
    }

    @Test(arguments: encoded) func whatWebMDoesNotHoldIsEncoded(pair: Pair) async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: pair.video, audio: pair.audio, seconds: 4, container: pair.container, in: bench.folder)
        let recorder = self.recorder(bench, pair.encoding)
        _ = try recorder.start()
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.inMilliseconds, to: publisher)
        publisher.end(.finished)
        await recorder.waitUntilEnded()
        let outcome = try #require(bench.outcomes.value.first)
        #expect(bench.outcomes.value.count == 1)
        #expect(outcome.failure == nil)
        #expect(outcome.droppedFrames == 0)
        #expect(outcome.hasPicture == (pair.video != nil))
        #expect(abs(outcome.durationMilliseconds - 4000) <= 100)
        let inspection = try Inspection(outcome.path)
        #expect(inspection.codecs == pair.codecs)
        #expect(inspection.errors == "")
        #expect(inspection.decodeTimesRise)
        #expect(abs(inspection.duration - 4) < 0.1)
        if pair.video != nil {
            let pictures = inspection.packets(of: "video")
            #expect(pictures.count == 100)
            #expect(pictures.first?.isKeyframe == true)
            // Where the source has them.
            for second in 0..<4 { #expect(pictures[second * 25].isKeyframe) }
            #expect(try Self.size(outcome.path) == "160,90")
        }
        if pair.codecs.count == 2 { #expect(abs(inspection.startOffset) < 0.04) }
        #expect(pair.encoding.slots.count == 0)
        #expect(try Self.hasIndex(outcome.path))
    }

    @Test(arguments: [copied[0], copied[3], encoded[0], encoded[4]]) func aWebMStartedInMidGroupBeginsAtTheLastKeyframeInSync(pair: Pair) async throws
    {
        let bench = try RecordingBench()
        let clip = try Clip(video: pair.video, audio: pair.audio, container: pair.container, in: bench.folder)
        let frames = clip.inMilliseconds
        let publisher = try bench.publisher(of: clip)
        let half = try #require(frames.firstIndex { $0.decodeTime >= MediaTime(milliseconds: 3_500) })
        bench.publish(frames[..<half], to: publisher)
        let recorder = self.recorder(bench)
        _ = try recorder.start()
        bench.publish(frames[half...], to: publisher)
        recorder.stop()
        await recorder.waitUntilEnded()
        let outcome = try #require(bench.outcomes.value.first)
        let inspection = try Inspection(outcome.path)
        #expect(outcome.failure == nil)
        #expect(inspection.errors == "")
        #expect(inspection.packets(of: "video").first?.isKeyframe == true)
        #expect(inspection.packets(of: "video").first.map { $0.presentation < 0.001 } == true)
        #expect(inspection.packets(of: "video").count == 75)
        #expect(abs(inspection.startOffset) < 0.04)
        #expect(abs(inspection.duration - 3) < 0.1)
    }

    @Test func encodedSoundAndPicturesStayTogether() async throws {
        let bench = try RecordingBench()
        let flash = "color=black:size=160x90:rate=25:duration=5,drawbox=color=white:t=fill:enable='lt(mod(t,1),0.08)'"
        let beep = "sine=frequency=1000:sample_rate=48000:duration=5,volume='if(lt(mod(t,1),0.08),1,0)':eval=frame"
        let clip = try Clip(filters: (flash, beep), video: Clip.h264, audio: Clip.aac, in: bench.folder)
        let frames = clip.inMilliseconds
        let publisher = try bench.publisher(of: clip)
        let half = try #require(frames.firstIndex { $0.decodeTime >= MediaTime(milliseconds: 1_300) })
        bench.publish(frames[..<half], to: publisher)
        let recorder = self.recorder(bench)
        _ = try recorder.start()
        bench.publish(frames[half...], to: publisher)
        recorder.stop()
        await recorder.waitUntilEnded()
        let (flashes, beeps) = try flashesAndBeeps(try #require(bench.outcomes.value.first).path)
        #expect(beeps.count >= 3)
        for beep in beeps where beep < 3.9 {
            let nearest = try #require(flashes.min { abs($0 - beep) < abs($1 - beep) })
            #expect(abs(nearest - beep) < 0.04, "flash \(nearest), beep \(beep)")
        }
    }

    @Test func picturesOfAnotherSizeGoOnInAnotherWebM() async throws {
        let bench = try RecordingBench()
        let small = try Clip(video: Clip.h264, audio: Clip.aac, seconds: 2, in: bench.folder)
        let large = try Clip(video: Clip.h264, audio: Clip.aac, seconds: 2, size: "320x180", in: bench.folder)
        let encoding = WebMEncoding(slots: EncoderSlots(limit: 1))
        let recorder = self.recorder(bench, encoding)
        _ = try recorder.start()
        let publisher = try bench.publisher(of: small)
        bench.publish(small.frames, to: publisher)
        for track in large.tracks { publisher.announce(track) }
        bench.publish(large.frames(after: MediaTime(milliseconds: 2_000)), to: publisher)
        publisher.end(.finished)
        await recorder.waitUntilEnded()
        let outcomes = bench.outcomes.value.sorted { $0.part < $1.part }
        #expect(outcomes.map(\.fileName) == ["cam.webm", "cam_1.webm"])
        #expect(outcomes.allSatisfy { $0.failure == nil })
        for (outcome, size) in zip(outcomes, ["160,90", "320,180"]) {
            let inspection = try Inspection(outcome.path)
            #expect(inspection.errors == "")
            #expect(inspection.packets(of: "video").count == 50)
            #expect(abs(inspection.duration - 2) < 0.1)
            #expect(try Self.size(outcome.path) == size)
        }
        #expect(encoding.slots.count == 0)
    }

    @Test func anotherPublisherGoesOnInTheSameWebM() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: Clip.aac, seconds: 2, in: bench.folder)
        let recorder = self.recorder(bench)
        _ = try recorder.start()
        let first = try bench.publisher(of: clip, credential: "same")
        bench.publish(clip.frames, to: first)
        let second = try bench.publisher(of: clip, credential: "same")
        // It joins in the middle of a group: those pictures cannot be shown.
        bench.publish(clip.frames.dropFirst(40), to: second)
        second.end(.finished)
        await recorder.waitUntilEnded()
        #expect(bench.outcomes.value.map(\.fileName) == ["cam.webm"])
        let inspection = try Inspection(try #require(bench.outcomes.value.first).path)
        #expect(inspection.errors == "")
        #expect(inspection.decodeTimesRise)
        #expect(inspection.packets(of: "video").count == 50 + 25)
        first.end(.finished)
    }

    @Test func noMoreRecordingsAreEncodedThanMayBe() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: Clip.aac, seconds: 2, in: bench.folder)
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.frames, to: publisher)
        let none = WebMEncoding(slots: EncoderSlots(limit: 0))
        #expect(throws: RecordingFailure.tooManyEncoders) { try self.recorder(bench, none).start() }
        #expect(try bench.folder.files() == [])
        publisher.end(.finished)
        // What a stream will be is not known before it begins.
        let early = self.recorder(bench, none)
        _ = try early.start()
        let second = try bench.publisher(of: clip)
        bench.publish(clip.frames, to: second)
        await early.waitUntilEnded()
        #expect(bench.outcomes.value.map(\.failure) == [.tooManyEncoders])
        #expect(try bench.folder.files() == [])
        #expect(bench.stream.isLive)
        second.end(.finished)
    }

    /// A decoder that stands far behind its stream gives the encoder keyframes only, and what is left out is counted.
    @Test func whatAMachineHasNoTimeForIsLeftOut() throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: nil, seconds: 5, in: bench.folder)
        let publisher = try bench.publisher(of: clip)
        let slots = EncoderSlots(limit: 1)
        let conversion = try PictureConversion(try #require(clip.tracks.first), of: bench.stream, encoding: WebMEncoding(slots: slots))
        var frames: [EncodedFrame] = []
        for frame in clip.frames.prefix(25) {
            publisher.publish(frame, now: .now())
            try conversion.take(frame, into: &frames)
        }
        bench.publish(clip.frames.dropFirst(25), to: publisher)
        for round in 1...5 { bench.publish(clip.frames(after: MediaTime(milliseconds: Int64(round) * 5_000)), to: publisher) }
        for frame in clip.frames.dropFirst(25) { try conversion.take(frame, into: &frames) }
        try conversion.finish(into: &frames)
        let late = frames.filter { $0.decodeTime >= MediaTime(milliseconds: 1_200) }
        #expect(!late.isEmpty)
        #expect(late.allSatisfy { $0.isKeyframe })
        #expect(frames.count + conversion.dropped == 125)
        #expect(conversion.dropped > 80)
        #expect(slots.droppedFrames.load(ordering: .relaxed) == UInt64(conversion.dropped))
    }

    @Test func tenWebMsInARowAreTenWholeFiles() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: Clip.aac, seconds: 11, in: bench.folder)
        let publisher = try bench.publisher(of: clip)
        var rest = clip.frames[...]
        for round in 1...10 {
            let recorder = bench.recorder(id: "\(round)", format: .webM)
            _ = try recorder.start()
            let end = rest.firstIndex { $0.decodeTime >= MediaTime(milliseconds: Int64(round) * 1000 + 300) } ?? rest.endIndex
            bench.publish(rest[..<end], to: publisher)
            rest = rest[end...]
            recorder.stop()
            await recorder.waitUntilEnded()
        }
        let outcomes = bench.outcomes.value
        #expect(outcomes.map(\.fileName) == ["cam.webm"] + (1...9).map { "cam_\($0).webm" })
        #expect(outcomes.allSatisfy { $0.failure == nil && $0.durationMilliseconds >= 1100 })
        for outcome in outcomes {
            let inspection = try Inspection(outcome.path)
            #expect(inspection.errors == "")
            #expect(inspection.packets(of: "video").first?.isKeyframe == true)
            #expect(abs(inspection.startOffset) < 0.04)
        }
        #expect(bench.stream.readerCount == 0)
    }

    private static func size(_ path: String) throws -> String {
        try Tool.output(of: "ffprobe", ["-v", "error", "-select_streams", "v", "-show_entries", "stream=width,height", "-of", "csv=p=0", path])
    }

    /// Cues, in front of the clusters, so that a player can seek before it has the whole file.
    private static func hasIndex(_ path: String) throws -> Bool {
        let elements = webMElements(try Data(contentsOf: URL(fileURLWithPath: path))).map(\.id)
        let cluster = try #require(elements.firstIndex(of: 0x1F43_B675))
        return elements.firstIndex(of: 0x1C53_BB6B).map { $0 < cluster } ?? false
    }
}

/// The outermost elements of a WebM file, those of its segment instead of that, and where each ends.
func webMElements(_ data: Data) -> [(id: Int, end: Int)] {
    let bytes = [UInt8](data)
    func number(at position: Int, keepsMark: Bool) -> (value: Int, end: Int)? {
        guard position < bytes.count else { return nil }
        let length = bytes[position].leadingZeroBitCount + 1
        guard length <= 8, position + length <= bytes.count else { return nil }
        let first = keepsMark ? Int(bytes[position]) : Int(bytes[position]) & (0xFF >> length)
        return (bytes[(position + 1)..<(position + length)].reduce(first) { $0 << 8 | Int($1) }, position + length)
    }
    var (elements, position) = ([(id: Int, end: Int)](), 0)
    while let id = number(at: position, keepsMark: true), let size = number(at: id.end, keepsMark: false) {
        let isSegment = id.value == 0x1853_8067
        position = isSegment ? size.end : size.end + size.value
        if !isSegment { elements.append((id.value, position)) }
    }
    return elements
}

/// When a file turns white, and when its sound begins after silence, in seconds.
func flashesAndBeeps(_ path: String) throws -> (flashes: [Double], beeps: [Double]) {
    let flashes = try Tool.output(
        of: "ffprobe",
        [
            "-v", "error", "-f", "lavfi", "-show_entries", "frame=pts_time:frame_tags=lavfi.signalstats.YAVG", "-of", "csv=p=0",
            "movie=\(path),signalstats",
        ]
    )
    .split(separator: "\n").map { $0.split(separator: ",").compactMap { Double($0) } }.filter { $0.count == 2 && $0[1] > 120 }.map { $0[0] }
    let silences = try Tool.output(of: "ffmpeg", ["-v", "info", "-i", path, "-af", "silencedetect=noise=-30dB:d=0.3", "-f", "null", "-"])
    let beeps = silences.split(separator: "\n").filter { $0.contains("silence_end") }
        .compactMap { line in line.split(separator: " ").drop { !$0.hasPrefix("silence_end") }.dropFirst().first.flatMap { Double($0) } }
    return (flashes.filter { time in !flashes.contains { $0 < time && time - $0 < 0.5 } }, beeps)
}
