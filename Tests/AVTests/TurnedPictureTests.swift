import Foundation
import Media
import NIOCore
import Testing

@testable import AV

/// Pictures that a container wants turned, as telephones record them: known as such, made upright, and passed on as what they are.
@Suite struct TurnedPictureTests {
    static let turns = [PictureTurn.quarter, .half, .threeQuarters]
    private static let colours: [String: [Int]] = ["red": [254, 0, 0], "blue": [0, 0, 254], "black": [0, 0, 0]]

    /// 320×180, the left half red and the right half blue, in a container that wants it turned; with sound, so that it is a usual file.
    private func clip(_ turn: PictureTurn, _ clips: Clips, name: String = "turned.mp4", video: [String] = Encoders.h264) throws -> String {
        let flat = clips.path("flat-\(turn.rawValue).mp4")
        let picture = "color=red:s=320x180:r=25:d=1,drawbox=x=160:y=0:w=160:h=180:color=blue:t=fill"
        let sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=1"] + Encoders.aac
        try Clips.run("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", picture] + sound + video + [flat])
        let path = clips.path(name)
        // ffmpeg's word counts the other way round.
        try Clips.run("ffmpeg", ["-v", "error", "-y", "-i", flat, "-c", "copy", "-metadata:s:v", "rotate=\((360 - turn.rawValue) % 360)", path])
        return path
    }

    /// As ffmpeg shows a picture, turned where the file wants it so: the colours at its left and right edge, or its upper and lower one.
    private func shown(_ path: String, _ clips: Clips, of turn: PictureTurn, width: Int, height: Int) throws -> [String] {
        let raw = clips.path("shown.rgb")
        try Clips.run(
            "ffmpeg", ["-v", "error", "-y", "-i", path, "-frames:v", "1", "-vf", "format=rgb24", "-f", "rawvideo", "-pix_fmt", "rgb24", raw])
        let pixels = [UInt8](try Data(contentsOf: URL(fileURLWithPath: raw)))
        try #require(pixels.count == width * height * 3, "\(pixels.count) bytes of \(width)x\(height)")
        let places =
            turn.isSideways ? [(width / 2, height / 6), (width / 2, height * 5 / 6)] : [(width / 6, height / 2), (width * 5 / 6, height / 2)]
        return places.map { self.name(pixels, x: $0.0, y: $0.1, width: width) }
    }

    private func name(_ pixels: [UInt8], x: Int, y: Int, width: Int) -> String {
        let colour = (0..<3).map { Int(pixels[(y * width + x) * 3 + $0]) }
        return Self.colours.first { zip($0.value, colour).allSatisfy { abs($0 - $1) <= 30 } }?.key ?? "\(colour)"
    }

    /// What lay to the left is above after a quarter turn, to the right after half a turn, below after three quarters.
    private func expected(_ turn: PictureTurn) -> [String] { turn == .quarter ? ["red", "blue"] : ["blue", "red"] }

    private func sideData(_ path: String) throws -> String {
        try Clips.run(
            "ffprobe",
            ["-v", "error", "-select_streams", "v", "-show_entries", "stream=width,height:stream_side_data=rotation", "-of", "csv=p=0", path]
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test(arguments: turns) func theTrackSaysHowItsPicturesAreShown(turn: PictureTurn) throws {
        let clips = try Clips()
        let reading = try Reading(try self.clip(turn, clips))
        let video = try #require(try reading.track(.video).video)
        #expect(video.turn == turn)
        #expect(video.width == 320 && video.height == 180, "as they are decoded")
        #expect(video.shownWidth == (turn.isSideways ? 180 : 320) && video.shownHeight == (turn.isSideways ? 320 : 180))
        #expect(reading.announcements.count == 1)
    }

    @Test(arguments: turns) func encodedPicturesAreUpright(turn: PictureTurn) throws {
        let clips = try Clips()
        let reading = try Reading(try self.clip(turn, clips))
        let track = try reading.track(.video)
        let (width, height) = turn.isSideways ? (90, 160) : (160, 90)
        let encoder = try PictureEncoder(.init(width: width, height: height, frameRate: 25, bitrate: 500_000, keyframeInterval: 0))
        let decoder = try Decoder(track)
        let picture = try DecodedFrame()
        var encoded = reading
        encoded.announcements = [[encoder.track]]
        encoded.frames = []
        func drain() throws {
            while try decoder.receive(into: picture) {
                let (time, isFirst) = (picture.presentationTime, encoded.frames.isEmpty)
                let shown = picture.turn(told: turn)
                try encoder.encode(picture, turn: shown, at: try #require(time), isKeyframe: isFirst, into: &encoded.frames)
            }
        }
        for frame in reading.video {
            try decoder.send(try Packet(frame))
            try drain()
        }
        try decoder.finish()
        try drain()
        try encoder.finish(into: &encoded.frames)
        #expect(encoded.frames.count == 25)
        #expect(encoder.track.video?.turn == PictureTurn.none)
        let target = clips.path("upright.mp4")
        try encoded.write(target)
        #expect(try self.sideData(target) == "\(width),\(height)")
        #expect(try self.shown(target, clips, of: turn, width: width, height: height) == self.expected(turn))
    }

    /// One scaler may be given pictures of every kind, one after the other.
    @Test func barsAreWhereThePictureIsNot() throws {
        let clips = try Clips()
        let reading = try Reading(try self.clip(.quarter, clips))
        let picture = try DecodedFrame()
        try StillPicture.decode(try #require(reading.video.first), of: try reading.track(.video), into: picture)
        let scaler = Scaler(width: 160, height: 90)
        let output = try DecodedFrame()
        for turn in [PictureTurn.none, .quarter, .half, .none, .threeQuarters, .quarter, .none] {
            try scaler.scale(picture, turn: turn, into: output)
            let canvas = try PictureCanvas(PictureSize(width: 160, height: 90), as: .png)
            try canvas.draw(output, size: canvas.size)
            let path = clips.path("scaled.png")
            try Data(try canvas.encoded()).write(to: URL(fileURLWithPath: path))
            let expected = turn == .none ? ["red", "blue"] : self.expected(turn)
            #expect(try self.shown(path, clips, of: turn, width: 160, height: 90) == expected, "\(turn)")
            // 51 columns in the middle where it stands upright; all of them where it lies.
            guard turn.isSideways else { continue }
            #expect(try self.shown(path, clips, of: .none, width: 160, height: 90) == ["black", "black"], "\(turn)")
        }
    }

    @Test(arguments: turns) func whatIsReencodedForAPlaylistIsUpright(turn: PictureTurn) throws {
        let clips = try Clips()
        let target = clips.path("normal.mp4")
        let reading = try NormalFormatTests.normalised(try self.clip(turn, clips))
        #expect(try reading.track(.video).video?.turn == PictureTurn.none)
        try reading.write(target)
        #expect(try self.sideData(target) == "320,180")
        #expect(try self.shown(target, clips, of: turn, width: 320, height: 180) == self.expected(turn))
        if turn.isSideways { #expect(try self.shown(target, clips, of: .none, width: 320, height: 180) == ["black", "black"], "bars at both sides") }
    }

    @Test(arguments: turns) func anMP4OfWhatIsPassedOnSaysHowItIsShown(turn: PictureTurn) throws {
        let clips = try Clips()
        let source = try self.clip(turn, clips)
        let (fragmented, plain) = (clips.path("fragmented.mp4"), clips.path("plain.mp4"))
        try Reading(source).write(fragmented)
        _ = try Remux.faststart(from: fragmented, to: try FileSink(path: plain, creation: .exclusive), path: plain)
        let (width, height) = turn.isSideways ? (180, 320) : (320, 180)
        for path in [fragmented, plain] {
            #expect(try self.sideData(path) == self.sideData(source), "\(path)")
            #expect(try self.sideData(path).split(whereSeparator: { ",\n".contains($0) }).count == 3)
            #expect(try self.shown(path, clips, of: turn, width: width, height: height) == self.expected(turn))
            #expect(try Demuxer(path: path).tracks.first { $0.kind == .video }?.video?.turn == turn)
        }
    }

    @Test func aStillPictureOfATurnedStreamIsUpright() throws {
        let clips = try Clips()
        let reading = try Reading(try self.clip(.quarter, clips))
        let bytes = try StillPicture.encode(try #require(reading.video.first), of: try reading.track(.video), as: .png, height: 160)
        let picture = clips.path("still.png")
        try Data(bytes).write(to: URL(fileURLWithPath: picture))
        #expect(try self.shown(picture, clips, of: .quarter, width: 90, height: 160) == ["red", "blue"])
    }

    /// In the bitstream, where the container says nothing: H.264's display orientation.
    @Test func whatOnlyTheBitstreamSaysIsSeenInThePicture() throws {
        let clips = try Clips()
        let flat = try self.clip(.none, clips)
        let told = clips.path("told.mp4")
        try Clips.run(
            "ffmpeg", ["-v", "error", "-y", "-i", flat, "-c", "copy", "-bsf:v", "h264_metadata=display_orientation=insert:rotate=270", told])
        let reading = try Reading(told)
        let track = try reading.track(.video)
        let picture = try DecodedFrame()
        try StillPicture.decode(try #require(reading.video.first), of: track, into: picture)
        #expect(track.video?.turn == PictureTurn.none)
        let (alone, overruled) = (picture.turn(told: .none), picture.turn(told: .half))
        #expect(alone == .quarter)
        #expect(overruled == .half, "the container's word stands above it")
    }
}
