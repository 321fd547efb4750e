import BroadcastSupport
import Gateways
import Media
import Store
import TestSupport
import Testing

@testable import Broadcasts

@Suite struct PlaylistTests {
    private func items(_ names: String...) -> [PlayListItem] {
        names.map { PlayListItem(streamUrl: "http://h/\($0).mp4", type: "VoD", name: $0, durationInMs: 1) }
    }

    private func started(_ stage: Stage, _ names: String..., change: (inout BroadcastChanges) -> Void = { _ in }) async throws -> FakePull {
        try await stage.create("p") {
            $0.type = "playlist"
            $0.playListItems = names.map { PlayListItem(streamUrl: "http://h/\($0).mp4", type: "VoD", name: $0) }
            change(&$0)
        }
        #expect(try await stage.service.startPull("p") == .playlist)
        return try #require(stage.sources.pull("p"))
    }

    private func change(_ stage: Stage, _ change: (inout BroadcastChanges) -> Void) async throws {
        var changes = BroadcastChanges()
        change(&changes)
        try await stage.service.update("p", changes)
    }

    @Test func theItemPlayedIsStoredAndToldAndTheRunIsOne() async throws {
        let stage = try await Stage()
        let pull = try await self.started(stage, "x", "y", "z")
        #expect(try stage.record("p").playlist.status == "broadcasting")
        pull.tell(.itemStarted(index: 0))
        try await stage.broadcast(pull)
        pull.tell(.itemFailed(index: 1, PullFailure(cause: .notFound, text: "404")))
        pull.tell(.itemStarted(index: 2))
        try await eventually("stored") { try stage.record("p").playlist.currentIndex == 2 }
        #expect(
            stage.events == [
                .playlistItemStarted(id: "p", index: 0, name: "x"), .liveStreamStarted(id: "p"),
                .playlistItemFailed(id: "p", index: 1, name: "y", reason: "404"), .playlistItemStarted(id: "p", index: 2, name: "z"),
            ])
        await #expect(throws: BroadcastError.playlistAlreadyRunning) { try await stage.service.startPull("p") }

        #expect(try await stage.service.stop("p", withSubtracks: true) == .playlist)
        let stopped = try stage.record("p")
        #expect(stopped.playlist.status == "finished")
        #expect(stopped.playlist.currentIndex == 2)
        try await eventually("ended") { stage.events.last == .liveStreamEnded(id: "p") }
        // The next start goes on where it was stopped.
        _ = try await stage.service.startPull("p")
        #expect(stage.sources.pull("p")?.plan.sequence?.firstIndex == 2)
    }

    @Test func anItemThatStaysBadIsToldOfOnce() async throws {
        let stage = try await Stage()
        let pull = try await self.started(stage, "x", "y")
        func fail() { pull.tell(.itemFailed(index: 1, PullFailure(cause: .notFound, text: "404"))) }
        for _ in 0..<3 {
            pull.tell(.itemStarted(index: 0))
            fail()
        }
        let told = BroadcastEvent.playlistItemFailed(id: "p", index: 1, name: "y", reason: "404")
        try await stage.settled()
        #expect(stage.events.count { $0 == told } == 1)
        #expect(stage.events.count == 4)
        // It was played in between.
        pull.tell(.itemStarted(index: 1))
        fail()
        try await stage.settled()
        #expect(stage.events.count { $0 == told } == 2)
        try await self.change(stage) { $0.playListLoops = false }
        fail()
        try await stage.settled()
        #expect(stage.events.count { $0 == told } == 3)
    }

    @Test func aListThatWasPlayedToItsEndBeginsAnew() async throws {
        let stage = try await Stage()
        let pull = try await self.started(stage, "x", "y") {
            $0.playListLoops = false; $0.currentPlayIndex = 1
        }
        #expect(pull.plan.sequence?.firstIndex == 1)
        #expect(pull.plan.sequence?.loops == false)
        pull.tell(.itemStarted(index: 1))
        pull.tell(.finished(listEnded: true, nil))
        try await eventually("finished") { try stage.service.find("p")?.pull == nil && !stage.record("p").source.isWanted }
        #expect(try stage.record("p").playlist.status == "finished")
        #expect(try stage.record("p").playlist.currentIndex == 0)
        #expect(try stage.service.find("p")?.status == .finished)
        await #expect(throws: BroadcastError.nothingPulled) { try await stage.service.stop("p", withSubtracks: true) }
        _ = try await stage.service.startPull("p")
        #expect(stage.sources.pull("p")?.plan.sequence?.firstIndex == 0)
    }

    @Test func editsWhileItRunsGoToTheRunningPull() async throws {
        let stage = try await Stage()
        let pull = try await self.started(stage, "x", "y")
        try await self.change(stage) {
            $0.about.name = "n"; $0.source.streamURL = "not a url"; $0.currentPlayIndex = 1
        }
        #expect(pull.replaced.isEmpty)
        #expect(try stage.record("p").source.streamURL == nil)
        #expect(try stage.record("p").playlist.currentIndex == 0)
        try await self.change(stage) { $0.playListItems = [.init(streamUrl: "http://h/z.mp4", seekTimeInMs: 700), .init(streamUrl: "")] }
        try await self.change(stage) { $0.playListLoops = false }
        let item = PullItem(url: "http://h/z.mp4", start: MediaTime(milliseconds: 700), isFile: true)
        #expect(pull.replaced == [PullSequence(items: [item], loops: true), PullSequence(items: [item], loops: false)])
        #expect(!pull.isStopped)
        #expect(stage.sources.pulls.count == 1)
        // Nothing is left to go on with.
        try await self.change(stage) { $0.playListItems = [] }
        #expect(pull.isStopped)
        try await eventually("over") { try stage.record("p").playlist.status == "finished" && stage.service.find("p")?.pull == nil }
    }

    @Test func badItemsKeepTheirPlaceAndAListOfNothingElseDoesNotStart() async throws {
        let stage = try await Stage({ $0.sources.normalisesPlaylists = true })
        try await stage.create("p") {
            $0.type = "playlist"
            $0.playListItems = [
                .init(streamUrl: "gone"), .init(streamUrl: "rtsp://h/live"), .init(streamUrl: "http://h/a.m3u8", type: "streamSource"),
            ]
        }
        _ = try await stage.service.startPull("p")
        let sequence = try #require(stage.sources.pull("p")?.plan.sequence)
        #expect(sequence.items.map(\.url) == ["", "rtsp://h/live", "http://h/a.m3u8"])
        #expect(sequence.items.dropFirst().allSatisfy { !$0.isFile })
        #expect(sequence.normalises)
        try await stage.create("q") {
            $0.type = "playlist"; $0.playListItems = [.init(streamUrl: "gone")]
        }
        await #expect(throws: BroadcastError.nothingPlayable) { try await stage.service.startPull("q") }
        #expect(try stage.service.find("q")?.status == .finished)
        #expect(try stage.record("q").playlist.status == "finished")
    }

    /// An imported m3u8 is served; what it lists is nobody's to open.
    @Test func aListOfTheLibraryIsNoSource() async throws {
        let stage = try await Stage()
        var list = VodRecord(id: "list12345678", streamID: "films", kind: .imported, createdAt: 1)
        list.filePath = "streams/films/list.M3U8"
        // Stored before there was such a file.
        try await stage.create("v") {
            $0.type = "VoD"; $0.source.streamURL = list.id
        }
        try await stage.create("q") {
            $0.type = "playlist"; $0.playListItems = [.init(streamUrl: list.id)]
        }
        try await stage.create("p") {
            $0.type = "playlist"; $0.playListItems = [.init(streamUrl: list.id), .init(streamUrl: "http://h/a.mp4", type: "VoD")]
        }
        try await stage.addVod(list)
        for name in [list.id, "streams/films/list.M3U8", "/live/streams/films/list.M3U8"] {
            await #expect(throws: BroadcastError.listNotPlayable(name)) {
                try await stage.create("new") {
                    $0.type = "VoD"; $0.source.streamURL = name
                }
            }
            await #expect(throws: BroadcastError.listNotPlayable(name)) {
                try await self.change(stage) { $0.playListItems = [.init(streamUrl: "http://h/a.mp4"), .init(streamUrl: name)] }
            }
        }
        for id in ["v", "q"] {
            await #expect(throws: BroadcastError.listNotPlayable(list.id)) { try await stage.service.startPull(id) }
            #expect(stage.sources.pull(id) == nil)
        }
        #expect(try stage.record("q").playlist.status == "finished")
        _ = try await stage.service.startPull("p")
        #expect(stage.sources.pull("p")?.plan.sequence?.items.map(\.url) == ["", "http://h/a.mp4"], "it is passed over")
    }

    @Test func nextGoesToAnItemThatIsThere() async throws {
        let stage = try await Stage()
        try await stage.createSource("s")
        let pull = try await self.started(stage, "x", "y")
        try stage.service.nextItem("p", index: nil)
        try stage.service.nextItem("p", index: -1)
        try stage.service.nextItem("p", index: 1)
        #expect(pull.skips == [nil, nil, 1])
        #expect(throws: BroadcastError.indexOutOfList) { try stage.service.nextItem("p", index: 2) }
        #expect(throws: BroadcastError.unknownBroadcast) { try stage.service.nextItem("nobody", index: nil) }
        #expect(throws: BroadcastError.notAPlaylist) { try stage.service.nextItem("s", index: nil) }
        pull.refuseSkips()
        #expect(throws: BroadcastError.indexOutOfList) { try stage.service.nextItem("p", index: nil) }
        try await stage.service.stop("p", withSubtracks: true)
        #expect(throws: BroadcastError.indexOutOfList) { try stage.service.nextItem("p", index: 2) }
        #expect(throws: BroadcastError.playlistNotRunning) { try stage.service.nextItem("p", index: 1) }
        try await stage.create("empty") { $0.type = "playlist" }
        #expect(throws: BroadcastError.playlistNotRunning) { try stage.service.nextItem("empty", index: nil) }
    }

    @Test func durationsAreFoundInTheBackgroundAndKept() async throws {
        let stage = try await Stage()
        stage.sources.answer("http://h/x.mp4", milliseconds: 4_000)
        stage.sources.answer("http://h/y.mp4", .notFound)
        stage.sources.answer("http://h/z.mp4", .nothingToPlay)
        var vod = VodRecord(id: "v1", streamID: "s", kind: .stream, createdAt: 1)
        vod.filePath = "streams/a.mp4"
        vod.duration = 777
        try await stage.addVod(vod)
        stage.sources.hangProbes()
        try await stage.create("p") {
            $0.type = "playlist"
            $0.playListItems =
                self.items("x", "y", "z", "w") + [.init(streamUrl: "v1", type: "VoD"), .init(streamUrl: "rtsp://h/l", type: "streamSource")]
        }
        // No more than two at a time, and nobody waits for them.
        try await eventually("looked at") { stage.sources.probed.count == 2 }
        #expect(try stage.record("p").playlist.items?.first?.durationInMs == 1)
        stage.sources.releaseProbes()
        try await eventually("found") { try stage.record("p").playlist.items?.map(\.durationInMs) == [4_000, -2, -3, -1, 777, 0] }
        #expect(stage.sources.probed.count == 4)

        // What is known is not asked again, whatever the client says of it; what is not, is.
        stage.sources.answer("http://h/y.mp4", milliseconds: 2_000)
        try await self.change(stage) { $0.playListItems = self.items("y", "x") }
        try await eventually("found") { try stage.record("p").playlist.items?.map(\.durationInMs) == [2_000, 4_000] }
        #expect(stage.sources.probedURLs.count { $0 == "http://h/x.mp4" } == 1)
    }

    @Test func theFirstURLIsNotForgottenWhenAClientSendsTheListBack() async throws {
        let stage = try await Stage()
        let pull = try await self.started(stage, "x", "y")
        let list = try #require(try stage.record("p").playlist.items)
        try await self.change(stage) { $0.playListItems = list }
        #expect(pull.replaced.isEmpty)
    }
}

@Suite struct AskingTests {
    @Test func seekingReachesWhateverIsPulled() async throws {
        let stage = try await Stage()
        try await stage.createSource("a", "http://h/a.mp4")
        #expect(throws: BroadcastError.noActiveSource) { try stage.service.seek("a", toMilliseconds: 5) }
        #expect(throws: BroadcastError.idBlank) { try stage.service.seek(" ", toMilliseconds: 5) }
        _ = try await stage.service.startPull("a")
        try stage.service.seek("a", toMilliseconds: 5_000)
        try stage.service.seek("a", toMilliseconds: -5)
        try stage.service.seek("a", toMilliseconds: .max)
        let seeks = try #require(stage.sources.pull("a")).seeks
        #expect(seeks.prefix(2) == [MediaTime(milliseconds: 5_000), .zero])
        #expect(seeks.count == 3 && seeks[2] > .zero)
    }

    @Test func aCameraSaysWhyItIsNotThere() async throws {
        let stage = try await Stage()
        try await stage.create("c") {
            $0.type = "ipCamera"; $0.source.ipAddress = "rtsp://10.0.0.9/live"
        }
        try await stage.create("o") {
            $0.type = "ipCamera"; $0.source.ipAddress = "10.0.0.9"
        }
        #expect(throws: BroadcastError.unknownBroadcast) { try stage.service.ipCameraError("nobody") }
        #expect(throws: BroadcastError.nothingPulled) { try stage.service.ipCameraError("c") }
        #expect(throws: BroadcastError.cameraNeedsONVIF(address: "10.0.0.9")) { try stage.service.ipCameraError("o") }
        _ = try await stage.service.startPull("c")
        #expect(try stage.service.ipCameraError("c") == nil)
        let failure = PullFailure(cause: .unauthorized, text: "401")
        stage.sources.pull("c")?.show(.retrying, failure)
        #expect(try stage.service.ipCameraError("c") == failure)
    }

    @Test func durationsHaveTheContractsNumbers() async throws {
        let stage = try await Stage()
        stage.sources.answer("http://h/a.mp4", milliseconds: 12_345)
        stage.sources.answer("http://h/none", .notFound)
        stage.sources.answer("http://h/odd", .nothingToPlay)
        stage.sources.forbid("http://127.0.0.1/a.mp4")
        #expect(try await stage.service.duration(ofURL: "http://h/a.mp4") == 12_345)
        let cases: [(String, BroadcastError)] = [
            ("", .urlBlank), (" ", .urlBlank), ("rtsp://h/live", .durationUnknown(code: -1)), ("http://h/none", .durationUnknown(code: -2)),
            ("http://h/odd", .durationUnknown(code: -3)), ("file:///etc/passwd", .durationUnknown(code: -2)),
            ("http://127.0.0.1/a.mp4", .durationUnknown(code: -2)), ("vod:a.mp4", .durationUnknown(code: -2)),
        ]
        for (url, error) in cases { await #expect(throws: error) { try await stage.service.duration(ofURL: url) } }
        #expect(!stage.sources.probedURLs.contains("http://127.0.0.1/a.mp4"))
    }
}
