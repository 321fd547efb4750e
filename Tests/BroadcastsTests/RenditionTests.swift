import Foundation
import Media
import NIOCore
import Store
import Streams
import TestSupport
import Testing

@testable import Broadcasts
@testable import Outputs

@Suite struct RenditionTests {
    private static let low = Rendition(height: 480, width: 854, videoBitrate: 900_000, audioBitrate: 0)
    private static let lowest = Rendition(height: 360, width: 640, videoBitrate: 500_000, audioBitrate: 64_000)

    private func ladder(_ stage: Stage, count: Int = 1) async throws -> FakeLadder {
        try await eventually("a ladder") { stage.outputs.ladders.count == count }
        let ladder = try #require(stage.outputs.ladders.last)
        // It is made first, and told to start then.
        await stage.supervisorIsDone(ladder.id)
        return ladder
    }

    @Test func aBroadcastsOwnListStandsAboveTheSettings() async throws {
        let stage = try await Stage({ $0.renditions = [RenditionSetting(height: 240)] })
        try await stage.create("own") {
            $0.output.encoders = [EncoderSettings(height: 480, videoBitrate: 900_000, audioBitrate: 64_000, forceSameResolutionEncode: true)]
        }
        try await stage.create("empty") { $0.output.encoders = [] }
        _ = try await stage.publish("own")
        #expect(try await self.ladder(stage).settings == [[.init(height: 480, videoBitrate: 900_000, audioBitrate: 64_000, encodesSameHeight: true)]])
        #expect(try await self.ladder(stage).starts == ["latestGroup"])
        _ = try await stage.publish("empty")
        #expect(try await self.ladder(stage, count: 2).settings == [[.init(height: 240)]])
    }

    @Test func nothingIsEncodedWhereNothingIsWished() async throws {
        let stage = try await Stage()
        let publisher = try await stage.publish("a")
        try await eventually("decided") { await stage.service.lifecycle.supervisor("a")?.phase == .live(publisher.generation) }
        #expect(stage.outputs.ladders.isEmpty)
    }

    @Test func anotherListTakesEffectWhileLive() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        _ = try await stage.publish("a")
        var changes = BroadcastChanges()
        changes.output.encoders = [EncoderSettings(height: 480, videoBitrate: 0, audioBitrate: 0)]
        try await stage.service.update("a", changes)
        let ladder = try await self.ladder(stage)
        #expect(ladder.starts == ["live"], "what the viewers of its streams had must not come again")
        changes.output.encoders = [EncoderSettings(height: 360, videoBitrate: 0, audioBitrate: 0)]
        try await stage.service.update("a", changes)
        #expect(ladder.settings == [[.init(height: 480)], [.init(height: 360)]])
        changes.output.encoders = []
        try await stage.service.update("a", changes)
        #expect(ladder.isStopped)
    }

    @Test func theLadderGoesOnWithTheNextPublisherAndIsWaitedForAtTheEnd() async throws {
        let stage = try await Stage({ $0.renditions = [RenditionSetting(height: 240)] })
        try await stage.create("a")
        _ = try await stage.publish("a", token: "same")
        let ladder = try await self.ladder(stage)
        let second = try await stage.publish("a", token: "same")
        #expect(stage.outputs.ladders.count == 1)
        try await stage.end(second)
        #expect(!ladder.isStopped, "it ends with what was published last")
        #expect(stage.service.lifecycle.supervisor("a") != nil)
        ladder.close()
        try await eventually("all has ended") { stage.service.lifecycle.supervisor("a") == nil }
        _ = try await stage.publish("a")
        #expect(try await self.ladder(stage, count: 2).starts == ["latestGroup"])
    }

    @Test func aLadderThatHasFailedComesBackWithTheNextPublisher() async throws {
        let stage = try await Stage({ $0.renditions = [RenditionSetting(height: 240)] })
        try await stage.create("a")
        let first = try await stage.publish("a", token: "same")
        let failed = try await self.ladder(stage)
        failed.tell(.failed(height: 240, reason: "no memory"))
        failed.close()
        try await eventually("the end is known") { await stage.service.lifecycle.supervisor("a")?.open == 0 }
        #expect(await stage.service.lifecycle.supervisor("a")?.phase == .live(first.generation))
        #expect(stage.outputs.ladders.count == 1, "what fails is not tried again at once")
        #expect(try stage.service.find("a")?.droppedInEncoding == 7, "what was lost is not forgotten with it")
        let second = try await stage.publish("a", token: "same")
        let next = try await self.ladder(stage, count: 2)
        #expect(next.settings == [[.init(height: 240)]] && next.starts == ["latestGroup"])
        #expect(failed.settings.count == 1, "nobody talks to the one that has ended")
        #expect(try stage.service.find("a")?.droppedInEncoding == 14)
        // It is waited for as the first was.
        try await stage.end(second)
        #expect(stage.service.lifecycle.supervisor("a") != nil)
        next.close()
        try await eventually("all has ended") { stage.service.lifecycle.supervisor("a") == nil }
    }

    @Test func aLadderThatHasFailedComesBackWithOtherSettingsButNotWithTheSame() async throws {
        let stage = try await Stage()
        let list = [EncoderSettings(height: 480, videoBitrate: 0, audioBitrate: 0)]
        try await stage.create("a") { $0.output.encoders = list }
        _ = try await stage.publish("a")
        let failed = try await self.ladder(stage)
        failed.close()
        try await eventually("the end is known") { await stage.service.lifecycle.supervisor("a")?.open == 0 }
        var changes = BroadcastChanges()
        for _ in 0..<3 {
            changes.output.encoders = list
            try await stage.service.update("a", changes)
        }
        #expect(stage.outputs.ladders.count == 1, "the same again would fail again")
        changes.output.encoders = [EncoderSettings(height: 360, videoBitrate: 0, audioBitrate: 0)]
        try await stage.service.update("a", changes)
        let next = try await self.ladder(stage, count: 2)
        #expect(next.settings == [[.init(height: 360)]] && next.starts == ["live"])
        changes.output.encoders = list
        try await stage.service.update("a", changes)
        #expect(next.settings == [[.init(height: 360)], [.init(height: 480)]])
        #expect(stage.outputs.ladders.count == 2 && failed.settings.count == 1)
    }

    @Test func aPublisherWhoComesWhileALadderIsFailingGetsTheNextOne() async throws {
        let stage = try await Stage({ $0.renditions = [RenditionSetting(height: 240)] })
        try await stage.create("a")
        _ = try await stage.publish("a", token: "same")
        let failed = try await self.ladder(stage)
        failed.fail()
        let second = try await stage.publish("a", token: "same")
        let next = try await self.ladder(stage, count: 2)
        failed.close()
        try await eventually("the end is known") { await stage.service.lifecycle.supervisor("a")?.open == 1 }
        let third = try await stage.publish("a", token: "same")
        #expect(stage.outputs.ladders.count == 2 && next.settings.count == 2)
        _ = (second, third)
    }

    @Test func theEndOfALadderThatWasToldToEndIsNotThatOfTheNext() async throws {
        let stage = try await Stage()
        let list = [EncoderSettings(height: 480, videoBitrate: 0, audioBitrate: 0)]
        try await stage.create("a") { $0.output.encoders = list }
        _ = try await stage.publish("a")
        let stopped = try await self.ladder(stage)
        var changes = BroadcastChanges()
        for encoders in [[], list] {
            changes.output.encoders = encoders
            try await stage.service.update("a", changes)
        }
        let next = try await self.ladder(stage, count: 2)
        #expect(stopped.isStopped)
        stopped.close()
        try await eventually("the end is known") { await stage.service.lifecycle.supervisor("a")?.open == 1 }
        changes.output.encoders = [EncoderSettings(height: 360, videoBitrate: 0, audioBitrate: 0)]
        try await stage.service.update("a", changes)
        #expect(next.settings.last == [.init(height: 360)] && stage.outputs.ladders.count == 2)
    }

    @Test func whatBecomesOfRenditionsIsToldAsEvents() async throws {
        let stage = try await Stage({ $0.renditions = [RenditionSetting(height: 240)] })
        _ = try await stage.publish("a")
        let ladder = try await self.ladder(stage)
        ladder.tell(.started(Self.low))
        ladder.tell(.notStarted(height: 360, reason: "r"))
        ladder.tell(.failed(height: 480, reason: "s"))
        ladder.tell(.shed(height: 240))
        try await eventually("told") { stage.events.contains(.renditionShed(streamID: "a", height: 240)) }
        #expect(stage.outputs.hls.contains("renditions a"))
        #expect(stage.events.contains(.encoderNotOpened(streamID: "a", height: 360, reason: "r")))
        #expect(stage.events.contains(.renditionFailed(streamID: "a", height: 480, reason: "s")))
        #expect(Set(stage.events.map(\.action)).isSuperset(of: ["encoderNotOpenedError", "renditionFailed", "renditionShed"]))
        #expect(try stage.service.find("a")?.droppedInEncoding == 7)
    }

    @Test func aListThatNoEncoderCouldFollowIsRefused() async throws {
        let stage = try await Stage()
        let invalid = [
            [EncoderSettings(height: -1, videoBitrate: 0, audioBitrate: 0)], [EncoderSettings(height: 4_321, videoBitrate: 0, audioBitrate: 0)],
            [EncoderSettings(height: 480, videoBitrate: -1, audioBitrate: 0)], [EncoderSettings(height: 480, videoBitrate: 0, audioBitrate: 512_001)],
            [EncoderSettings(height: 480, videoBitrate: .max, audioBitrate: 0)],
            Array(repeating: EncoderSettings(height: 480, videoBitrate: 0, audioBitrate: 0), count: 17),
        ]
        try await stage.create("a")
        for list in invalid {
            var changes = BroadcastChanges()
            changes.output.encoders = list
            await #expect(throws: BroadcastError.textInvalid(member: "encoderSettingsList")) { _ = try await stage.service.create(changes) }
            await #expect(throws: BroadcastError.textInvalid(member: "encoderSettingsList")) { try await stage.service.update("a", changes) }
        }
        #expect(try stage.record("a").output.encoders == nil)
    }

    @Test func aStreamAndItsRenditionsCanBeRecordedAtOnce() async throws {
        let stage = try await Stage({ $0.renditions = [RenditionSetting(height: 480), RenditionSetting(height: 360)] })
        try await stage.create("a") { $0.about.name = "The name" }
        _ = try await stage.publish("a")
        let publishers = try stage.make([Self.low, Self.lowest], of: "a")
        func start(_ height: Int, _ fileName: String? = nil) async throws -> RecordingTicket? {
            try await stage.service.setRecording("a", true, type: "mp4", height: height, fileName: fileName)
        }
        let source = try #require(try await start(0))
        let low = try #require(try await start(480))
        let named = try #require(try await start(361, "mine"))
        #expect(stage.outputs.recorders.map(\.request.baseName) == ["a", "a_480p900kbps", "mine"])
        #expect(
            try stage.database.recordings.all().map(\.streamName).sorted { ($0 ?? "") < ($1 ?? "") } == [
                "The name", "The name (360p)", "The name (480p)",
            ])
        for height in [720, 480, 360, 240, 1080] {
            await #expect(throws: BroadcastError.recordingNotStarted(type: "mp4"), "\(height): recorded already, or not there") {
                _ = try await start(height)
            }
        }
        // As webm each of them once more; the one that is stopped is a webm, too.
        func setWebM(_ isWanted: Bool, _ height: Int) async throws -> RecordingTicket? {
            try await stage.service.setRecording("a", isWanted, type: "webm", height: height, fileName: nil)
        }
        let webM = try #require(try await setWebM(true, 480))
        #expect(stage.outputs.recorders.last?.request.baseName == "a_480p900kbps")
        #expect(stage.outputs.recorders.last?.request.format == .webM)
        await #expect(throws: BroadcastError.recordingNotStarted(type: "webm")) { _ = try await setWebM(true, 480) }
        await #expect(throws: BroadcastError.recordingNotStopped(type: "webm"), "this height is recorded, but as mp4") {
            _ = try await setWebM(false, 360)
        }
        #expect(try await setWebM(false, 9) == webM)
        func stop(_ height: Int) async throws -> RecordingTicket? {
            try await stage.service.setRecording("a", false, type: "mp4", height: height, fileName: nil)
        }
        #expect(try await stop(480) == low)
        await #expect(throws: BroadcastError.recordingNotStopped(type: "mp4")) { _ = try await stop(480) }
        #expect(try await stop(0) == source)
        #expect(try await stop(0) == named, "the one that is left, as the reference does")
        await #expect(throws: BroadcastError.recordingNotStopped(type: "mp4")) { _ = try await stop(0) }
        let running = stage.outputs.recorders.filter { !$0.isStopped }
        #expect(running.isEmpty)
        // The same again, any number of times.
        for _ in 0..<3 {
            _ = try #require(try await start(360))
            _ = try #require(try await stop(360))
        }
        _ = publishers
    }

    @Test func allRecordingsEndWithTheStream() async throws {
        let stage = try await Stage({ $0.renditions = [RenditionSetting(height: 480)] })
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        let renditions = try stage.make([Self.low], of: "a")
        for height in [0, 480] { _ = try await stage.service.setRecording("a", true, type: "mp4", height: height, fileName: nil) }
        try await stage.end(publisher)
        #expect(stage.outputs.recorders.count == 2)
        let running = stage.outputs.recorders.filter { !$0.isStopped }
        #expect(running.isEmpty)
        _ = renditions
    }

    @Test func anEndpointOfARenditionsHeightWaitsForIt() async throws {
        let stage = try await Stage({ $0.renditions = [RenditionSetting(height: 480)] })
        try await stage.create("a") { $0.endpoints = [.init(url: "rtmp://h/app/key", resolutionHeight: 480)] }
        _ = try await stage.publish("a")
        let ladder = try await self.ladder(stage)
        #expect(stage.outputs.destinations.isEmpty)
        let renditions = try stage.make([Self.low], of: "a")
        ladder.tell(.started(Self.low))
        try await eventually("pushed") { stage.outputs.destinations.count == 1 }
        _ = try await stage.service.addEndpoint("a", .init(url: "rtmp://h/app/other", resolutionHeight: 480))
        #expect(stage.outputs.destinations.count == 2)
        await #expect(throws: BroadcastError.endpointRefused) {
            _ = try await stage.service.addEndpoint("a", .init(url: "rtmp://h/app/third", resolutionHeight: 240))
        }
        _ = renditions
    }

    @Test func theStreamsOfABroadcastAreTheSourceAndWhatIsMadeOfIt() async throws {
        let stage = try await Stage({ $0.renditions = [RenditionSetting(height: 480)] })
        try await stage.create("a")
        #expect(try stage.service.streams(of: "a").isEmpty)
        let publisher = try await stage.publish("a")
        let renditions = try stage.make([Self.lowest, Self.low], of: "a")
        #expect(try stage.service.streams(of: "a").map(\.key.renditionHeight) == [0, 480, 360])
        #expect(try stage.service.streams(of: "b").isEmpty)
        #expect(stage.service.activeCount() == 1)
        publisher.end(.finished)
        #expect(try stage.service.streams(of: "a").isEmpty, "renditions that are coming to their end are not shown")
        _ = renditions
    }
}
