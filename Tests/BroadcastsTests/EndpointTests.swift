import NIOCore
import Outputs
import Store
import Streams
import TestSupport
import Testing

@testable import Broadcasts

@Suite struct EndpointTests {
    private func add(_ stage: Stage, _ url: String, to id: String = "a", serviceID: String? = nil, height: Int = 0) async throws -> String {
        try await stage.service.addEndpoint(id, .init(url: url, serviceID: serviceID, resolutionHeight: height))
    }

    @Test func endpointsRunFromTheBeginningOfAPublishToItsEnd() async throws {
        let stage = try await Stage({ $0.republishLimit = 7 })
        try await stage.create("a")
        let first = try await self.add(stage, " rtmp://one/live/k ")
        _ = try await self.add(stage, "srt://two:9000?streamid=k")
        #expect(stage.outputs.destinations.isEmpty)
        let publisher = try await stage.publish("a")
        try await eventually("started") { stage.outputs.destinations.map(\.isStarted) == [true, true] }
        let destination = stage.outputs.destinations[0]
        #expect(stage.outputs.destinations[1].configuration.url == "srt://two:9000?streamid=k")
        #expect(destination.configuration.id == first)
        #expect(destination.configuration.url == "rtmp://one/live/k")
        #expect(destination.configuration.republishLimit == 7)
        destination.show(.live, "broadcasting")
        #expect(try stage.service.find("a")?.endpointStatuses[first]?.status == "broadcasting")
        try await stage.end(publisher)
        try await eventually("stopped") { destination.isStopped }
        try await eventually("stored") { try stage.record("a").endpoints.map(\.status) == ["finished", "finished"] }
        try await eventually("nothing is left") { stage.service.lifecycle.supervisor("a") == nil }

        // Kept for the next publish.
        let again = try await stage.publish("a")
        try await eventually("started again") { stage.outputs.destinations.count == 4 }
        try await stage.end(again)
    }

    @Test func anEndpointAddedWhileLiveAttachesAtOnceAndOneRemovedIsClosedWithoutWaiting() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        let serviceID = try await self.add(stage, "rtmp://one/live/k", serviceID: "mine")
        #expect(serviceID == "mine")
        #expect(stage.outputs.destinations.map(\.isStarted) == [true])
        let hanging = stage.outputs.destinations[0]
        hanging.hang()
        // The call is answered though the destination has not closed.
        try await stage.service.removeEndpoint("a", serviceID: serviceID, height: 0)
        #expect(try stage.record("a").endpoints.isEmpty)
        #expect(try stage.service.find("a")?.endpointStatuses.isEmpty == true)
        try await eventually("closing") { hanging.isStopped }
        try await stage.end(publisher)
        #expect(stage.service.lifecycle.supervisor("a") != nil)
        hanging.release()
        try await eventually("nothing is left") { stage.service.lifecycle.supervisor("a") == nil }
    }

    @Test func anEndpointAddedWhileTheTracksAreNotKnownAttachesWithThem() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let publisher = try await stage.admit("a").get()
        _ = try await self.add(stage, "rtmp://one/live/k")
        #expect(stage.outputs.destinations.isEmpty)
        stage.feed(publisher)
        try await eventually("started") { stage.outputs.destinations.map(\.isStarted) == [true] }
    }

    @Test(arguments: [DestinationState.failed, .retrying, .connecting, .live, .idle]) func anEndpointInAnyStateCanBeRemoved(state: DestinationState)
        async throws
    {
        let stage = try await Stage()
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        let serviceID = try await self.add(stage, "rtmp://one/live/k")
        stage.outputs.destinations[0].show(state, "failed")
        try await stage.service.removeEndpoint("a", serviceID: serviceID, height: 0)
        try await eventually("closed") { stage.outputs.destinations[0].isStopped }
        // And the same URL can be added again at once.
        _ = try await self.add(stage, "rtmp://one/live/k")
        #expect(stage.outputs.destinations.count == 2)
        _ = publisher
    }

    @Test func givingUpIsToldOnceAndStaysStored() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        let serviceID = try await self.add(stage, "rtmp://one/live/k")
        let destination = stage.outputs.destinations[0]
        destination.show(.retrying, "error")
        destination.show(.failed, "failed")
        destination.show(.failed, "failed")
        #expect(stage.events.count { $0 == .endpointFailed(streamID: "a", serviceID: serviceID, url: "rtmp://one/live/k") } == 1)
        try await stage.end(publisher)
        try await eventually("stored") { try stage.record("a").endpoints.map(\.status) == ["failed"] }
    }

    @Test func whatHappensToADestinationIsToldOnceEachTime() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        let serviceID = try await self.add(stage, "rtmp://one/live/k")
        let destination = stage.outputs.destinations[0]
        func told() -> [String] {
            stage.events.map(\.action).filter { $0.hasPrefix("endpoint") }
        }
        destination.show(.connecting, "preparing")
        #expect(told() == [])
        destination.show(.live, "broadcasting")
        destination.show(.stalled, "error")
        destination.show(.retrying, "error")
        destination.show(.connecting, "preparing")
        destination.show(.retrying, "failed")
        #expect(told() == ["endpointConnected", "endpointInterrupted"])
        destination.show(.connecting, "preparing")
        destination.show(.live, "broadcasting")
        destination.show(.idle, "finished")
        destination.show(.live, "broadcasting")
        #expect(told() == ["endpointConnected", "endpointInterrupted", "endpointConnected", "endpointConnected"])
        #expect(stage.events.contains(.endpointConnected(streamID: "a", serviceID: serviceID)))
        _ = publisher
    }

    @Test func aDisabledEndpointIsKeptAndNotPushed() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let serviceID = try await self.add(stage, "rtmp://one/live/k")
        try await stage.service.changeEndpoint("a", serviceID: serviceID, .init(url: "", isEnabled: false))
        let publisher = try await stage.publish("a")
        _ = try await self.add(stage, "rtmp://two/live/k")
        #expect(stage.outputs.destinations.map(\.configuration.url) == ["rtmp://two/live/k"])
        try await stage.service.changeEndpoint("a", serviceID: serviceID, .init(url: "", isEnabled: true))
        #expect(stage.outputs.destinations.map(\.isStarted) == [true, true])
        try await stage.service.changeEndpoint("a", serviceID: serviceID, .init(url: "", isEnabled: false))
        try await eventually("closed") { stage.outputs.destinations[1].isStopped }
        #expect(try stage.record("a").endpoints.map(\.isEnabled) == [false, true])
        await #expect(throws: BroadcastError.unknownEndpoint) {
            try await stage.service.changeEndpoint("a", serviceID: "nobody", .init(url: "", isEnabled: true))
        }
        // Over a list given as a whole too.
        var changes = BroadcastChanges()
        changes.endpoints = [.init(url: "rtmp://one/live/k"), .init(url: "rtmp://two/live/k", isEnabled: false)]
        try await stage.service.update("a", changes)
        #expect(try stage.record("a").endpoints.map(\.isEnabled) == [false, false])
        try await eventually("closed too") { stage.outputs.destinations[0].isStopped }
        _ = publisher
    }

    @Test func silenceIsAddedWhereItIsAskedForOrThePlatformIsKnownToNeedIt() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        _ = try await self.add(stage, "rtmp://one/live/k")
        let known = try await self.add(stage, "rtmps://a.rtmps.youtube.com:443/live2/k")
        _ = try await stage.service.addEndpoint("a", .init(url: "rtmp://two/live/k", addsSilence: true))
        #expect(stage.outputs.destinations.map(\.configuration.addsSilence) == [false, true, true])
        // A change of it needs another session.
        try await stage.service.changeEndpoint("a", serviceID: known, .init(url: "", addsSilence: false))
        try await eventually("closed") { stage.outputs.destinations[1].isStopped }
        #expect(stage.outputs.destinations.map(\.configuration.addsSilence) == [false, true, true, false])
        _ = publisher
    }

    @Test func onlyTheSourcesOwnHeightCanBePushed() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        _ = try await self.add(stage, "rtmp://idle/live/k", height: 480)
        let publisher = try await stage.publish("a", height: 720)
        await #expect(throws: BroadcastError.endpointRefused) { try await self.add(stage, "rtmp://one/live/k", height: 1080) }
        let serviceID = try await self.add(stage, "rtmp://two/live/k", height: 720)
        #expect(stage.outputs.destinations.map(\.configuration.url) == ["rtmp://two/live/k"])
        await #expect(throws: BroadcastError.unknownEndpoint) { try await stage.service.removeEndpoint("a", serviceID: serviceID, height: 480) }
        try await stage.service.removeEndpoint("a", serviceID: serviceID, height: 720)
        #expect(try stage.record("a").endpoints.map(\.resolutionHeight) == [480])
        _ = publisher
    }

    @Test func manyEndpointsAddedAndRemovedAtOnceEndAsTheyAreStored() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    let serviceID = try await self.add(stage, "rtmp://host\(number)/live/k")
                    if number % 2 == 0 { try await stage.service.removeEndpoint("a", serviceID: serviceID, height: 0) }
                }
            }
            try await group.waitForAll()
        }
        let supervisor = try #require(stage.service.lifecycle.supervisor("a"))
        #expect(supervisor.board.serviceIDs == Set(try stage.record("a").endpoints.map(\.serviceID)))
        #expect(supervisor.board.serviceIDs.count == 10)
        // Never two for one URL.
        let running = stage.outputs.destinations.filter { !$0.isStopped }.map(\.configuration.url)
        #expect(Set(running).count == running.count)
        _ = publisher
    }

    @Test func aListGivenAsAWholeReplacesWhatRuns() async throws {
        let stage = try await Stage()
        try await stage.create("a") { $0.endpoints = [.init(url: "rtmp://one/live/k"), .init(url: "rtmp://two/live/k")] }
        let publisher = try await stage.publish("a")
        try await eventually("started") { stage.outputs.destinations.count == 2 }
        let kept = try stage.record("a").endpoints[1].serviceID
        var changes = BroadcastChanges()
        changes.endpoints = [.init(url: "rtmp://two/live/k"), .init(url: "rtmp://three/live/k")]
        try await stage.service.update("a", changes)
        #expect(try stage.record("a").endpoints.map(\.url) == ["rtmp://two/live/k", "rtmp://three/live/k"])
        #expect(try stage.record("a").endpoints[0].serviceID == kept)
        try await eventually("replaced") { stage.outputs.destinations.map(\.isStopped) == [true, false, false] }
        _ = publisher
    }

    @Test func noMoreThanTheLimitIsTaken() async throws {
        let stage = try await Stage()
        try await stage.create("a") { changes in
            changes.endpoints = (0..<EndpointRules.most).map { .init(url: "rtmp://host\($0)/live/k") }
        }
        await #expect(throws: BroadcastError.endpointRefused) { try await self.add(stage, "rtmp://more/live/k") }
        #expect(try stage.record("a").endpoints.count == EndpointRules.most)
    }
}
