import AV
import Foundation
import Store
import Synchronization
import TestSupport
import Testing

@testable import Broadcasts

/// What becomes of a file that is whole while the database is not.
@Suite(.againstHanging) struct VodEntryTests {
    private static let id = "100000000000000000000001"

    private func stage() async throws -> Stage {
        let stage = try await Stage({ $0.library.entryPauses = [.milliseconds(1), .milliseconds(1)] })
        try FileManager.default.createDirectory(at: stage.directory.appendingPathComponent("streams"), withIntermediateDirectories: true)
        return stage
    }

    private func vod() -> VodRecord {
        var vod = VodRecord(id: Self.id, streamID: "file", kind: .uploaded, createdAt: 1)
        vod.name = "film.mp4"
        vod.processStatus = VodProcess.queued.rawValue
        return vod
    }

    private func film(in stage: Stage) async throws -> String {
        let path = stage.dataDirectory + "/film.mp4"
        let made = try await Tool.run(
            "ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=2", "-c:v", "libx264", "-g", "25", path])
        try #require(made.status == 0, "\(made.output)")
        return path
    }

    @Test func whatFailsIsTriedAgainAndNotForEver() async throws {
        let tries = Mutex(0)
        let told = Mutex<[StoreError]>([])
        func run(_ failures: Int, isEnding: Bool = false) async -> Result<Int, StoreError> {
            tries.withLock { $0 = 0 }
            told.withLock { $0 = [] }
            do throws(StoreError) {
                return .success(
                    try await Insistence.run(
                        pauses: [.zero, .zero], isEnding: { isEnding }, onFailure: { error in told.withLock { $0.append(error) } },
                        { () async throws(StoreError) in
                            let number = tries.withLock { tries in
                                tries += 1
                                return tries
                            }
                            if number <= failures { throw number.isMultiple(of: 2) ? .diskFull : .failed("busy") }
                            return number
                        }))
            } catch {
                return .failure(error)
            }
        }
        #expect(await run(0) == .success(1) && told.withLock { $0 } == [])
        #expect(await run(2) == .success(3) && told.withLock { $0 } == [.failed("busy")])
        #expect(await run(9) == .failure(.failed("busy")) && tries.withLock { $0 } == 3)
        #expect(await run(9, isEnding: true) == .failure(.failed("busy")) && tries.withLock { $0 } == 1, "the server's end waits for nobody")
        #expect(Insistence.pauses.reduce(.zero, +) >= .seconds(50) && Insistence.pauses.reduce(.zero, +) <= .seconds(90))
    }

    @Test func aWholeFileStaysWhenItCannotBeEnteredAndTheNextStartEntersIt() async throws {
        let stage = try await self.stage()
        let film = try await self.film(in: stage)
        try await stage.database.vods.insert(self.vod())
        let failure = await #expect(throws: BroadcastError.self) {
            try await stage.service.library.finish(self.vod()) { progress, place in
                let outcome = WorkFile.publish(film, as: place, formats: ["mov"], within: .seconds(30), progress)
                do { try stage.database.close() } catch { Issue.record(error) }
                return outcome
            }
        }
        if case .store = failure {} else { Issue.record("\(String(describing: failure))") }
        let place = stage.dataDirectory + "/streams/\(Self.id).mp4"
        let bytes = try #require(FileManager.default.contents(atPath: place)).count

        let next = try await stage.restarted()
        let vod = try #require(try next.service.findVod(Self.id))
        #expect(vod.process == .finished && vod.filePath == "streams/\(Self.id).mp4" && vod.fileSize == Int64(bytes))
        #expect(abs(vod.duration - 2_000) < 100 && vod.previewPath == "previews/\(Self.id).png")
        #expect(FileManager.default.contents(atPath: place)?.count == bytes)
    }

    @Test func whoHasSentAFileAndLeftHasSentItAllTheSame() async throws {
        let stage = try await self.stage()
        let film = try await self.film(in: stage)
        try await stage.database.vods.insert(self.vod())
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let upload = Task {
            try await stage.service.library.finish(self.vod()) { progress, place in
                let outcome = WorkFile.publish(film, as: place, formats: ["mov"], within: .seconds(30), progress)
                end.yield()
                return outcome
            }
        }
        upload.cancel()
        for await _ in ends { break }
        _ = try await upload.value
        #expect(try stage.service.findVod(Self.id)?.process == .finished)
        #expect(FileManager.default.fileExists(atPath: stage.dataDirectory + "/streams/\(Self.id).mp4"))
    }

    @Test func aFileWhoseRowIsGoneGoesToo() async throws {
        let stage = try await self.stage()
        let film = try await self.film(in: stage)
        await #expect(throws: BroadcastError.unknownVod) {
            try await stage.service.library.finish(self.vod()) { progress, place in
                WorkFile.publish(film, as: place, formats: ["mov"], within: .seconds(30), progress)
            }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: stage.dataDirectory + "/streams") == [])
    }
}
