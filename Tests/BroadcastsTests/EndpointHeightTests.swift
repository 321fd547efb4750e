import NIOCore
import Outputs
import Store
import Streams
import TestSupport
import Testing

@testable import Broadcasts

/// Destinations of one height, over publishers of different heights.
@Suite(.againstHanging) struct EndpointHeightTests {
    private static let rendition = Rendition(height: 720, width: 1280, videoBitrate: 900_000, audioBitrate: 0)

    /// A broadcast whose destinations are held between publishers, with one that asks for 720 lines.
    private func stage() async throws -> Stage {
        let stage = try await Stage {
            $0.graceWindow = .hours(1)
            $0.renditions = [RenditionSetting(height: 720)]
        }
        try await stage.create("a") {
            $0.endpoints = [.init(url: "rtmp://h/app/key", resolutionHeight: 720), .init(url: "rtmp://h/app/source")]
        }
        return stage
    }

    private func pushed(_ stage: Stage) -> [Int] {
        stage.outputs.destinations.filter { $0.configuration.url.hasSuffix("key") && !$0.isStopped }.map(\.key.renditionHeight)
    }

    @Test func whatWasARenditionIsTheSourceWhenTheEncoderComesBackSmaller() async throws {
        let stage = try await self.stage()
        let large = try await stage.publish("a", height: 1080)
        let renditions = try stage.make([Self.rendition], of: "a")
        try await eventually("a ladder") { stage.outputs.ladders.count == 1 }
        stage.outputs.ladders[0].tell(.started(Self.rendition))
        try await eventually("the rendition is pushed") { self.pushed(stage) == [720] }
        try await stage.end(large, .lost)
        for rendition in renditions { rendition.end(.lost) }
        // No ladder makes 720 lines out of 720.
        let small = try await stage.publish("a", height: 720)
        try await eventually("the source is pushed") { self.pushed(stage) == [0] }
        #expect(stage.outputs.destinations.count == 3, "the other one goes on as it was")
        _ = (small, renditions)
    }

    @Test func whatWasTheSourceIsNotPushedWhenTheEncoderComesBackLarger() async throws {
        let stage = try await self.stage()
        let small = try await stage.publish("a", height: 720)
        try await eventually("the source is pushed") { self.pushed(stage) == [0] }
        try await stage.end(small, .lost)
        let large = try await stage.publish("a", height: 1080)
        try await eventually("what is too large is not pushed") { self.pushed(stage) == [] }
        let renditions = try stage.make([Self.rendition], of: "a")
        try await eventually("a ladder") { stage.outputs.ladders.count == 2 }
        stage.outputs.ladders[1].tell(.started(Self.rendition))
        try await eventually("the rendition is pushed") { self.pushed(stage) == [720] }
        _ = (large, renditions)
    }

    @Test func whatIsStillRightGoesOnInItsSession() async throws {
        let stage = try await self.stage()
        let first = try await stage.publish("a", height: 1080)
        let before = try stage.make([Self.rendition], of: "a")
        try await eventually("a ladder") { stage.outputs.ladders.count == 1 }
        stage.outputs.ladders[0].tell(.started(Self.rendition))
        try await eventually("both are pushed") { stage.outputs.destinations.count == 2 }
        try await stage.end(first, .lost)
        for rendition in before { rendition.end(.lost) }
        let second = try await stage.publish("a", height: 1080)
        let after = try stage.make([Self.rendition], of: "a")
        try await eventually("a ladder") { stage.outputs.ladders.count == 2 }
        stage.outputs.ladders[1].tell(.started(Self.rendition))
        try await eventually("it was told") { stage.outputs.hls.count { $0 == "renditions a" } == 2 }
        // Told before the endpoints are looked at, in one step: what is asked next comes after it.
        _ = try await stage.service.addEndpoint("a", .init(url: "rtmp://h/app/third"))
        #expect(stage.outputs.destinations.count == 3)
        #expect(stage.outputs.destinations.filter(\.isStopped).isEmpty)
        _ = (second, after)
    }

    /// Without a goodbye in between, as some encoders change their size.
    @Test func aSourceThatChangesItsHeightWhileLiveIsNoticed() async throws {
        let stage = try await self.stage()
        let publisher = try await stage.publish("a", height: 1080)
        #expect(self.pushed(stage) == [])
        stage.feed(publisher, height: 720)
        try await eventually("the source is pushed") { self.pushed(stage) == [0] }
    }
}
