import AV
import Foundation
import Media
import TestSupport
import Testing

@testable import Outputs

@Suite struct VodPicturesTests {
    @Test(
        arguments: [
            (0, 1, 2_000), (1, 1, 2_000), (2_000, 1, 2_000), (2_001, 2, 2_000), (10_000, 5, 2_000), (400_000, 200, 2_000), (400_001, 200, 2_001),
            (7_200_000, 200, 36_000), (Int64.max / 2_000, 200, nil),
        ] as [(Int64, Int, Int64?)])
    func thereIsOneEveryTwoSecondsUntilThereAreTwoHundred(length: Int64, count: Int, interval: Int64?) {
        let plan = ThumbnailPlan(duration: MediaTime(milliseconds: length), tile: PictureSize(width: 160, height: 90))
        #expect(plan.count == count)
        if let interval { #expect(plan.interval == interval) }
        #expect(plan.sheets == (count + 99) / 100 && plan.sheets <= ThumbnailPlan.mostSheets)
    }

    @Test func everyThumbnailHasAPlaceOfItsOwnOnItsSheet() {
        let plan = ThumbnailPlan(duration: MediaTime(milliseconds: 262_000), tile: PictureSize(width: 160, height: 90))
        #expect(plan.count == 131)
        #expect(plan.size(ofSheet: 0) == PictureSize(width: 1600, height: 900))
        #expect(plan.size(ofSheet: 1) == PictureSize(width: 1600, height: 360))
        var places: Set<String> = []
        for index in 0..<plan.count {
            let place = plan.place(of: index)
            #expect(place.x + 160 <= plan.size(ofSheet: place.sheet).width && place.y + 90 <= plan.size(ofSheet: place.sheet).height)
            places.insert("\(place)")
        }
        #expect(places.count == plan.count)
        #expect(ThumbnailPlan(duration: MediaTime(milliseconds: 5_000), tile: PictureSize(width: 160, height: 90)).size(ofSheet: 0).width == 480)
    }

    @Test func theTrackNamesThem() {
        let plan = ThumbnailPlan(duration: MediaTime(milliseconds: 3_601_500), tile: PictureSize(width: 160, height: 90))
        let text = plan.webVTT { "x-\($0).jpg" }
        #expect(text.hasPrefix("WEBVTT\n\n00:00:00.000 --> 00:00:18.008\nx-0.jpg#xywh=0,0,160,90\n\n00:00:18.008 --> 00:00:36.016\n"))
        #expect(text.hasSuffix("00:59:43.592 --> 01:00:01.500\nx-1.jpg#xywh=1440,810,160,90\n"))
    }

    @Test func veryWideThumbnailsAreLessHigh() {
        #expect(ThumbnailPlan.heightLimit(widthAtUsualHeight: 160) == 90)
        #expect(ThumbnailPlan.heightLimit(widthAtUsualHeight: 640) == 45)
        #expect(ThumbnailPlan.heightLimit(widthAtUsualHeight: 1 << 20) == 2)
    }

    @Test(arguments: ["", "short", "../../etc/passwd", "abcdefgh/", "abcdefgh.x", "abcdefg-1", "ä23456789", String(repeating: "a", count: 65)])
    func anIDThatIsNoneNeverReachesAPath(id: String) throws {
        #expect(!VodPictures.isID(id))
        let folder = try TestFolder("vods")
        #expect(throws: AVFailure.self) { try VodPictures.make(.poster, of: "/dev/null", as: id, in: folder.path, posterHeight: 90) }
        VodPictures.remove(id, in: folder.path)
    }

    @Test func aFileGetsAPosterAndThumbnailsAndLosesThem() throws {
        let folder = try TestFolder("vods")
        let clip = folder.path("clip.mp4")
        // Red, lime, blue, white, two seconds of each.
        let inputs = ["red", "lime", "blue", "white"].flatMap { ["-f", "lavfi", "-i", "color=\($0):s=320x180:r=25:d=2"] }
        _ = try Tool.output(
            of: "ffmpeg",
            ["-v", "error", "-y"] + inputs + ["-filter_complex", "concat=n=4:v=1", "-c:v", "libx264", "-g", "25", "-pix_fmt", "yuv420p", clip])
        let id = "abcdefgh12345678"
        try VodPictures.make(.poster, of: clip, as: id, in: folder.path, posterHeight: 90)
        try VodPictures.make(.thumbnails, of: clip, as: id, in: folder.path, posterHeight: 90)
        #expect(try folder.files() == ["\(id)-0.jpg", "\(id).png", "\(id).vtt", "clip.mp4"])
        func probed(_ name: String) throws -> String {
            try Tool.output(of: "ffprobe", ["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", folder.path(name)])
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }
        #expect(try probed("\(id).png") == "png,160,90")
        #expect(try probed("\(id)-0.jpg") == "mjpeg,640,90")
        let text = try String(contentsOfFile: folder.path("\(id).vtt"), encoding: .utf8)
        #expect(text.matches(of: #/-->/#).count == 4)

        let raw = folder.path("sheet.rgb")
        _ = try Tool.output(
            of: "ffmpeg", ["-v", "error", "-y", "-i", folder.path("\(id)-0.jpg"), "-f", "rawvideo", "-pix_fmt", "rgb24", raw])
        let bytes = try Data(contentsOf: URL(fileURLWithPath: raw))
        for (index, wanted) in [[254, 0, 0], [0, 254, 0], [0, 0, 254], [254, 254, 254]].enumerated() {
            let pixel = (45 * 640 + index * 160 + 80) * 3
            let found = bytes[pixel..<pixel + 3].map { Int($0) }
            for (one, other) in zip(found, wanted) { #expect(abs(one - other) <= 14, "thumbnail \(index): \(found)") }
        }
        VodPictures.remove(id, in: folder.path)
        #expect(try folder.files() == ["clip.mp4", "sheet.rgb"])
    }

    @Test func workThatIsCancelledLeavesNoTrackBehind() throws {
        let folder = try TestFolder("vods")
        let clip = folder.path("clip.mp4")
        _ = try Tool.output(
            of: "ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=4", "-c:v", "libx264", "-g", "25", clip])
        let interrupt = Interrupt()
        interrupt.cancel()
        #expect(throws: AVFailure.self) {
            try VodPictures.make(.thumbnails, of: clip, as: "abcdefgh12345678", in: folder.path, posterHeight: 90, interrupt: interrupt)
        }
        #expect(try folder.files() == ["clip.mp4"])
    }
}
