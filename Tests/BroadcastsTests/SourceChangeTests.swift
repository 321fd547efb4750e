import BroadcastSupport
import Gateways
import Media
import Store
import TestSupport
import Testing

@testable import Broadcasts

@Suite struct SourceChangeTests {
    private func live(_ stage: Stage, _ id: String, _ change: (inout BroadcastChanges) -> Void) async throws -> FakePull {
        try await stage.create(id, change)
        _ = try await stage.service.startPull(id)
        let pull = try #require(stage.sources.pull(id))
        try await stage.broadcast(pull)
        return pull
    }

    private func changes(_ change: (inout BroadcastChanges) -> Void) -> BroadcastChanges {
        var changes = BroadcastChanges()
        change(&changes)
        return changes
    }

    @Test func whatDoesNotConcernThePullDoesNotDisturbIt() async throws {
        let stage = try await Stage()
        let pull = try await self.live(stage, "a") {
            $0.type = "streamSource"; $0.source.streamURL = "rtsp://h/a"
        }
        try await stage.service.update(
            "a",
            self.changes {
                $0.about.name = "n"; $0.source.streamURL = "rtsp://h/a"; $0.source.seekTime = 5
            })
        try await stage.service.update(
            "a",
            self.changes {
                $0.source.streamURL = " "; $0.source.ipAddress = ""
            })
        #expect(!pull.isStopped)
        #expect(stage.sources.pulls.count == 1)
        #expect(stage.sources.probed.isEmpty)
        #expect(try stage.record("a").about.name == "n")
        #expect(try stage.record("a").source.streamURL == "rtsp://h/a")
    }

    @Test func aNewURLIsTriedBeforeTheOldOneIsStopped() async throws {
        let stage = try await Stage()
        let old = try await self.live(stage, "a") {
            $0.type = "streamSource"; $0.source.streamURL = "rtsp://h/a"
        }
        stage.sources.answer("rtsp://h/b", .refused)
        await #expect(throws: BroadcastError.sourceUnreachable("refused")) {
            try await stage.service.update(
                "a",
                self.changes {
                    $0.source.streamURL = "rtsp://h/b"; $0.about.name = "n"
                })
        }
        #expect(!old.isStopped)
        #expect(try stage.record("a").source.streamURL == "rtsp://h/a")
        #expect(try stage.record("a").about.name == nil)

        try await stage.service.update("a", self.changes { $0.source.streamURL = "rtsp://h/c" })
        #expect(stage.sources.probedURLs == ["rtsp://h/b", "rtsp://h/c"])
        #expect(old.isStopped)
        #expect(stage.sources.pull("a")?.item?.url == "rtsp://h/c")
        #expect(try stage.record("a").source.isWanted)
    }

    @Test func whileAURLIsTriedNobodyElseWaits() async throws {
        let stage = try await Stage()
        let pull = try await self.live(stage, "a") {
            $0.type = "streamSource"; $0.source.streamURL = "rtsp://h/a"
        }
        stage.sources.hangProbes()
        async let update: Void = stage.service.update("a", self.changes { $0.source.streamURL = "rtsp://h/b" })
        try await eventually("being tried") { stage.sources.probedURLs == ["rtsp://h/b"] }
        try await stage.service.update("a", self.changes { $0.about.name = "n" })
        #expect(try await stage.service.stop("a", withSubtracks: true) == .source)
        #expect(pull.isStopped)
        stage.sources.releaseProbes()
        try await update
        // It was stopped meanwhile, and stays so.
        #expect(stage.sources.pulls.count == 1)
        #expect(try stage.record("a").source.streamURL == "rtsp://h/b")
        #expect(try stage.record("a").about.name == "n")
    }

    @Test func whatDoesNotWorkAnywayOrCannotBeOpenedTwiceIsSwitchedUntried() async throws {
        let stage = try await Stage()
        try await stage.createSource("idle", "rtsp://h/a")
        try await stage.createSource("lost", "rtsp://h/a")
        _ = try await stage.service.startPull("lost")
        stage.sources.pull("lost")?.lose()
        stage.sources.answer("rtsp://h/b", .refused)
        try await stage.service.update("idle", self.changes { $0.source.streamURL = "rtsp://h/b" })
        try await stage.service.update("lost", self.changes { $0.source.streamURL = "rtsp://h/b" })
        let live = try await self.live(stage, "live") {
            $0.type = "streamSource"; $0.source.streamURL = "srt://h:9000"
        }
        try await stage.service.update("live", self.changes { $0.source.streamURL = "srt://h:9001" })
        #expect(live.isStopped)
        #expect(stage.sources.probed.isEmpty)
        #expect(stage.sources.pulls.map { $0.item?.url } == ["rtsp://h/a", "rtsp://h/b", "srt://h:9000", "srt://h:9001"])
        #expect(stage.sources.pull("idle") == nil)
    }

    @Test func badCredentialsLeaveARunningCameraAsItIs() async throws {
        let stage = try await Stage()
        let camera = try await self.live(stage, "c") {
            $0.type = "ipCamera"
            $0.source.ipAddress = "rtsp://10.0.0.9/live"
            $0.source.username = "u"
            $0.source.password = "p"
        }
        stage.sources.answer("rtsp://10.0.0.9/live", .unauthorized)
        await #expect(throws: BroadcastError.cameraUnreachable(address: "rtsp://10.0.0.9/live", code: -2)) {
            try await stage.service.update("c", self.changes { $0.source.password = "wrong" })
        }
        // What is missing is taken from the store.
        #expect(stage.sources.probed == [PullItem(url: "rtsp://10.0.0.9/live", username: "u", password: "wrong", isFile: false)])
        stage.sources.answer("rtsp://10.0.0.8/live", .timedOut)
        await #expect(throws: BroadcastError.cameraUnreachable(address: "rtsp://10.0.0.8/live", code: -1)) {
            try await stage.service.update("c", self.changes { $0.source.ipAddress = "rtsp://10.0.0.8/live" })
        }
        await #expect(throws: BroadcastError.cameraAddressInvalid("nonsense")) {
            try await stage.service.update("c", self.changes { $0.source.ipAddress = "nonsense" })
        }
        #expect(!camera.isStopped)
        #expect(try stage.record("c").source.password == "p")
        #expect(try stage.record("c").source.ipAddress == "rtsp://10.0.0.9/live")

        stage.sources.answer("rtsp://10.0.0.9/live", milliseconds: 0)
        try await stage.service.update("c", self.changes { $0.source.password = "right" })
        #expect(stage.sources.pull("c")?.item?.password == "right")
        // A new address counts although the old one had become the stream's URL.
        try await stage.service.update("c", self.changes { $0.source.ipAddress = "rtsp://10.0.0.7/live" })
        #expect(stage.sources.pull("c")?.item?.url == "rtsp://10.0.0.7/live")
        try await stage.service.update("c", self.changes { $0.source.ipAddress = "rtsp://10.0.0.6/live" })
        #expect(stage.sources.pull("c")?.item?.url == "rtsp://10.0.0.6/live")
        // Where the stream of this one is, only ONVIF could tell.
        try await stage.broadcast(#require(stage.sources.pull("c")))
        await #expect(throws: BroadcastError.cameraUnreachable(address: "10.0.0.5:80", code: -1)) {
            try await stage.service.update("c", self.changes { $0.source.ipAddress = "10.0.0.5:80" })
        }
        #expect(stage.sources.pull("c")?.isStopped == false)
        try await stage.service.stop("c", withSubtracks: false)
        try await stage.service.update("c", self.changes { $0.source.ipAddress = "10.0.0.5:80" })
        await #expect(throws: BroadcastError.cameraUnreachable(address: "10.0.0.5:80", code: -1)) { try await stage.service.startPull("c") }
    }

    @Test func forbiddenAddressesAreNeitherCreatedNorStored() async throws {
        let stage = try await Stage()
        stage.sources.forbid("http://127.0.0.1/a.mp4")
        for type in ["streamSource", "VoD"] {
            await #expect(throws: BroadcastError.sourceURLInvalid) {
                try await stage.create("x") {
                    $0.type = type; $0.source.streamURL = "http://127.0.0.1/a.mp4"
                }
            }
        }
        for bad in ["http://127.0.0.1/a.mp4", "file:///etc/passwd", "vod:../../etc/passwd", "VOD:x", "concat:a|b"] {
            await #expect(throws: BroadcastError.sourceURLInvalid) {
                try await stage.create("x") {
                    $0.type = "playlist"; $0.playListItems = [.init(streamUrl: "http://h/a.mp4"), .init(streamUrl: bad)]
                }
            }
        }
        await #expect(throws: BroadcastError.sourceURLInvalid) {
            try await stage.create("x") {
                $0.type = "ipCamera"
                $0.source.ipAddress = "10.0.0.1"
                $0.source.streamURL = "word"
            }
        }
        try await stage.createSource("a", "rtsp://h/a")
        await #expect(throws: BroadcastError.sourceURLInvalid) {
            try await stage.service.update("a", self.changes { $0.source.streamURL = "http://127.0.0.1/a.mp4" })
        }
        #expect(try stage.service.count() == 1)
    }

    @Test func aFileOfTheLibraryIsNamedByItsIdOrItsPath() async throws {
        let stage = try await Stage()
        var vod = VodRecord(id: "v1", streamID: "s", kind: .stream, createdAt: 1)
        vod.filePath = "streams/room/a.mp4"
        try await stage.addVod(vod)
        for (id, name) in [("byID", "v1"), ("byPath", "streams/room/a.mp4")] {
            try await stage.create(id) {
                $0.type = "VoD"; $0.source.streamURL = name; $0.source.seekTime = 1_500
            }
            _ = try await stage.service.startPull(id)
            let item = PullItem(url: "vod:room/a.mp4", start: MediaTime(milliseconds: 1_500), isFile: true)
            #expect(stage.sources.pull(id)?.plan.content == .sequence(PullSequence(items: [item], loops: true)))
        }
        try await stage.create("none") {
            $0.type = "VoD"; $0.source.streamURL = "streams/room/b.mp4"
        }
        await #expect(throws: BroadcastError.sourceURLInvalid) { try await stage.service.startPull("none") }
    }
}
