import Foundation
import Gateways
import Logging
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
        let answers = await withTaskGroup(of: VodPictures.Outcome.self) { group in
            for kind in VodPictures.Kind.allCases { for _ in 0..<10 { group.addTask { await stage.service.makePictures(kind, ofVod: Self.id) } } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers == Array(repeating: .made, count: 20))
        #expect(try self.files(stage) == ["\(Self.id)-0.jpg", "\(Self.id).png", "\(Self.id).vtt"])
        #expect(try stage.service.findVod(Self.id)?.previewPath == "previews/\(Self.id).png")
        try await stage.service.deleteVod(Self.id)
        #expect(try self.files(stage).isEmpty)
        #expect(await stage.service.makePictures(.thumbnails, ofVod: Self.id) == VodPictures.Outcome.none)
        #expect(try self.files(stage).isEmpty)
    }

    @Test func whatHasNoPictureSaysSoAndIsNotTriedAgain() async throws {
        let stage = try await self.stage(["-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac"])
        try await stage.database.vods.setPreview("previews/\(Self.id).png", of: Self.id)
        #expect(await stage.service.makePictures(.poster, ofVod: Self.id) == VodPictures.Outcome.none)
        #expect(try stage.service.findVod(Self.id)?.previewPath == nil, "what leads nowhere is not shown")
        for id in [Self.id, "unknown0123456789", "../../../etc/passwd"] {
            #expect(await stage.service.makePictures(.poster, ofVod: id) == VodPictures.Outcome.none)
        }
        #expect(try self.files(stage).isEmpty)
    }

    @Test func aFileOutsideOfTheLibraryIsNotOpened() async throws {
        let stage = try await self.stage()
        var vod = VodRecord(id: "outside012345678", streamID: "a", kind: .stream, createdAt: 0)
        vod.filePath = "streams/../streams/clip.mp4"
        try await stage.addVod(vod)
        #expect(await stage.service.makePictures(.poster, ofVod: "outside012345678") == VodPictures.Outcome.none)
    }

    /// What may be imported is a matter of the settings of today, for pictures as for the file itself.
    @Test func noLinkLeadsThePicturesOutOfTheLibrary() async throws {
        let stage = try await self.stage()
        let host = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-host-\(UUID().uuidString)").resolvingSymlinksInPath()
        try FileManager.default.createDirectory(at: host, withIntermediateDirectories: true)
        let streams = stage.dataDirectory + "/streams"
        try FileManager.default.copyItem(atPath: streams + "/clip.mp4", toPath: host.path + "/film.mp4")
        try FileManager.default.createSymbolicLink(atPath: streams + "/host", withDestinationPath: host.path)
        var vod = VodRecord(id: "imported12345678", streamID: "host", kind: .imported, createdAt: 0)
        vod.filePath = "streams/host/film.mp4"
        try await stage.addVod(vod)
        #expect(await stage.service.makePictures(.poster, ofVod: vod.id) == VodPictures.Outcome.none)
        #expect(try self.files(stage).isEmpty)
        let allowed = Self.maker(stage, LibraryFolder(path: streams, importDirectories: [host.path]))
        #expect(await allowed.make(.poster, of: vod.id) == .made)
        #expect(try self.files(stage) == ["imported12345678.png"])
        try FileManager.default.removeItem(at: host)
    }

    private static func maker(_ stage: Stage, _ folder: LibraryFolder, timeLimit: Duration = .seconds(120)) -> VodPictureMaker {
        VodPictureMaker(
            database: stage.database, folder: folder, directory: stage.dataDirectory + "/previews/vods", posterHeight: 90, timeLimit: timeLimit,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    @Test func whatTakesTooLongIsTriedAFewTimes() async throws {
        let stage = try await self.stage()
        let maker = Self.maker(stage, LibraryFolder(path: stage.dataDirectory + "/streams"), timeLimit: .zero)
        var outcomes: [VodPictures.Outcome] = []
        for _ in 0..<4 { outcomes.append(await maker.make(.thumbnails, of: Self.id)) }
        #expect(outcomes == [.unavailable, .unavailable, .none, .none])
        #expect(try self.files(stage).isEmpty)
    }

    @Test func atTheEndNothingMoreIsMadeAndWhoAsksMayComeBack() async throws {
        let stage = try await self.stage()
        let maker = Self.maker(stage, LibraryFolder(path: stage.dataDirectory + "/streams"))
        await maker.finish()
        #expect(await maker.make(.poster, of: Self.id) == .unavailable)
        #expect(try self.files(stage).isEmpty)
    }

    @Test func whatADeadProcessWasWritingGoesAtTheStart() async throws {
        let stage = try await self.stage()
        let folder = stage.dataDirectory + "/previews/vods"
        let left = [".\(Self.id).png", ".\(Self.id)-0.jpg", ".\(Self.id).vtt", ".notes", "\(Self.id).png"]
        for name in left { try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
        let next = try await stage.restarted()
        #expect(try self.files(next) == [".notes", "\(Self.id).png"])
    }

    @Test func thePicturesOfAnImportGoWithIt() async throws {
        let host = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-host-\(UUID().uuidString)").resolvingSymlinksInPath()
        let films = host.appendingPathComponent("films")
        try FileManager.default.createDirectory(at: films, withIntermediateDirectories: true)
        try Data("x".utf8).write(to: films.appendingPathComponent("a.mp4"))
        let stage = try await Stage({ $0.library.importDirectories = [host.path] })
        for folder in ["streams", "previews/vods"] {
            try FileManager.default.createDirectory(at: stage.directory.appendingPathComponent(folder), withIntermediateDirectories: true)
        }
        #expect(try await stage.service.library.importDirectory(films.path) == 1)
        let vod = try #require(try stage.service.listVods(.init(offset: 0, limit: 1)).first)
        let folder = stage.directory.appendingPathComponent("previews/vods")
        for name in ["\(vod.id).png", "\(vod.id).vtt", "\(vod.id)-0.jpg", "\(Self.id).png"] {
            try Data("x".utf8).write(to: folder.appendingPathComponent(name))
        }
        #expect(try await stage.service.library.removeDirectory(films.path) == 1)
        #expect(try self.files(stage) == ["\(Self.id).png"])
        try FileManager.default.removeItem(at: host)
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
            try await eventually("it is in the library") { try stage.service.findVod(ticket.vodID) != nil }
            #expect(try stage.service.findVod(ticket.vodID)?.previewPath == (hasPicture ? "previews/\(ticket.vodID).png" : nil))
            if hasPicture { try await eventually("there is a poster") { try self.files(stage) == ["\(ticket.vodID).png"] } }
        }
        _ = publisher
    }
}
