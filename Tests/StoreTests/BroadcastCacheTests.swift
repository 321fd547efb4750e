import Testing

@testable import Store

/// What is remembered of broadcasts is what a read would find.
@Suite struct BroadcastCacheTests {
    private func fixture() async throws -> (scratch: ScratchDatabase, table: BroadcastTable) {
        let scratch = try ScratchDatabase()
        let table = scratch.database.broadcasts
        try await table.insert(BroadcastRecord(id: "a", createdAt: 1))
        try await table.insert(BroadcastRecord(id: "b", createdAt: 2))
        // Remembered from here on.
        _ = try (table.find("a"), table.find("b"))
        return (scratch, table)
    }

    @Test func aReadIsAnsweredFromMemoryUntilSomethingChanges() async throws {
        let (scratch, table) = try await self.fixture()
        #expect(scratch.database.broadcastCache.find("a") != nil)
        try await table.update("a") { $0.about.name = "new" }
        #expect(scratch.database.broadcastCache.find("a") == nil && scratch.database.broadcastCache.find("b") != nil)
        #expect(try table.find("a")?.about.name == "new")
    }

    @Test func everyKindOfChangeIsSeenByTheNextRead() async throws {
        let (_, table) = try await self.fixture()
        #expect(try await table.addEndpoint(EndpointRecord(serviceID: "x", url: "rtmp://x/y"), to: "a") == .added)
        #expect(try table.find("a")?.endpoints.map(\.serviceID) == ["x"])
        try await table.setEndpointStatuses(["x": "broadcasting"], of: "a")
        #expect(try table.find("a")?.endpoints.first?.status == "broadcasting")
        #expect(try await table.removeEndpoint("x", from: "a"))
        #expect(try table.find("a")?.endpoints.isEmpty == true)
        _ = try await table.sourceStarted("a", isWanted: true, now: 77)
        #expect(try table.find("a")?.run.startedAt == 77)
        _ = try await table.setPlayIndex(3, of: "a")
        #expect(try table.find("a")?.playlist.currentIndex == 3)
        _ = try await table.sourceStopped("a", index: 5)
        #expect(try table.find("a")?.playlist.currentIndex == 5)
        _ = try await table.update("a") { $0.status = .broadcasting }
        _ = try table.find("a")
        _ = try await table.reconcile()
        #expect(try table.find("a")?.status == .finished)
        #expect(try await table.delete("a", withSubtracks: false) == ["a"])
        #expect(try table.find("a") == nil)
    }

    @Test func deletingForgetsSubtracksAndZombis() async throws {
        let (_, table) = try await self.fixture()
        _ = try await table.update("b") { $0.about.mainTrackID = "a" }
        _ = try (table.find("a"), table.find("b"))
        #expect(try await table.delete("a", withSubtracks: true) == ["a", "b"])
        #expect(try table.find("b") == nil)
        try await table.insert(BroadcastRecord(id: "z", createdAt: 3, isZombi: true))
        _ = try table.find("z")
        #expect(try await table.deleteZombi("z"))
        #expect(try table.find("z") == nil)
    }

    @Test func whatWasReadWhileSomethingChangedIsNotKept() {
        let cache = BroadcastCache(capacity: 2)
        let ticket = cache.ticket()
        cache.forget("other")
        cache.keep(BroadcastRecord(id: "a", createdAt: 1), ticket)
        #expect(cache.find("a") == nil)
        for id in ["a", "b", "c"] { cache.keep(BroadcastRecord(id: id, createdAt: 1), cache.ticket()) }
        #expect(cache.find("a") == nil && cache.find("c") != nil, "a full one begins anew")
        cache.forget(nil)
        #expect(cache.find("c") == nil)
    }
}
