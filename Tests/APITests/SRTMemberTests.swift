import Broadcasts
import NIOCore
import Streams
import Synchronization
import TestSupport
import Testing

/// What the Broadcast object says of SRT beside the contract's members.
@Suite struct SRTMemberTests {
    @Test func withoutSRTTheObjectIsThatOfTheContract() async throws {
        let stage = try await RESTStage()
        let broadcast = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#).object()
        for member in ["srtURL", "srtPassphrase", "srtViewerCount", "transport"] { #expect(broadcast[member] == nil, "\(member)") }
    }

    @Test func theURLAndAPassphraseAreShownAndCanBeChanged() async throws {
        let stage = try await RESTStage { $0.srtPort = 4200 }
        let made = try await stage.post("/broadcasts/create", #"{"streamId":"a","srtPassphrase":"correct horse"}"#).object()
        #expect(made["srtURL"] as? String == "srt://example.org:4200?streamid=live/a")
        #expect(made["srtPassphrase"] as? String == "correct horse")
        #expect(try await stage.put("/broadcasts/a", #"{"srtPassphrase":"battery staple"}"#).object()["success"] as? Bool == true)
        #expect(try await stage.get("/broadcasts/a").object()["srtPassphrase"] as? String == "battery staple")
        #expect(try await stage.put("/broadcasts/a", #"{"srtPassphrase":"short"}"#).object()["success"] as? Bool != true)
        #expect(try await stage.put("/broadcasts/a", #"{"srtPassphrase":""}"#).object()["success"] as? Bool == true)
        #expect(try await stage.get("/broadcasts/a").object()["srtPassphrase"] == nil)
    }

    @Test func theFiguresOfTheWayAreShownWhileItIsLive() async throws {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#)
        let meter = TransportMeter()
        var figures = TransportFigures()
        figures.roundTrip = 42.26
        figures.latency = 500
        figures.packetsReceived = 990
        figures.packetsLost = 30
        figures.packetsRecovered = 20
        figures.packetsDropped = 10
        meter.note(figures)
        let source = PublishSource(type: .srt, remoteAddress: "192.0.2.7", transport: meter, startedAtMilliseconds: stage.wall, stop: { _ in })
        let publisher = try stage.streams.publish(StreamKey("a"), source: source, now: .uptimeNanoseconds(1_000_000_000_000)).get()
        publisher.expect(video: true, audio: false)
        publisher.announce(Frames.video)
        publisher.publish(Frames.picture(at: 0, key: true), now: .uptimeNanoseconds(1_000_000_000_000))
        publisher.stream.srtViewers.store(3, ordering: .relaxed)

        let broadcast = try await stage.get("/broadcasts/a").object()
        #expect(broadcast["publishType"] as? String == "SRT")
        #expect(broadcast["srtViewerCount"] as? Int == 3 && broadcast["anyoneWatching"] as? Bool == true)
        #expect(broadcast["packetLostRatio"] as? Double == 0.01 && broadcast["packetsLost"] as? Int == 10 && broadcast["rttMs"] as? Int == 42)
        for transport in [
            broadcast["transport"] as? [String: any Sendable],
            try await stage.get("/broadcasts/a/stream-info").objects()[0]["transport"] as? [String: any Sendable],
        ] {
            #expect(transport?["rttMs"] as? Double == 42.3)
            #expect(transport?["latencyMs"] as? Int == 500)
            #expect(transport?["packetsReceived"] as? Int == 990)
            #expect(transport?["packetsLost"] as? Int == 30)
            #expect(transport?["packetsRecovered"] as? Int == 20)
            #expect(transport?["packetsDropped"] as? Int == 10)
        }
        publisher.end(.finished)
    }
}
