import Foundation
import Store
import TestSupport
import Testing

@testable import Broadcasts
@testable import Outputs

/// Posters and thumbnails of the library, from files that hold pictures.
@Suite struct VodPictureTests {
    private static let id = "abcdefgh12345678"

    private func stage(_ clip: [String] = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=3", "-c:v", "libx264", "-g", "25"]) async throws -> Stage {
        let stage = try await Stage({ $0.posterHeight = 90 })
        for folder in ["streams", "previews/vods"] {
            try FileManager.default.createDirectory(
                at: stage.directory.appendingPathComponent(folder), withIntermediateDirectories: true)
        }
        let made = try await Tool.run("ffmpeg", ["-v", "error", "-y"] + clip + [stage.dataDirectory + "/streams/clip.mp4"])
        try #require(made.status == 0, "\(made.output)")
        var vod = VodRecord(id: Self.id, streamID: "a", kind: .uploaded, createdAt: stage.time.wall)
        vod.filePath = "streams/clip.mp4"
        try await stage.addVod(vod)
        return stage
    }

    private func files(_ stage: Stage) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: stage.dataDirectory + "/previews/vods").sorted()
    }

    @Test func theyAreMadeOnceForAllWhoAskAndGoWithTheVod() async throws {
        let stage = try await self.stage()
        let answers = await withTaskGroup(of: Bool.self) { group in
            for kind in VodPictures.Kind.allCases { for _ in 0..<10 { group.addTask { await stage.service.makePictures(kind, ofVod: Self.id) } } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count == 20 && !answers.contains(false))
        #expect(try self.files(stage) == ["\(Self.id)-0.jpg", "\(Self.id).png", "\(Self.id).vtt"])
        #expect(try stage.service.findVod(Self.id)?.previewPath == "previews/\(Self.id).png")
        try await stage.service.deleteVod(Self.id)
        #expect(try self.files(stage).isEmpty)
        #expect(await stage.service.makePictures(.thumbnails, ofVod: Self.id) == false)
        #expect(try self.files(stage).isEmpty)
    }

    @Test func whatHasNoPictureSaysSoAndIsNotTriedAgain() async throws {
        let stage = try await self.stage(["-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac"])
        try await stage.database.vods.setPreview("previews/\(Self.id).png", of: Self.id)
        #expect(await stage.service.makePictures(.poster, ofVod: Self.id) == false)
        #expect(try stage.service.findVod(Self.id)?.previewPath == nil, "what leads nowhere is not shown")
        #expect(await stage.service.makePictures(.poster, ofVod: Self.id) == false)
        #expect(await stage.service.makePictures(.poster, ofVod: "unknown0123456789") == false)
        #expect(await stage.service.makePictures(.poster, ofVod: "../../../etc/passwd") == false)
        #expect(try self.files(stage).isEmpty)
    }

    @Test func aFileOutsideOfTheLibraryIsNotOpened() async throws {
        let stage = try await self.stage()
        var vod = VodRecord(id: "outside012345678", streamID: "a", kind: .stream, createdAt: 0)
        vod.filePath = "streams/../streams/clip.mp4"
        try await stage.addVod(vod)
        #expect(await stage.service.makePictures(.poster, ofVod: "outside012345678") == false)
    }

    /// The VoD of a recording says where its poster will be; of sound alone there is none.
    @Test func aRecordingsPosterIsMadeByItself() async throws {
        let stage = try await Stage({ $0.makesPosters = true })
        for folder in ["streams", "previews/vods"] {
            try FileManager.default.createDirectory(
                at: stage.directory.appendingPathComponent(folder), withIntermediateDirectories: true)
        }
        let publisher = try await stage.publish("a")
        for (index, hasPicture) in [true, false].enumerated() {
            let ticket = try #require(try await stage.service.setRecording("a", true, type: "mp4", height: 0, fileName: "r\(index)"))
            let recorder = stage.outputs.recorders[index]
            if hasPicture {
                let made = try await Tool.run(
                    "ffmpeg",
                    [
                        "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=1", "-c:v", "libx264",
                        stage.dataDirectory + "/streams/r0.mp4",
                    ])
                try #require(made.status == 0, "\(made.output)")
            }
            _ = try await stage.service.setRecording("a", false, type: "mp4", height: 0, fileName: nil)
            recorder.finish(hasPicture: hasPicture)
            try await stage.eventually("it is in the library") { try stage.service.findVod(ticket.vodID) != nil }
            #expect(try stage.service.findVod(ticket.vodID)?.previewPath == (hasPicture ? "previews/\(ticket.vodID).png" : nil))
            if hasPicture { try await stage.eventually("there is a poster") { try self.files(stage) == ["\(ticket.vodID).png"] } }
        }
        _ = publisher
    }
}
