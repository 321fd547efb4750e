import Media
import Outputs
import Streams
import TestSupport
import Testing

@testable import Broadcasts

@Suite struct StreamHealthTests {
    private func told(_ stage: Stage) -> [BroadcastEvent] {
        stage.events.filter { $0.action == "streamHealthChanged" }
    }

    @Test func whatIsWrongIsToldWhenItBeginsAndWhenItEnds() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let keeper = stage.service.healthKeeper()
        let publisher = try await stage.publish("a")
        await keeper.look()
        #expect(self.told(stage) == [])

        // A gap, and a keyframe that is long in coming.
        stage.time.advance(3_000)
        publisher.publish(Frames.picture(at: 3_000), now: stage.time.now)
        await keeper.look()
        #expect(self.told(stage) == [.streamHealthChanged(id: "a", problems: ["gaps"])])
        await keeper.look()
        #expect(self.told(stage).last == .streamHealthChanged(id: "a", problems: []))
        for step in Int64(4)...13 {
            stage.time.advance(900)
            publisher.publish(Frames.picture(at: step * 1_000, key: step == 13), now: stage.time.now)
        }
        await keeper.look()
        #expect(self.told(stage).last == .streamHealthChanged(id: "a", problems: ["keyframeInterval"]))
        let count = self.told(stage).count
        await keeper.look()
        #expect(self.told(stage).count == count, "once")
        try await stage.end(publisher)
        await keeper.look()
        #expect(self.told(stage).count == count)
    }

    @Test func aStreamBeyondThePlatformOfADestinationIsTold() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        let keeper = stage.service.healthKeeper()
        _ = try await stage.service.addEndpoint("a", .init(url: "rtmps://a.rtmps.youtube.com:443/live2/k", serviceID: "tube"))
        for step in Int64(1)...6 {
            stage.time.advance(900)
            publisher.publish(Frames.picture(at: step * 900, key: step == 6), now: stage.time.now)
            publisher.publish(Frames.sound(at: step * 900), now: stage.time.now)
        }
        await keeper.look()
        #expect(self.told(stage) == [.streamHealthChanged(id: "a", problems: ["destinationLimits"])])
        let warnings = try #require(try stage.service.find("a")?.endpointStatuses["tube"]?.warnings)
        #expect(warnings.map(\.code) == [.keyframeInterval])
        _ = publisher
    }
}
