import Foundation
import Media
import TestSupport
import Testing

@testable import AV

/// Pictures and clips that are shown over and over, looked at by other tools.
@Suite struct LoopEncoderTests {
    private static let format = LoopEncoder.Format(width: 320, height: 180, frameRate: 25, bitrate: 200_000)

    /// The loop so often, one after the other, as a file.
    private func write(_ loop: PictureLoop, times: Int, to path: String) throws {
        let muxer = try Muxer(format: "mp4", tracks: [loop.track], sink: FileSink(path: path, creation: .replacing))
        let scale = UInt32(muxer.timescale(of: 0))
        for number in 0..<(loop.frames.count * times) {
            let frame = loop.frames[number % loop.frames.count]
            let time = MediaTime(ticks: Int64(number), timescale: UInt32(loop.frameRate)).ticks(timescale: scale)
            try muxer.write(
                Packet(
                    payload: frame.payload, streamIndex: 0, decodeTime: time, presentationTime: time, duration: 0, isKeyframe: frame.isKeyframe))
        }
        try muxer.finish()
    }

    /// Mean red, green and blue of a part of one picture, as ffmpeg decodes it.
    private func colour(_ path: String, at seconds: Double, crop: String, in clips: Clips) throws -> [Int] {
        let raw = clips.path("part.rgb")
        try Clips.run(
            "ffmpeg",
            [
                "-v", "error", "-y", "-i", path, "-ss", "\(seconds)", "-frames:v", "1", "-vf", "format=rgb24,crop=\(crop)", "-f", "rawvideo",
                "-pix_fmt", "rgb24", raw,
            ])
        let bytes = try Data(contentsOf: URL(fileURLWithPath: raw))
        try #require(bytes.count > 0 && bytes.count.isMultiple(of: 3))
        return (0..<3).map { channel in stride(from: channel, to: bytes.count, by: 3).reduce(0) { $0 + Int(bytes[$1]) } / (bytes.count / 3) }
    }

    private func expect(_ colour: [Int], _ wanted: [Int]) {
        for (one, other) in zip(colour, wanted) { #expect(abs(one - other) <= 12, "\(colour), not \(wanted)") }
    }

    @Test(arguments: ["slate.png", "slate.jpg", "SLATE.JPEG"]) func aPictureBecomesTwoSecondsThatCanBeRepeated(name: String) throws {
        let clips = try Clips()
        let path = clips.path(name)
        // 4:3, so that there are bars beside it.
        let made = ["-v", "error", "-y", "-f", "lavfi", "-i", "color=0x20A040:s=400x300", "-frames:v", "1", "-update", "1"]
        try Clips.run("ffmpeg", made + (name.hasSuffix("png") ? [] : ["-c:v", "mjpeg", "-q:v", "2", "-f", "image2"]) + [path])
        let loop = try LoopEncoder.encode(path: path, as: Self.format, longest: MediaTime(milliseconds: 60_000), mostBytes: 1 << 20)
        #expect(loop.frames.count == 50 && loop.frameRate == 25)
        #expect(loop.frames.indices.filter { loop.frames[$0].isKeyframe } == [0])
        #expect(loop.bytes < 60_000)
        #expect(loop.track.codec == .h264 && loop.track.video?.width == 320 && loop.track.video?.height == 180)
        let target = clips.path("target.mp4")
        try self.write(loop, times: 3, to: target)
        #expect(try Clips.decodingErrors(target) == "")
        for time in [0, 3.0, 5.9] {
            self.expect(try self.colour(target, at: time, crop: "200:160:60:10", in: clips), [0x20, 0xA0, 0x40])
            self.expect(try self.colour(target, at: time, crop: "30:160:2:10", in: clips), [0, 0, 0])
        }
    }

    @Test func aClipIsScaledAndKeepsItsLength() throws {
        let clips = try Clips()
        for (name, video) in [("clip.mp4", Encoders.h264), ("clip.mkv", Encoders.hevc), ("clip.flv", Encoders.h264), ("clip.webm", Encoders.vp9)] {
            let path = try clips.make(name, seconds: 3, video: video, audio: name == "clip.mp4" ? Encoders.aac : nil)
            let loop = try LoopEncoder.encode(path: path, as: Self.format, longest: MediaTime(milliseconds: 60_000), mostBytes: 10 << 20)
            #expect(abs(loop.frames.count - 75) <= 1, "\(name): \(loop.frames.count)")
            #expect(loop.frames.indices.filter { loop.frames[$0].isKeyframe } == [0, 50])
            let target = clips.path("target.mp4")
            try self.write(loop, times: 2, to: target)
            #expect(try Clips.decodingErrors(target) == "")
        }
    }

    @Test func aLongClipEndsAtTheLimitsAndAShortOneIsFilledUp() throws {
        let clips = try Clips()
        let path = try clips.make("clip.mp4", seconds: 3, video: Encoders.h264, audio: nil)
        let cut = try LoopEncoder.encode(path: path, as: Self.format, longest: MediaTime(milliseconds: 1_600), mostBytes: 10 << 20)
        #expect(abs(cut.frames.count - 40) <= 1)
        let few = try LoopEncoder.encode(path: path, as: Self.format, longest: MediaTime(milliseconds: 60_000), mostBytes: 1)
        #expect((25...60).contains(few.frames.count))
        let short = clips.path("short.mp4")
        try Clips.run("ffmpeg", ["-v", "error", "-y", "-i", path, "-frames:v", "2", "-c:v", "libx264", short])
        let filled = try LoopEncoder.encode(path: short, as: Self.format, longest: MediaTime(milliseconds: 60_000), mostBytes: 10 << 20)
        #expect((25...26).contains(filled.frames.count))
    }

    @Test func whatCannotBeShownIsToldAsSuch() throws {
        let clips = try Clips()
        let text = clips.path("text.png")
        try Data("no picture".utf8).write(to: URL(fileURLWithPath: text))
        let sound = try clips.make("sound.mp4", video: nil, audio: Encoders.aac)
        let renamed = clips.path("clip.avi")
        try FileManager.default.copyItem(atPath: sound, toPath: renamed)
        for path in [text, sound, renamed, clips.path("missing.png"), clips.directory] {
            #expect(throws: AVFailure.self, "\(path)") { try LoopEncoder.check(path: path) }
        }
        #expect(throws: Never.self) { try LoopEncoder.check(path: try clips.make("good.mp4", video: Encoders.h264, audio: nil)) }
    }

    @Test func aClipThatLiesOnItsSideIsTurned() throws {
        let clips = try Clips()
        let flat = clips.path("flat.mp4")
        let made = ["-v", "error", "-y", "-f", "lavfi", "-i", "color=0x20A040:s=160x90:r=25:d=2,drawbox=0:0:80:90:0xC03030:fill"]
        try Clips.run("ffmpeg", made + Encoders.h264 + [flat])
        let turned = clips.path("turned.mp4")
        try Clips.run("ffmpeg", ["-v", "error", "-y", "-i", flat, "-c", "copy", "-metadata:s:v", "rotate=270", turned])
        let loop = try LoopEncoder.encode(path: turned, as: Self.format, longest: MediaTime(milliseconds: 60_000), mostBytes: 10 << 20)
        #expect(abs(loop.frames.count - 50) <= 1)
        let target = clips.path("target.mp4")
        try self.write(loop, times: 1, to: target)
        #expect(try Clips.decodingErrors(target) == "")
        // 90:160 upright is 102 wide within 320x180.
        self.expect(try self.colour(target, at: 0.5, crop: "80:60:120:15", in: clips), [0xC0, 0x30, 0x30])
        self.expect(try self.colour(target, at: 0.5, crop: "80:60:120:105", in: clips), [0x20, 0xA0, 0x40])
        self.expect(try self.colour(target, at: 0.5, crop: "90:160:5:10", in: clips), [0, 0, 0])
    }

    @Test func manyFramesOfOnePictureEndWhenTheyAreInterrupted() throws {
        let interrupt = Interrupt()
        let sink = try VideoSink(
            NormalFormat(width: 320, height: 180, frameRate: 25, videoBitrate: 200_000, keyframeInterval: 2), interrupt: interrupt)
        var frames: [EncodedFrame] = []
        let slab = PayloadSlab()
        sink.begin(at: .zero)
        try sink.fill(until: MediaTime(milliseconds: 1_000), slab: slab, into: &frames)
        interrupt.cancel()
        #expect(throws: AVFailure.self) { try sink.fill(until: MediaTime(milliseconds: 2_000), slab: slab, into: &frames) }
        #expect(throws: AVFailure.self, "nor is what waits in the encoder fetched") { try sink.finish(slab: slab, into: &frames) }
    }

    @Test func itEndsWhenItIsInterrupted() throws {
        let clips = try Clips()
        let path = try clips.make("clip.mp4", video: Encoders.h264, audio: nil)
        let interrupt = Interrupt()
        interrupt.cancel()
        #expect(throws: AVFailure.self) {
            try LoopEncoder.encode(
                path: path, as: Self.format, longest: MediaTime(milliseconds: 60_000), mostBytes: 1 << 20, interrupt: interrupt)
        }
    }
}
