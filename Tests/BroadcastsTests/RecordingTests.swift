import Foundation
import NIOCore
import Store
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Broadcasts
@testable import Outputs

@Suite struct RecordingTests {
    @Test(
        arguments: [
            (nil, false, false), (nil, true, true), (1, false, true), (1, true, true), (-1, true, false), (-1, false, false), (0, true, true),
        ] as [(Int?, Bool, Bool)]) func aBroadcastsOwnWishStandsAboveTheSetting(flag: Int?, setting: Bool, records: Bool) async throws
    {
        let stage = try await Stage({ $0.recordMP4 = setting })
        try await stage.create("a") { $0.output.mp4 = flag }
        let publisher = try await stage.publish("a")
        // Settled when the supervisor answers again.
        try await eventually("decided") { await stage.service.lifecycle.supervisor("a")?.phase == .live(publisher.generation) }
        if records { try await eventually("recording") { try !stage.database.recordings.all().isEmpty } }
        #expect(stage.outputs.recorders.count == (records ? 1 : 0))
        // The setting does not write itself into the broadcast.
        #expect(try stage.record("a").output.mp4 == flag ?? 0)
    }

    @Test func aRecordingBecomesAVodWithItsBroadcastsWords() async throws {
        let stage = try await Stage()
        try await stage.create("a") {
            $0.about.name = "The name"
            $0.about.description = "d"
            $0.about.metaData = "m"
            $0.about.latitude = "1"
            $0.output.subFolder = "room/%s"
        }
        let publisher = try await stage.publish("a")
        let ticket = try #require(try await stage.service.setRecording("a", true, type: "mp4", height: 0, fileName: nil))
        let recorder = try #require(stage.outputs.recorders.first)
        #expect(recorder.request.id == ticket.vodID)
        #expect(recorder.request.directory == stage.dataDirectory + "/streams/room/a")
        #expect(recorder.request.baseName == "a")
        #expect(ticket.startedAt == 1_700_000_000_123)
        let noted = try #require(try stage.database.recordings.all().first)
        #expect(noted.vodID == ticket.vodID)
        #expect(noted.temporaryPath == stage.dataDirectory + "/streams/room/a/a.mp4.tmp_extension")

        #expect(try await stage.service.setRecording("a", false, type: "mp4", height: 0, fileName: nil) == ticket)
        #expect(recorder.isStopped)
        // While the file is being finished the next one may begin.
        let second = try #require(try await stage.service.setRecording("a", true, type: "mp4", height: 720, fileName: nil))
        #expect(second.vodID != ticket.vodID)
        recorder.finish(bytes: 4_321)
        try await eventually("vod") { try stage.service.findVod(ticket.vodID) != nil }
        let vod = try #require(try stage.service.findVod(ticket.vodID))
        #expect(vod.streamID == "a")
        #expect(vod.streamName == "The name")
        #expect(vod.name == "a.mp4")
        #expect(vod.filePath == "streams/room/a/a.mp4")
        #expect(vod.type == "streamVod")
        #expect(vod.fileSize == 4_321)
        #expect(vod.duration == 2_500)
        #expect(vod.startedAt == 1_700_000_000_123)
        #expect(vod.description == "d")
        #expect(vod.metadata == "m")
        #expect(vod.latitude == "1")
        try await eventually("told") {
            stage.events.contains(.vodReady(streamID: "a", vodID: ticket.vodID, fileName: "a.mp4", durationMilliseconds: 2_500))
        }
        #expect(try stage.database.recordings.all().map(\.vodID) == [second.vodID])
        _ = publisher
    }

    @Test func whatTakesLongToBeFinishedIsListedMeanwhile() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        let ticket = try #require(try await stage.service.setRecording("a", true, type: "mp4", height: 0, fileName: nil))
        let recorder = try #require(stage.outputs.recorders.first)
        _ = try await stage.service.setRecording("a", false, type: "mp4", height: 0, fileName: nil)
        #expect(try stage.service.findVod(ticket.vodID) == nil)
        recorder.progress(0.25)
        try await eventually("listed") { try stage.service.findVod(ticket.vodID)?.process == .processing }
        #expect(stage.service.percentDone(ofVod: ticket.vodID) == 25)
        #expect(try stage.service.findVod(ticket.vodID)?.filePath == nil)
        recorder.progress(0.5)
        try await eventually("further") { stage.service.percentDone(ofVod: ticket.vodID) == 50 }
        recorder.finish(bytes: 4_321)
        try await eventually("finished") { try stage.service.findVod(ticket.vodID)?.filePath == "streams/a.mp4" }
        #expect(try stage.service.findVod(ticket.vodID)?.processStatus == nil)
        #expect(stage.service.percentDone(ofVod: ticket.vodID) == nil)
        #expect(try stage.service.countVods() == 1)
        _ = publisher
    }

    @Test func whatIsDeletedWhileItIsFinishedDoesNotComeBack() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        let ticket = try #require(try await stage.service.setRecording("a", true, type: "mp4", height: 0, fileName: nil))
        let recorder = try #require(stage.outputs.recorders.first)
        recorder.progress(0.25)
        try await eventually("listed") { try stage.service.findVod(ticket.vodID) != nil }
        try await stage.service.deleteVod(ticket.vodID)
        let file = stage.directory.appendingPathComponent("streams/a.mp4")
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(count: 10).write(to: file)
        recorder.finish(bytes: 10)
        try await eventually("gone") { !FileManager.default.fileExists(atPath: file.path) }
        // The note goes behind the file.
        try await eventually("forgotten") { try stage.database.recordings.all().isEmpty }
        #expect(try stage.service.findVod(ticket.vodID) == nil)
        _ = publisher
    }

    @Test func aZombisRecordingOutlivesIt() async throws {
        let stage = try await Stage({ $0.recordMP4 = true })
        let publisher = try await stage.publish("z")
        try await eventually("recording") { try !stage.database.recordings.all().isEmpty }
        try await stage.end(publisher)
        let recorder = try #require(stage.outputs.recorders.first)
        #expect(recorder.isStopped)
        try await eventually("removed") { try stage.database.broadcasts.find("z") == nil }
        #expect(stage.service.lifecycle.supervisor("z") != nil)
        recorder.finish()
        try await eventually("vod") { try stage.service.countVods() == 1 }
        try await eventually("nothing is left") { stage.service.lifecycle.supervisor("z") == nil }
        #expect(try stage.service.listVods(.init(offset: 0, limit: 1)).first?.streamName == "z.mp4")
    }

    @Test func aRecorderThatBreaksOffLeavesTheStreamLive() async throws {
        let stage = try await Stage({ $0.recordMP4 = true })
        let publisher = try await stage.publish("a")
        try await eventually("recording") { try !stage.database.recordings.all().isEmpty }
        let recorder = try #require(stage.outputs.recorders.first)
        recorder.finish(bytes: 0, failure: .diskFull)
        try await eventually("told") {
            stage.events.contains(.recordingFailed(streamID: "a", vodID: recorder.request.id, reason: "diskFull"))
        }
        #expect(try stage.service.find("a")?.status == .broadcasting)
        #expect(try stage.service.countVods() == 0)
        try await eventually("forgotten") { try stage.database.recordings.all().isEmpty }
        // It is not recording any more, so it can be told to.
        try await eventually("free") { await stage.service.lifecycle.supervisor("a")?.recordings.isEmpty != false }
        #expect(try await stage.service.setRecording("a", true, type: "mp4", height: 0, fileName: nil) != nil)
        #expect(stage.outputs.recorders.count == 2)
        _ = publisher
    }

    @Test func everyFileOfARecorderIsNotedAndBecomesAVod() async throws {
        let stage = try await Stage({ $0.recordMP4 = true })
        let publisher = try await stage.publish("a")
        try await eventually("recording") { try stage.database.recordings.all().count == 1 }
        let recorder = try #require(stage.outputs.recorders.first)
        recorder.beginPart(1, id: "second")
        try await eventually("both noted") { try stage.database.recordings.all().count == 2 }
        recorder.endPart(0)
        try await eventually("first entered") { try stage.service.countVods() == 1 }
        #expect(try stage.database.recordings.all().map(\.vodID) == ["second"])
        recorder.endPart(1, id: "second", bytes: 10)
        recorder.close()
        try await eventually("second entered") { try stage.service.findVod("second")?.filePath == "streams/a_1.mp4" }
        _ = publisher
    }

    @Test func aRecordingThatCannotStartSaysSoAndKeepsNoNote() async throws {
        let stage = try await Stage()
        stage.outputs.refuseRecordings(.io("read-only"))
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        await #expect(throws: BroadcastError.recordingNotStarted(type: "mp4")) {
            try await stage.service.setRecording("a", true, type: "mp4", height: 0, fileName: nil)
        }
        #expect(try stage.database.recordings.all().isEmpty)
        #expect(try stage.record("a").output.mp4 == 0)
        try await stage.end(publisher)
        try await eventually("nothing is left") { stage.service.lifecycle.supervisor("a") == nil }
    }

    @Test func aWishThatMeetsThePublisherOnItsWayIsStillHeard() async throws {
        let stage = try await Stage()
        for round in 0..<20 {
            let id = "a\(round)"
            try await stage.create(id)
            async let ticket = stage.service.setRecording(id, true, type: "mp4", height: 0, fileName: nil)
            let publisher = try await stage.publish(id)
            _ = try await ticket
            try await eventually("recording") { stage.outputs.recorders.contains { $0.request.baseName == id } }
            #expect(stage.outputs.recorders.count { $0.request.baseName == id } == 1)
            _ = publisher
        }
    }

    @Test func whatADeadProcessWasRecordingIsRecovered() async throws {
        let stage = try await Stage(start: false)
        for (id, path) in [("v1", "/d/streams/a.mp4.tmp_extension"), ("v2", "/d/streams/empty.mp4.tmp_extension")] {
            var note = UnfinishedRecording(
                vodID: id, streamID: "a", temporaryPath: path, directory: stage.dataDirectory + "/streams", baseName: id, format: "mp4", startedAt: 77
            )
            note.streamName = "n"
            try await stage.database.recordings.begin(note)
        }
        try await stage.service.start()
        await stage.service.waitForRecovery()
        #expect(stage.outputs.recovered == ["/d/streams/a.mp4.tmp_extension", "/d/streams/empty.mp4.tmp_extension"])
        let vods = try stage.service.listVods(.init(offset: 0, limit: 50))
        #expect(vods.map(\.id) == ["v1"])
        #expect(vods.first?.filePath == "streams/v1.mp4")
        #expect(vods.first?.startedAt == 77)
        #expect(vods.first?.streamName == "n")
        #expect(try stage.database.recordings.all().isEmpty)
    }

    /// A disk that is away for a while is no reason to forget what was recorded on it.
    @Test func whatCannotBeRecoveredNowIsTriedAgain() async throws {
        let stage = try await Stage(start: false)
        let note = try await stage.noteRecording(format: "mp4")
        stage.outputs.failRecoveries(2)
        try await stage.service.start()
        await stage.service.waitForRecovery()
        let (ledger, recover) = (stage.service.ledger, stage.outputs.factory.recover)
        #expect(try stage.database.recordings.all() == [note] && stage.service.countVods() == 0)
        stage.time.advance(9_000)
        await ledger.recoverDue(with: recover)
        #expect(stage.outputs.recovered.count == 1, "not at once")
        stage.time.advance(4_000)
        await ledger.recoverDue(with: recover)
        #expect(stage.outputs.recovered.count == 2)
        stage.time.advance(13_000)
        await ledger.recoverDue(with: recover)
        #expect(stage.outputs.recovered.count == 2, "less often")
        stage.time.advance(13_000)
        await ledger.recoverDue(with: recover)
        #expect(stage.outputs.recovered.count == 3)
        #expect(try stage.service.findVod("v1")?.filePath == "streams/a.mp4")
        #expect(try stage.database.recordings.all().isEmpty)
        #expect(stage.events.count { $0 == .recordingFailed(streamID: "a", vodID: "v1", reason: "io(\"away\")") } == 1, "it is told of once")
        await ledger.recoverDue(with: recover)
        #expect(stage.outputs.recovered.count == 3)
    }

    @Test func whatCouldNotBeRecoveredIsRecoveredByTheNextProcess() async throws {
        let stage = try await Stage(start: false)
        try await stage.noteRecording(format: "mp4")
        stage.outputs.failRecoveries(1)
        try await stage.service.start()
        await stage.service.waitForRecovery()
        #expect(try stage.service.countVods() == 0)
        let next = try await stage.restarted()
        await next.service.waitForRecovery()
        #expect(try next.service.findVod("v1") != nil)
    }

    /// The process died, or its database was failing, between the making of a file and its note.
    @Test func recordingsWithoutANoteAreFound() async throws {
        let stage = try await Stage(start: false)
        let room = stage.directory.appendingPathComponent("streams/room")
        try FileManager.default.createDirectory(at: room, withIntermediateDirectories: true)
        // The headers of boxes are all that is looked at: ftyp, moov, moof, mdat.
        func boxes(_ types: [String]) -> Data { Data(types.flatMap { [0, 0, 0, 8] + Array($0.utf8) }) }
        let recording = boxes(["ftyp", "moov", "moof", "mdat"])
        try recording.write(to: room.appendingPathComponent("demo_480p500kbps_1.mp4.tmp_extension"))
        try recording.write(to: room.appendingPathComponent("noted.mp4.tmp_extension"))
        try boxes(["ftyp", "moov"]).write(to: room.appendingPathComponent("begun.mp4.tmp_extension"))
        try Data("a letter".utf8).write(to: room.appendingPathComponent("letter.mp4.tmp_extension"))
        try recording.write(to: room.appendingPathComponent("film.mp4"))
        let folder = stage.dataDirectory + "/streams/room"
        // Whatever way leads to it.
        let link = stage.dataDirectory + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder)
        try await stage.database.recordings.begin(
            UnfinishedRecording(
                vodID: "v1", streamID: "noted", temporaryPath: link + "/noted.mp4.tmp_extension", directory: folder, baseName: "noted",
                format: "mp4", startedAt: 77))
        try await stage.service.start()
        await stage.service.waitForRecovery()
        #expect(stage.outputs.recovered == [link + "/noted.mp4.tmp_extension", folder + "/demo_480p500kbps_1.mp4.tmp_extension"])
        let vods = try stage.service.listVods(.init(offset: 0, limit: 50))
        #expect(Set(vods.map(\.streamID)) == ["noted", "demo"])
        #expect(Set(vods.map(\.filePath)) == ["streams/room/noted.mp4", "streams/room/demo_480p500kbps_1.mp4"])
    }

    @Test func aWantedRecordingThatBreaksOffBeginsAnew() async throws {
        let stage = try await Stage({
            $0.recordMP4 = true
            $0.recordingPause = .milliseconds(1)
        })
        let publisher = try await stage.publish("a")
        try await eventually("recording") { stage.outputs.recorders.count == 1 }
        stage.outputs.recorders[0].finish(failure: .muxer("broken"))
        try await eventually("anew") { stage.outputs.recorders.count == 2 }
        // As often as it takes.
        stage.outputs.refuseRecordings(.io("read-only"))
        stage.outputs.recorders[1].finish(bytes: 0, failure: .io("read-only"))
        try await eventually("refused") { stage.outputs.recorders.count >= 4 }
        stage.outputs.refuseRecordings(nil)
        try await eventually("recording") {
            guard let supervisor = stage.service.lifecycle.supervisor("a") else { return false }
            return await !supervisor.recordings.isEmpty
        }
        // What a client has stopped stays so.
        let count = stage.outputs.recorders.count
        let last = try #require(stage.outputs.recorders.last)
        _ = try await stage.service.setRecording("a", false, type: "mp4", height: 0, fileName: nil)
        last.finish()
        try await eventually("entered") { try stage.service.countVods() == 2 }
        #expect(stage.outputs.recorders.count == count)
        _ = publisher
    }

    @Test func whatFoundNoRoomIsRecordedAsSoonAsThereIsSome() async throws {
        let stage = try await Stage({
            $0.recordMP4 = true
            $0.recordingPause = .milliseconds(1)
            $0.recordingLowSpace = 1_000
            $0.recordingSufficientSpace = 2_000
        })
        stage.space.bytes = 999
        try await eventually("it is told") { stage.events.contains(.diskSpaceLow(freeBytes: 999)) }
        let publisher = try await stage.publish("a")
        try await eventually("refused") {
            stage.events.contains(.recordingFailed(streamID: "a", vodID: "", reason: "diskFull"))
        }
        stage.space.bytes = 2_000
        try await eventually("recording") { stage.outputs.recorders.count == 1 }
        #expect(stage.events.count { $0.action == "recordingFailed" } == 1, "waiting for room fails nothing")
        _ = publisher
    }

    @Test func aLongRecoveryIsListedAndTellsHowMuchIsDone() async throws {
        let stage = try await Stage(start: false)
        let temporary = stage.directory.appendingPathComponent("big.mp4.tmp_extension")
        try Data().write(to: temporary)
        // Without data, and long enough to be listed.
        try FileHandle(forWritingTo: temporary).truncate(atOffset: 300_000_000)
        let seen = Mutex<[Int?]>([])
        for (id, path) in [("small", "/d/streams/a.mp4.tmp_extension"), ("big", temporary.path)] {
            let note = UnfinishedRecording(
                vodID: id, streamID: "a", temporaryPath: path, directory: stage.dataDirectory + "/streams", baseName: id, format: "mp4", startedAt: 77
            )
            try await stage.database.recordings.begin(note)
        }
        let service = stage.service
        stage.outputs.duringRecovery { tell in
            for id in ["small", "big"] { seen.withLock { $0.append(service.percentDone(ofVod: id)) } }
            tell(0.5)
            for id in ["small", "big"] { seen.withLock { $0.append(service.percentDone(ofVod: id)) } }
        }
        try await stage.service.start()
        await stage.service.waitForRecovery()
        #expect(seen.withLock { $0 } == [nil, 0, nil, 50, nil, nil, nil, nil])
        #expect(stage.service.percentDone(ofVod: "big") == nil)
        #expect(Set(try stage.service.listVods(.init(offset: 0, limit: 50)).map(\.id)) == ["small", "big"])
    }

    // MARK: Names

    @Test(
        arguments: [
            (nil, "a"), ("", "a"), ("talk", "talk"), ("../../etc/passwd", "_._.._etc_passwd"), (".hidden", "_hidden"), ("a\\b", "a_b"),
            ("a\u{0}b\n", "a_b_"),
            ("talk.mp4", "talk"),
            ("talk.MP4", "talk"), ("talk.webm", "talk.webm"), (".mp4", "a"), ("talk.mp4.mp4", "talk.mp4"),
            (String(repeating: "x", count: 130), String(repeating: "x", count: 120)),
            (String(repeating: "ü", count: 130), String(repeating: "ü", count: 100)),
        ] as [(String?, String)]) func fileNamesAreMadeSafe(given: String?, expected: String)
    {
        let record = BroadcastRecord(id: "a", createdAt: 0)
        #expect(RecordingPlace(record: record, fileName: given, extension: "mp4", dataDirectory: "/d").baseName == expected)
    }

    @Test(
        arguments: [
            (nil, "/d/streams"), ("", "/d/streams"), ("x", "/d/streams/x"), ("x/y/", "/d/streams/x/y"), ("%m/%s", "/d/streams/room/a"),
            ("//x//", "/d/streams"),
            ("./x/.", "/d/streams/x"), ("../x", "/d/streams"), ("x/..", "/d/streams"), ("%s-%s", "/d/streams/a-a"), ("x\u{0}", "/d/streams"),
            ("x\\y", "/d/streams"),
        ] as [(String?, String)]) func foldersStayBelowTheStreams(folder: String?, expected: String)
    {
        var record = BroadcastRecord(id: "a", createdAt: 0)
        record.about.mainTrackID = "room"
        record.output.subFolder = folder
        #expect(RecordingPlace(record: record, fileName: nil, extension: "mp4", dataDirectory: "/d").directory == expected)
    }

    /// A directory that was imported under that name is the operator's; what is recorded stays in our own.
    @Test func nothingIsRecordedThroughALink() throws {
        let data = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: data) }
        let films = data.appendingPathComponent("films")
        let streams = data.appendingPathComponent("streams")
        for folder in [films, streams] { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }
        var record = BroadcastRecord(id: "cam", createdAt: 0)
        record.output.subFolder = "films/new"
        #expect(RecordingPlace(record: record, fileName: nil, extension: "mp4", dataDirectory: data.path).directory == streams.path + "/films/new")
        try FileManager.default.createSymbolicLink(at: streams.appendingPathComponent("films"), withDestinationURL: films)
        #expect(RecordingPlace(record: record, fileName: nil, extension: "mp4", dataDirectory: data.path).directory == streams.path)
    }

    @Test(arguments: ["../evil", "..", ".", "a/b"]) func aMainTrackThatIsNoIdIsLeftOutOfFolders(mainTrack: String) {
        #expect(RecordingPlace.expand("%m/x", id: "a", mainTrack: mainTrack) == "x")
        #expect(RecordingPlace.expand("%m", id: "a", mainTrack: mainTrack) == "")
    }

    @Test func longIdsMakeFileNamesThatAFileSystemTakes() {
        let record = BroadcastRecord(id: String(repeating: "x", count: 256), createdAt: 0)
        let name = RecordingPlace(record: record, fileName: nil, extension: "mp4", dataDirectory: "/d").baseName
        #expect(name.utf8.count + "_999999.mp4.tmp_extension".utf8.count <= 255)
    }

    // MARK: Files of VoDs

    @Test func aVodTakesItsFileAlongAndNoOther() async throws {
        let stage = try await Stage()
        let files = FileManager.default
        let streams = stage.directory.appendingPathComponent("streams/sub")
        try files.createDirectory(at: streams, withIntermediateDirectories: true)
        let outside = stage.directory.appendingPathComponent("outside")
        try files.createDirectory(at: outside, withIntermediateDirectories: true)
        for path in ["streams/sub/a.mp4", "outside/secret", "streams/target"] {
            try Data([1]).write(to: stage.directory.appendingPathComponent(path))
        }
        try files.createSymbolicLink(at: stage.directory.appendingPathComponent("streams/way"), withDestinationURL: outside)
        try files.createSymbolicLink(
            at: stage.directory.appendingPathComponent("streams/link"), withDestinationURL: stage.directory.appendingPathComponent("streams/target"))
        func exists(_ path: String) -> Bool { files.fileExists(atPath: stage.directory.appendingPathComponent(path).path) }
        func remove(_ path: String) -> VodFile.Removal { VodFile.remove(path, below: stage.dataDirectory) }

        var vod = VodRecord(id: "v", streamID: "a", kind: .stream, createdAt: 1)
        vod.filePath = "streams/sub/a.mp4"
        try await stage.database.vods.insert(vod)
        try await stage.service.deleteVod("v")
        #expect(!exists("streams/sub/a.mp4"))
        await #expect(throws: BroadcastError.unknownVod) { try await stage.service.deleteVod("v") }

        #expect(remove("streams/sub/a.mp4") == .absent)
        #expect(remove("streams/nowhere/a.mp4") == .absent)
        #expect(remove("streams/../outside/secret") == .outside)
        #expect(remove("streams/way/secret") == .outside)
        #expect(remove("/etc/passwd") == .outside)
        #expect(remove("outside/secret") == .outside)
        #expect(remove("streams") == .outside)
        #expect(remove("streams//x") == .outside)
        #expect(remove("streams/a\u{0}b") == .outside)
        #expect(exists("outside/secret"))
        // A link goes, what it points to stays.
        #expect(remove("streams/link") == .removed)
        #expect(exists("streams/target"))
        // A directory is not a file, and the row of what cannot be removed stays.
        vod.filePath = "streams/sub"
        try await stage.database.vods.insert(vod)
        await #expect(throws: BroadcastError.self) { try await stage.service.deleteVod("v") }
        #expect(try stage.service.findVod("v") != nil)
    }
}
