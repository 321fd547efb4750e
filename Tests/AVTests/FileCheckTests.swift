import Foundation
import Media
import Testing

@testable import AV

@Suite struct FileCheckTests {
    private func check(_ path: String, _ formats: [String]) -> Result<MediaProbe, AVFailure> {
        Result { () throws(AVFailure) in try FileCheck.run(path: path, formats: formats, within: .seconds(30)) }
    }

    private func cause(_ path: String, _ formats: [String]) -> AVFailure.Cause? {
        if case .failure(let failure) = self.check(path, formats) { failure.cause } else { nil }
    }

    @Test(arguments: [
        ("a.mp4", ["mov"], Encoders.h264, Encoders.aac), ("a.mov", ["mov"], Encoders.h264, Encoders.aac),
        ("a.webm", ["matroska"], Encoders.vp9, Encoders.opus), ("a.flv", ["flv"], Encoders.h264, Encoders.aac),
        ("a.mkv", ["matroska"], Encoders.h264, Encoders.aac),
    ])
    func aWholeFileOfItsKindIsGood(name: String, formats: [String], video: [String], audio: [String]) throws {
        let clips = try Clips()
        let probe = try self.check(clips.make(name, video: video, audio: audio), formats).get()
        #expect(abs(try #require(probe.duration).seconds - 2) < 0.15)
        #expect(probe.streamCount == 2)
    }

    @Test func soundAloneWillDoAndSubtitlesAloneWillNot() throws {
        let clips = try Clips()
        #expect(self.cause(try clips.make("a.mp3", video: nil, audio: Encoders.mp3), ["mp3"]) == nil)
        let text = clips.path("text.srt")
        try Data("1\n00:00:00,000 --> 00:00:01,000\nWords.\n".utf8).write(to: URL(fileURLWithPath: text))
        try Clips.run("ffmpeg", ["-v", "error", "-y", "-i", text, "-c:s", "mov_text", clips.path("text.mp4")])
        #expect(self.cause(clips.path("text.mp4"), ["mov"]) == .unsupported)
    }

    @Test func whatWasCutOffIsBrokenWhereverItsIndexIs() throws {
        let clips = try Clips()
        for (name, flags) in [("front.mp4", "+faststart"), ("back.mp4", "-faststart")] {
            let path = try clips.make(name, video: Encoders.h264, audio: Encoders.aac + ["-movflags", flags])
            #expect(self.cause(path, ["mov"]) == nil)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            try bytes.dropLast(bytes.count / 2).write(to: URL(fileURLWithPath: path))
            #expect(self.cause(path, ["mov"]) == .invalidData, "\(name)")
        }
    }

    struct Kind: Sendable, CustomTestStringConvertible {
        var name: String
        var formats: [String]
        var video: [String]?
        var audio: [String]?
        var testDescription: String { self.name }
    }

    static let kinds = [
        Kind(name: "a.mp4", formats: ["mov"], video: Encoders.h264, audio: Encoders.aac + ["-movflags", "+faststart"]),
        Kind(name: "a.mov", formats: ["mov"], video: Encoders.h264, audio: Encoders.aac + ["-movflags", "+faststart"]),
        Kind(name: "a.webm", formats: ["matroska"], video: Encoders.vp9, audio: Encoders.opus),
        Kind(name: "a.mkv", formats: ["matroska"], video: Encoders.h264, audio: Encoders.aac),
        Kind(name: "a.avi", formats: ["avi"], video: ["-c:v", "mpeg4", "-g", "25"], audio: Encoders.mp3),
        Kind(name: "a.wmv", formats: ["asf"], video: ["-c:v", "wmv2", "-g", "25"], audio: ["-c:a", "wmav2"]),
        Kind(name: "a.mp3", formats: ["mp3"], video: nil, audio: Encoders.mp3),
        Kind(name: "a.flv", formats: ["flv"], video: Encoders.h264, audio: Encoders.aac),
    ]

    private func rewrite(_ path: String, _ change: (inout Data) throws -> Void) throws {
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        try change(&bytes)
        try bytes.write(to: URL(fileURLWithPath: path))
    }

    @Test(arguments: FileCheckTests.kinds) func aWholeFileIsTakenAndHalfOfItIsNot(kind: Kind) throws {
        let clips = try Clips()
        let path = try clips.make(kind.name, seconds: 4, video: kind.video, audio: kind.audio)
        #expect(try self.check(path, kind.formats).get().hasPicture == (kind.video != nil))
        // Where writers are known to be off by some, a few bytes make no difference.
        if ["a.avi", "a.wmv", "a.mp3", "a.flv"].contains(kind.name) {
            try self.rewrite(path) { $0.removeLast(30) }
            #expect(self.cause(path, kind.formats) == nil, "its last frame alone is cut")
        }
        try self.rewrite(path) { $0.removeLast($0.count / 2) }
        #expect(self.cause(path, kind.formats) == .invalidData)
    }

    /// What is made live does not know how long it will be, and says so.
    @Test(arguments: [
        ("webm", "matroska", Encoders.vp9, Encoders.opus), ("matroska", "matroska", Encoders.h264, Encoders.aac),
        ("avi", "avi", ["-c:v", "mpeg4"], Encoders.mp3), ("asf", "asf", ["-c:v", "wmv2"], ["-c:a", "wmav2"]),
        ("flv", "flv", Encoders.h264, Encoders.aac),
    ])
    func whatClaimsNothingIsTakenAsItIs(container: String, format: String, video: [String], audio: [String]) throws {
        let clips = try Clips()
        let path = clips.path("live")
        let sources = ["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=3", "-f", "lavfi", "-i", "sine=sample_rate=48000:duration=3"]
        let command = (["ffmpeg", "-v", "error"] + sources + video + audio + ["-f", container, "-"]).map { "'\($0)'" }.joined(separator: " ")
        // A pipe cannot be gone back in.
        try Clips.run("sh", ["-c", "\(command) | cat > '\(path)'"])
        #expect(try self.check(path, [format]).get().hasPicture)
        try self.rewrite(path) { $0.removeLast($0.count / 2) }
        #expect(self.cause(path, [format]) == nil)
    }

    @Test func soundThatIsLongerThanItsPicturesIsWhole() throws {
        let clips = try Clips()
        let path = clips.path("long.mp4")
        let sources = ["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1", "-f", "lavfi", "-i", "sine=duration=6"]
        try Clips.run("ffmpeg", ["-v", "error"] + sources + Encoders.h264 + Encoders.aac + [path])
        #expect(try self.check(path, ["mov"]).get().hasPicture)
    }

    @Test func theCoverOfARecordIsNoPicture() throws {
        let clips = try Clips()
        let path = clips.path("a.mp3")
        let sources = ["-f", "lavfi", "-i", "sine=duration=2", "-f", "lavfi", "-i", "color=size=64x64:rate=1:duration=1"]
        let cover = ["-map", "0", "-map", "1", "-frames:v", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic"]
        try Clips.run("ffmpeg", ["-v", "error"] + sources + cover + Encoders.mp3 + [path])
        #expect(try !self.check(path, ["mp3"]).get().hasPicture)
    }

    @Test(
        arguments: [
            ("a.mp4", "mov", Encoders.h264, Encoders.aac), ("a.webm", "matroska", Encoders.vp9, Encoders.opus),
            ("a.m4a.mp4", "mov", nil, Encoders.aac),
        ] as [(String, String, [String]?, [String])])
    func aFileOfZerosBehindItsHeaderIsBroken(name: String, format: String, video: [String]?, audio: [String]) throws {
        let clips = try Clips()
        let path = try clips.make(name, video: video, audio: audio + (format == "mov" ? ["-movflags", "-faststart"] : []))
        try self.rewrite(path) { bytes in
            // Of Matroska, the first cluster.
            let marks: [String: [UInt8]] = ["mov": Array("mdat".utf8), "matroska": [0x1F, 0x43, 0xB6, 0x75]]
            let mark = Data(try #require(marks[format]))
            let start = try #require(bytes.range(of: mark)).upperBound + 8
            let end = format == "mov" ? try #require(bytes.range(of: Data("moov".utf8))).lowerBound - 4 : bytes.count
            bytes.replaceSubrange(start..<end, with: Data(count: end - start))
        }
        #expect(self.cause(path, [format]) == .invalidData)
    }

    @Test func theLastSampleMustLieWithinTheFileToItsEnd() throws {
        let clips = try Clips()
        let path = try clips.make("a.mp4", video: Encoders.h264, audio: Encoders.aac + ["-movflags", "+faststart"])
        try self.rewrite(path) { $0.removeLast(1) }
        #expect(self.cause(path, ["mov"]) == .invalidData)
    }

    @Test func theLookSaysHowFarItIs() throws {
        let clips = try Clips()
        let path = try clips.make("a.mp4", video: Encoders.h264, audio: nil)
        var told: [Double] = []
        _ = try FileCheck.run(path: path, formats: ["mov"], within: .seconds(30)) { told.append($0) }
        #expect(told.count > 2 && told == told.sorted() && told.last == 1 && told[0] > 0 && told[0] < 1)
    }

    @Test(arguments: [
        "no media", "", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\ngood.mp4\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile 'good.mp4'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5000 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    ])
    func whatNamesOtherFilesIsNoMedia(text: String) throws {
        let clips = try Clips()
        _ = try clips.make("good.mp4", video: Encoders.h264, audio: nil)
        try Data(text.utf8).write(to: URL(fileURLWithPath: clips.path("list.mp4")))
        for formats in [["mov"], ["matroska"], ["avi"], ["mp3"], ["asf"], ["flv"]] {
            #expect(self.cause(clips.path("list.mp4"), formats) != nil, "\(formats)")
        }
    }

    @Test func anotherKindThanItIsSaidToBeIsRefused() throws {
        let clips = try Clips()
        #expect(self.cause(try clips.make("a.mp4", video: Encoders.h264, audio: nil), ["matroska"]) != nil)
    }

    @Test func aLookCanBeEndedEarly() throws {
        let clips = try Clips()
        let path = try clips.make("a.mp4", video: Encoders.h264, audio: nil)
        let interrupt = Interrupt()
        interrupt.cancel()
        let failure = #expect(throws: AVFailure.self) {
            try FileCheck.run(path: path, formats: ["mov"], within: .seconds(30), interrupt: interrupt)
        }
        #expect(failure?.cause == .cancelled)
    }

    @Test func filesAreJoinedWithoutAGap() throws {
        let clips = try Clips()
        let fragmented = ["-movflags", "+frag_keyframe+empty_moov"]
        let first = try clips.make("first.mp4", video: Encoders.h264, audio: Encoders.aac + ["-output_ts_offset", "100"] + fragmented)
        let second = try clips.make("second.mp4", seconds: 3, video: Encoders.h264, audio: Encoders.aac + fragmented)
        let target = clips.path("joined.mp4")
        var told: [Double] = []
        let result = try Remux.join([first, second], to: FileSink(path: target, creation: .exclusive), path: target) { told.append($0) }
        #expect(result.skipped == 0)
        #expect(!told.isEmpty && told == told.sorted() && told.allSatisfy { (0...1).contains($0) })
        #expect(try Clips.decodingErrors(target) == "")
        // A fragmented file has no edit list, so pictures that are shown out of order begin that much after its sound.
        let lengths = try [first, second].map { try #require(try MediaProbe(path: $0).duration).seconds }
        #expect(abs(lengths[0] - 2) < 0.15 && abs(lengths[1] - 3) < 0.15)
        #expect(abs(try #require(try MediaProbe(path: target).duration).seconds - lengths.reduce(0, +)) < 0.05)
        let listed = try Clips.run("ffprobe", ["-v", "error", "-select_streams", "v", "-show_entries", "packet=dts_time", "-of", "csv=p=0", target])
        let times = listed.split(separator: "\n").compactMap { Double($0.prefix { $0 != "," }) }
        #expect(times.count == 125)
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 > $0 && $1 - $0 < 0.2 })
    }

    @Test func filesOfOtherTracksAreNotJoined() throws {
        let clips = try Clips()
        let both = try clips.make("both.mp4", video: Encoders.h264, audio: Encoders.aac)
        let one = try clips.make("one.mp4", video: Encoders.h264, audio: nil)
        let target = clips.path("joined.mp4")
        let sink = try FileSink(path: target, creation: .exclusive)
        #expect(throws: AVFailure.self) { try Remux.join([both, one], to: sink, path: target) }
    }
}
