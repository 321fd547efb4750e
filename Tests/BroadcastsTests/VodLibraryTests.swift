import Foundation
import Store
import Synchronization
import TestSupport
import Testing

@testable import Broadcasts

/// Holds jobs until it is opened.
private final class Gate: Sendable {
    private let condition = NSCondition()
    private let isOpen = Mutex(false)

    func wait() {
        self.condition.lock()
        while !self.isOpen.withLock({ $0 }) { self.condition.wait() }
        self.condition.unlock()
    }

    func open() {
        self.condition.lock()
        self.isOpen.withLock { $0 = true }
        self.condition.broadcast()
        self.condition.unlock()
    }
}

/// Imports and their undoing, the line of jobs, and what is found of an earlier process. The files hold no media: `EndToEndTests` has those that do.
@Suite(.againstHanging) struct VodLibraryTests {
    private let root: URL

    init() throws {
        self.root = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-import-\(UUID().uuidString)").resolvingSymlinksInPath()
        try FileManager.default.createDirectory(at: self.root, withIntermediateDirectories: true)
    }

    private func make(_ paths: [String]) throws {
        for path in paths {
            let file = self.root.appendingPathComponent(path)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data("x".utf8).write(to: file)
        }
    }

    private func stage(_ change: (inout BroadcastService.Configuration) -> Void = { _ in }) async throws -> Stage {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-broadcasts-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory.appendingPathComponent("streams"), withIntermediateDirectories: true)
        return try await Stage(
            { configuration in
                configuration.library.importDirectories = [self.root.path]
                change(&configuration)
            }, directory: directory)
    }

    private func remove() throws { try FileManager.default.removeItem(at: self.root) }

    @Test func whatIsNoMediaOrHiddenOrALinkIsPassedOver() throws {
        try self.make(["a/1.mp4", "a/b/2.MKV", "a/b/c/3.flv", "a/4.m3u8", "a/5.txt", "a/.6.mp4", "a/.git/7.mp4", "a/8\\9.mp4", "secret.mp4"])
        try FileManager.default.createSymbolicLink(atPath: self.root.path + "/a/link.mp4", withDestinationPath: "../secret.mp4")
        try FileManager.default.createSymbolicLink(atPath: self.root.path + "/a/circle", withDestinationPath: ".")
        let found = try DirectoryScan.run(self.root.path + "/a")
        #expect(found.map(\.path) == ["1.mp4", "4.m3u8", "b/2.MKV", "b/c/3.flv"])
        #expect(found.map(\.name) == ["1.mp4", "4.m3u8", "2.MKV", "3.flv"])
        #expect(found.allSatisfy { $0.bytes == 1 })
        try self.remove()
    }

    @Test func aScanIsBounded() throws {
        try self.make((0..<12).map { "a/\($0).mp4" } + ["a/1/2/3/4/deep.mp4"])
        #expect(throws: DirectoryScan.Failure.tooLarge(limit: 10)) { try DirectoryScan.run(self.root.path + "/a", limits: .init(files: 10)) }
        #expect(throws: DirectoryScan.Failure.tooLarge(limit: 99)) {
            try DirectoryScan.run(self.root.path + "/a", limits: .init(files: 99, entries: 5))
        }
        #expect(try DirectoryScan.run(self.root.path + "/a", limits: .init(depth: 3)).count == 12)
        #expect(throws: DirectoryScan.Failure.cancelled) { try DirectoryScan.run(self.root.path + "/a", isCancelled: { true }) }
        try self.remove()
    }

    @Test(
        arguments: [
            ("/srv/films", "films"), ("/srv/films///", "films"), ("/srv/my films", "my films"), ("films", nil), ("", nil), ("/", nil),
            ("/srv/..", nil),
            ("/srv/../films", nil), ("/srv/./films", nil), ("/srv/.hidden", nil), ("/srv/ll-hls", nil), ("/srv/a\nb", nil), ("/srv/a\u{0}", nil),
            ("/" + String(repeating: "a", count: 201), nil),
        ] as [(String, String?)])
    func anImportIsCalledAsItsDirectory(directory: String, name: String?) { #expect(VodLibrary.linkName(of: directory) == name) }

    @Test func anImportIsUndoneWithoutTouchingAFile() async throws {
        try self.make(["films/1.mp4", "films/b/2.mkv"])
        let stage = try await self.stage()
        let library = stage.service.library
        #expect(try await library.importDirectory(self.root.path + "/films/") == 2)
        let vods = try stage.service.listVods(.init(streamID: "films", offset: 0, limit: 10))
        #expect(vods.map(\.filePath) == ["streams/films/1.mp4", "streams/films/b/2.mkv"])
        #expect(vods.allSatisfy { $0.type == "userVod" && $0.fileSize == 1 && $0.id.count == 24 })
        await #expect(throws: BroadcastError.importNameTaken("films")) { try await library.importDirectory(self.root.path + "/films") }
        // None of it is media.
        try await eventually("they have been looked at") {
            try stage.service.listVods(.init(streamID: "films", offset: 0, limit: 10)).allSatisfy { $0.process == .failed }
        }
        try await stage.service.deleteVod(vods[0].id)
        #expect(try await library.removeDirectory(self.root.path + "/films") == 1)
        await #expect(throws: BroadcastError.notADirectory(self.root.path + "/films")) {
            try await library.removeDirectory(self.root.path + "/films")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: stage.dataDirectory + "/streams") == [])
        #expect(try FileManager.default.subpathsOfDirectory(atPath: self.root.path).sorted() == ["films", "films/1.mp4", "films/b", "films/b/2.mkv"])
        try self.remove()
    }

    @Test func theLookAtAnImportSaysHowFarItIs() async throws {
        try self.make((0..<3).map { "films/\($0).mp4" })
        let stage = try await self.stage()
        let library = stage.service.library
        #expect(library.importProgress == .init())
        // Both places for work are held, and the one that is given up is held again behind the first file.
        let gates = ["one", "two", "three"].map { (name: $0, gate: Gate()) }
        defer { for (_, gate) in gates { gate.open() } }
        let jobs = library.jobs
        func hold(_ name: String, _ gate: Gate) -> Task<Void, any Error> {
            Task {
                try await jobs.run(name) { progress in
                    progress.set(1)
                    gate.wait()
                }
            }
        }
        var held = gates.prefix(2).map { hold($0.name, $0.gate) }
        try await eventually("both are held") { jobs.percent(of: "one") == 100 && jobs.percent(of: "two") == 100 }
        #expect(try await library.importDirectory(self.root.path + "/films") == 3)
        #expect(library.importProgress == .init(found: 3, done: 0))
        let vods = try stage.service.listVods(.init(streamID: "films", offset: 0, limit: 10))
        try await eventually("the first file is in line") { vods.contains { jobs.percent(of: $0.id) == 0 } }
        held.append(hold(gates[2].name, gates[2].gate))
        try await eventually("and behind it") { jobs.percent(of: "three") == 0 }
        gates[0].gate.open()
        try await eventually("the first has been looked at") { library.importProgress.done > 0 }
        #expect(library.importProgress == .init(found: 3, done: 1))
        for (_, gate) in gates { gate.open() }
        for task in held { try await task.value }
        try await eventually("all have been looked at") { library.importProgress == .init() }
        #expect(try stage.service.listVods(.init(streamID: "films", offset: 0, limit: 10)).allSatisfy { $0.process == .failed })
        try self.remove()
    }

    @Test func undoingAnImportLeavesOthersAlone() async throws {
        try self.make(["films/1.mp4", "films2/1.mp4", "sub/films/1.mp4"])
        let stage = try await self.stage()
        let library = stage.service.library
        #expect(try await library.importDirectory(self.root.path + "/films") == 1)
        #expect(try await library.importDirectory(self.root.path + "/films2") == 1)
        var own = VodRecord(id: "own", streamID: "films", kind: .stream, createdAt: 1)
        own.filePath = "streams/films/own.mp4"
        try await stage.database.vods.insert(own)
        // Another directory of that name is not the one that is imported.
        await #expect(throws: BroadcastError.notADirectory(self.root.path + "/sub/films")) {
            try await library.removeDirectory(self.root.path + "/sub/films")
        }
        #expect(try await library.removeDirectory(self.root.path + "/films") == 1)
        #expect(try stage.service.listVods(.init(offset: 0, limit: 10)).map(\.streamID) == ["films2", "films"])
        #expect(try stage.service.findVod("own") != nil)
        try self.remove()
    }

    @Test func aDirectoryThatIsGoneCanStillBeUndone() async throws {
        try self.make(["films/1.mp4"])
        let stage = try await self.stage()
        #expect(try await stage.service.library.importDirectory(self.root.path + "/films") == 1)
        try self.remove()
        #expect(try await stage.service.library.removeDirectory(self.root.path + "/films") == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: stage.dataDirectory + "/streams") == [])
    }

    @Test func aDirectoryWithTooManyFilesIsNotImportedAtAll() async throws {
        try self.make((0..<4).map { "films/\($0).mp4" })
        let stage = try await self.stage { $0.library.importLimits.files = 3 }
        await #expect(throws: BroadcastError.importTooLarge(limit: 3)) {
            try await stage.service.library.importDirectory(self.root.path + "/films")
        }
        #expect(try stage.service.countVods() == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: stage.dataDirectory + "/streams") == [])
        try self.remove()
    }

    @Test func workOfAnEarlierProcessIsPutInOrder() async throws {
        try self.make(["films/1.mp4"])
        let stage = try await self.stage()
        #expect(try await stage.service.library.importDirectory(self.root.path + "/films") == 1)
        let imported = try #require(try stage.service.listVods(.init(streamID: "films", offset: 0, limit: 1)).first)
        try await eventually("it has been looked at") { try stage.service.findVod(imported.id)?.process == .failed }
        try await stage.database.vods.update(imported.id) { $0.processStatus = "inqueue" }
        let streams = stage.directory.appendingPathComponent("streams")
        let ids = ["100000000000000000000001", "100000000000000000000002"]
        for (id, state) in zip(ids, ["inqueue", "processing"]) {
            var vod = VodRecord(id: id, streamID: "file", kind: .uploaded, createdAt: 1)
            vod.name = "film.mp4"
            vod.processStatus = state
            try await stage.database.vods.insert(vod)
        }
        try FileManager.default.createDirectory(at: streams.appendingPathComponent(".uploads"), withIntermediateDirectories: true)
        // One was being sent, one had its name already, one is somebody's own.
        let left = [".uploads/\(ids[0]).part", "\(ids[1]).mp4", ".uploads/notes.part"]
        for path in left { try Data("x".utf8).write(to: streams.appendingPathComponent(path)) }

        let next = try await stage.restarted { $0.library.importDirectories = [self.root.path] }
        #expect(left.map { FileManager.default.fileExists(atPath: streams.appendingPathComponent($0).path) } == [false, false, true])
        for id in ids {
            let vod = try #require(try next.service.findVod(id))
            #expect(vod.process == .failed && vod.processEndedAt > 0)
        }
        try await eventually("what was imported is looked at again") { try next.service.findVod(imported.id)?.process == .failed }
        try self.remove()
    }

    @Test func theEndDoesNotWaitForADiskThatDoesNotAnswer() async throws {
        let stage = try await self.stage()
        let (answers, answer) = AsyncStream.makeStream(of: Void.self)
        let stuck = Task { for await _ in answers {} }
        stage.service.library.looking.withLock { $0.task = stuck }
        stage.service.library.close()
        await stage.service.library.finish(within: .milliseconds(1))
        answer.finish()
        await stuck.value
        await stage.service.library.finish(within: .seconds(3_600))
        try self.remove()
    }

    @Test func aLibraryFileIsNamedByItsIdOrAnyFormOfItsPath() {
        let apps = ["live", "LiveApp"]
        #expect(VodLibrary.path(named: "streams/a b.mp4", apps: apps) == "streams/a b.mp4")
        #expect(VodLibrary.path(named: "/streams/a%20b.mp4", apps: apps) == "streams/a b.mp4")
        #expect(VodLibrary.path(named: "/live/streams/x/a%20b.mp4", apps: apps) == "streams/x/a b.mp4")
        #expect(VodLibrary.path(named: "/LiveApp/streams/100%.mp4", apps: apps) == "streams/100%.mp4")
        for name in ["100000000000000000000001", "/other/streams/a.mp4", "live/streams/a.mp4", "/live/streamsx/a.mp4", "/etc/passwd", ""] {
            #expect(VodLibrary.path(named: name, apps: apps) == nil, "\(name)")
        }
    }
}

@Suite(.againstHanging) struct LibraryJobTests {
    @Test func fewRunAtATimeAndTheLineHasAnEnd() async throws {
        let jobs = LibraryJobs(most: 1, longest: 1)
        let gate = Gate()
        async let first = jobs.run("a") { progress in
            progress.set(0.5)
            gate.wait()
            return 1
        }
        try await eventually("the first runs") { jobs.percent(of: "a") == 50 }
        async let second = jobs.run("b") { _ in 2 }
        try await eventually("the second waits") { jobs.percent(of: "b") == 0 }
        await #expect(throws: LibraryJobs.Refusal.full) { try await jobs.run("c") { _ in 3 } }
        #expect(jobs.percent(of: "c") == nil)
        gate.open()
        #expect(try await first == 1)
        #expect(try await second == 2)
        #expect(jobs.percent(of: "a") == nil && jobs.percent(of: "b") == nil)
    }

    @Test func closingEndsWhatRunsAndSendsAwayWhoWaits() async throws {
        let jobs = LibraryJobs(most: 1, longest: 4)
        let gate = Gate()
        async let first = jobs.run("a") { progress in
            progress.set(0.1)
            gate.wait()
            return progress.isCancelled
        }
        try await eventually("the first runs") { jobs.percent(of: "a") == 10 }
        let second = Task { try await jobs.run("b") { _ in 2 } }
        try await eventually("the second waits") { jobs.percent(of: "b") == 0 }
        jobs.close()
        await #expect(throws: LibraryJobs.Refusal.closed) { try await second.value }
        gate.open()
        #expect(try await first == true)
        await #expect(throws: LibraryJobs.Refusal.closed) { try await jobs.run("c") { _ in 3 } }
    }

    @Test func aJobOfADeletedFileIsToldToEnd() async throws {
        let jobs = LibraryJobs(most: 1, longest: 1)
        let gate = Gate()
        async let isCancelled = jobs.run("a") { progress in
            progress.set(1)
            gate.wait()
            return progress.isCancelled
        }
        try await eventually("it runs") { jobs.percent(of: "a") == 100 }
        jobs.cancel("b")
        jobs.cancel("a")
        gate.open()
        #expect(try await isCancelled == true)
    }
}
