import Foundation
import Media
import Testing

@testable import AV

/// Still pictures out of keyframes: their size, shape and colours, looked at by other tools.
@Suite struct PictureTests {
    /// Mean red, green and blue of a part of a picture, as ffmpeg decodes it: x, y, width, height in pixels.
    private func colour(_ path: String, x: Int, y: Int, _ width: Int, _ height: Int, in clips: Clips) throws -> [Int] {
        let raw = clips.path("part.rgb")
        try Clips.run(
            "ffmpeg",
            [
                "-v", "error", "-y", "-i", path, "-frames:v", "1", "-vf", "format=rgb24,crop=\(width):\(height):\(x):\(y)", "-f", "rawvideo",
                "-pix_fmt",
                "rgb24", raw,
            ])
        let bytes = try Data(contentsOf: URL(fileURLWithPath: raw))
        try #require(bytes.count == width * height * 3)
        return (0..<3).map { channel in stride(from: channel, to: bytes.count, by: 3).reduce(0) { $0 + Int(bytes[$1]) } / (bytes.count / 3) }
    }

    private func expect(_ colour: [Int], _ wanted: [Int], _ what: Comment) {
        for (one, other) in zip(colour, wanted) { #expect(abs(one - other) <= 14, "\(what): \(colour), not \(wanted)") }
    }

    /// 320×180, its left half red and its right half blue.
    private func twoColours(_ clips: Clips, _ name: String, _ video: [String], filter: String = "null", seconds: Int = 1) throws -> String {
        let path = clips.path(name)
        try Clips.run(
            "ffmpeg",
            [
                "-v", "error", "-y", "-f", "lavfi", "-i", "color=red:s=320x180:r=25:d=\(seconds)", "-vf",
                "drawbox=x=160:y=0:w=160:h=180:color=blue:t=fill,\(filter)",
            ] + video + [path])
        return path
    }

    @Test(arguments: [
        ("h264", Encoders.h264, "mp4"), ("hevc", Encoders.hevc, "mp4"), ("av1", Encoders.av1, "mp4"), ("vp9", Encoders.vp9, "webm"),
        ("vp8", ["-c:v", "libvpx", "-deadline", "realtime", "-g", "25"], "webm"),
    ]) func aKeyframeOfEveryCodecBecomesAPictureOfEveryFormat(codec: String, encoder: [String], container: String) throws {
        let clips = try Clips()
        let path = try self.twoColours(clips, "clip.\(container)", encoder)
        let demuxer = try Demuxer(path: path)
        let track = try #require(demuxer.tracks.first)
        let packet = try Packet()
        var keyframe: EncodedFrame?
        while keyframe == nil, try demuxer.read(into: packet) {
            keyframe = packet.isKeyframe ? packet.frame(of: track, timescale: demuxer.streams[0].timescale) : nil
        }
        for format in PictureFormat.allCases {
            let bytes = try StillPicture.encode(try #require(keyframe), of: track, as: format, height: 90)
            let picture = clips.path("picture.\(format.fileExtension)")
            try Data(bytes).write(to: URL(fileURLWithPath: picture))
            let probed = try Clips.streams(picture, "codec_name,width,height")
            #expect(probed == ["\(format == .jpg ? "mjpeg" : format.rawValue),160,90"], "\(codec)")
            try self.expect(self.colour(picture, x: 4, y: 4, 64, 80, in: clips), [254, 0, 0], "\(codec) \(format), left")
            try self.expect(self.colour(picture, x: 90, y: 4, 64, 80, in: clips), [0, 0, 254], "\(codec) \(format), right")
        }
    }

    @Test func aPictureIsShownInItsShapeAndUpright() throws {
        let clips = try Clips()
        // Pixels twice as wide as high; and a picture that lies on its side.
        let wide = try self.twoColours(clips, "wide.mp4", Encoders.h264, filter: "scale=160:180,setsar=2/1")
        let flat = try self.twoColours(clips, "flat.mp4", Encoders.h264)
        let turned = clips.path("turned.mp4")
        try Clips.run("ffmpeg", ["-v", "error", "-y", "-i", flat, "-c", "copy", "-metadata:s:v", "rotate=270", turned])

        let shape = try FilePictures(path: wide)
        #expect(try shape.seek(to: .zero))
        #expect(shape.size(heightLimit: 90) == PictureSize(width: 160, height: 90))
        let upright = try FilePictures(path: turned)
        #expect(upright.turn == .quarter)
        #expect(try upright.seek(to: .zero))
        let size = upright.size(heightLimit: 160)
        #expect(size == PictureSize(width: 90, height: 160))
        for format in PictureFormat.allCases {
            let canvas = try PictureCanvas(size, as: format)
            try upright.draw(on: canvas, size: size)
            let picture = clips.path("turned.\(format.fileExtension)")
            try Data(try canvas.encoded()).write(to: URL(fileURLWithPath: picture))
            try self.expect(self.colour(picture, x: 4, y: 4, 80, 60, in: clips), [254, 0, 0], "\(format): what was left is above")
            try self.expect(self.colour(picture, x: 4, y: 96, 80, 60, in: clips), [0, 0, 254], "\(format): what was right is below")
        }
    }

    @Test func aFileGivesItsKeyframesAtAnyTime() throws {
        let clips = try Clips()
        let path = clips.path("colours.mp4")
        let colours = ["red", "lime", "blue", "white"]
        try Clips.run(
            "ffmpeg",
            ["-v", "error", "-y"] + colours.flatMap { ["-f", "lavfi", "-i", "color=\($0):s=320x180:r=25:d=2"] }
                + ["-filter_complex", "concat=n=4:v=1"] + Encoders.h264 + [path])
        let pictures = try FilePictures(path: path)
        #expect(try #require(pictures.duration).milliseconds == 8_000)
        let expected = [(0, [254, 0, 0]), (7_000, [254, 254, 254]), (2_500, [0, 254, 0]), (4_900, [0, 0, 254]), (60_000, [254, 254, 254])]
        for (time, colour) in expected {
            #expect(try pictures.seek(to: MediaTime(milliseconds: Int64(time))))
            let canvas = try PictureCanvas(PictureSize(width: 64, height: 36), as: .png)
            try pictures.draw(on: canvas, size: canvas.size)
            let picture = clips.path("at.png")
            try Data(try canvas.encoded()).write(to: URL(fileURLWithPath: picture))
            try self.expect(self.colour(picture, x: 2, y: 2, 60, 32, in: clips), colour, "at \(time) ms")
        }
    }

    @Test func whatHasNoPictureIsRefused() throws {
        let clips = try Clips()
        let sound = try clips.make("sound.mp4", seconds: 1, video: nil, audio: Encoders.aac)
        #expect(throws: AVFailure.self) { try FilePictures(path: sound) }
        // A list that names other files is none of the formats that are read.
        let list = clips.path("list.mp4")
        try Data("#EXTM3U\n#EXTINF:1,\n\(sound)\n#EXT-X-ENDLIST\n".utf8).write(to: URL(fileURLWithPath: list))
        #expect(throws: AVFailure.self) { try FilePictures(path: list) }
        let nothing = clips.path("nothing.mp4")
        try Data(repeating: 7, count: 5000).write(to: URL(fileURLWithPath: nothing))
        #expect(throws: AVFailure.self) { try FilePictures(path: nothing) }
    }

    @Test func whatDoesNotFitOnACanvasIsRefused() throws {
        #expect(throws: AVFailure.self) { try PictureCanvas(PictureSize(width: 0, height: 90), as: .png) }
        #expect(throws: AVFailure.self) { try PictureCanvas(PictureSize(width: 8192, height: 90), as: .jpg) }
        let canvas = try PictureCanvas(PictureSize(width: 64, height: 36), as: .jpg)
        let frame = try DecodedFrame()
        #expect(throws: AVFailure.self) { try canvas.draw(frame, x: 2, y: 0, size: PictureSize(width: 64, height: 36)) }
        #expect(throws: AVFailure.self) { try canvas.draw(frame, size: PictureSize(width: 64, height: 36)) }
    }

    @Test(
        arguments: [
            (1280, 720, 1.0, PictureTurn.none, 480, 854, 480), (1280, 720, 1.0, .none, 720, 1280, 720), (320, 180, 1.0, .none, 480, 320, 180),
            (720, 576, 64.0 / 45, .none, 288, 512, 288), (1280, 720, 1.0, .quarter, 480, 270, 480), (1280, 720, 1.0, .half, 480, 854, 480),
            (7680, 100, 1.0, .none, 480, 4096, 54), (1, 1, 1.0, .none, 480, 2, 2), (100, 100, .nan, .none, 50, 50, 50),
            (100, 100, 1e9, .none, 50, 4096, 40), (3, 4000, 1.0, .none, 480, 2, 480),
        ] as [(Int, Int, Double, PictureTurn, Int, Int, Int)])
    func theSizeKeepsTheShape(width: Int, height: Int, aspect: Double, turn: PictureTurn, limit: Int, shownWidth: Int, shownHeight: Int) {
        let size = PictureSize.fitting(width: width, height: height, pixelAspect: aspect, turn: turn, heightLimit: limit)
        #expect(size == PictureSize(width: shownWidth, height: shownHeight))
    }

    @Test func turnsAreQuarters() {
        #expect(
            [0, 90, -90, 180, -180, 270, 44, 46, 359].map { PictureTurn(degrees: $0) }
                == [.none, .quarter, .threeQuarters, .half, .half, .threeQuarters, .none, .quarter, .none])
        #expect(PictureTurn(degrees: .nan) == .none)
        #expect(PictureTurn(matrix: nil, bytes: 36) == .none)
    }

    /// The threads that make pictures stand back for all others.
    @Test func aPoolCanBeNice() async throws {
        let pool = BlockingPool(name: "test-nice", threads: 1, waiting: 4, niceness: 7)
        #expect(
            try await pool.run { getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) } == getpriority(
                __priority_which_t(PRIO_PROCESS.rawValue), 0) + 7)
        pool.shutdown()
    }
}
