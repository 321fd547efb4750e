import Testing

@testable import Store

@Suite struct BroadcastTableTests {
    @Test func everyMemberSurvivesTheRoundTrip() async throws {
        let scratch = try ScratchDatabase()
        let full = BroadcastRecord.full("full")
        let plain = BroadcastRecord(id: "plain", createdAt: 5)
        try await scratch.database.broadcasts.insert(full)
        try await scratch.database.broadcasts.insert(plain)
        let reopened = try scratch.reopened()
        #expect(try reopened.broadcasts.find("full") == full)
        #expect(try reopened.broadcasts.find("plain") == plain)
        #expect(try reopened.broadcasts.find("other") == nil)
    }

    @Test func everyMemberCanBeChangedAndTheIdentityCannot() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.broadcasts
        try await table.insert(BroadcastRecord(id: "a", createdAt: 7))
        let changed = try await table.update("a") { $0 = .full("b") }
        var expected = BroadcastRecord.full("a")
        expected.createdAt = 7
        #expect(changed == expected)
        #expect(try table.find("a") == expected)
        #expect(try await table.update("nobody") { $0.about.name = "x" } == nil)
    }

    @Test func anIdIsTakenOnlyOnceAndIdsDifferByCase() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.broadcasts
        try await table.insert(BroadcastRecord(id: "a", createdAt: 1))
        try await table.insert(BroadcastRecord(id: "A", createdAt: 2))
        await #expect(throws: StoreError.duplicate) { try await table.insert(BroadcastRecord(id: "a", createdAt: 3)) }
        #expect(try table.find("a")?.createdAt == 1)
        #expect(try table.contains("A"))
        #expect(try !table.contains("b"))
    }

    @Test func aFailedBatchLeavesNothing() async throws {
        let scratch = try ScratchDatabase()
        let records = ["a", "b", "a"].map { BroadcastRecord(id: $0, createdAt: 1) }
        await #expect(throws: StoreError.duplicate) { try await scratch.database.broadcasts.insert(all: records) }
        #expect(try scratch.database.broadcasts.count() == 0)
    }

    @Test func deletingTakesEndpointsAndOptionallySubtracksAlong() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.broadcasts
        var records = ["room", "s1", "s2", "other"].map { BroadcastRecord(id: $0, createdAt: 1) }
        records[1].about.mainTrackID = "room"
        records[2].about.mainTrackID = "room"
        records[0].endpoints = [EndpointRecord(serviceID: "x", url: "rtmp://x/y")]
        try await table.insert(all: records)
        #expect(try table.subtracks(of: "room") == ["s1", "s2"])
        #expect(try await table.delete("room", withSubtracks: true) == ["room", "s1", "s2"])
        #expect(try table.count() == 1)
        #expect(try await table.delete("room", withSubtracks: true) == [])
        // The row's number is not given again, so a new broadcast of that name starts without endpoints.
        try await table.insert(BroadcastRecord(id: "room", createdAt: 2))
        #expect(try table.find("room")?.endpoints == [])
        #expect(try await table.delete("room", withSubtracks: false) == ["room"])
    }

    @Test func onlyZombisGoAsZombis() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.broadcasts
        try await table.insert(BroadcastRecord(id: "kept", createdAt: 1))
        try await table.insert(BroadcastRecord(id: "zombi", createdAt: 1, isZombi: true))
        #expect(try await !table.deleteZombi("kept"))
        #expect(try await table.deleteZombi("zombi"))
        #expect(try table.find("kept") != nil)
        #expect(try table.find("zombi") == nil)
    }

    @Test func endpointsKeepTheirOrderAndTheirUrlsAreUnique() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.broadcasts
        try await table.insert(BroadcastRecord(id: "a", createdAt: 1))
        let names = ["z", "m", "a"]
        for name in names {
            #expect(try await table.addEndpoint(EndpointRecord(serviceID: name, url: "rtmp://\(name)/k"), to: "a") == .added)
        }
        #expect(try await table.addEndpoint(EndpointRecord(serviceID: "new", url: "rtmp://m/k"), to: "a") == .taken)
        #expect(try await table.addEndpoint(EndpointRecord(serviceID: "m", url: "rtmp://new/k"), to: "a") == .taken)
        #expect(try await table.addEndpoint(EndpointRecord(serviceID: "m", url: "rtmp://new/k"), to: "none") == .noBroadcast)
        #expect(try table.find("a")?.endpoints.map(\.serviceID) == names)

        #expect(try await table.removeEndpoint("m", from: "a"))
        #expect(try await !table.removeEndpoint("m", from: "a"))
        #expect(try await !table.removeEndpoint("z", from: "none"))
        #expect(try await table.addEndpoint(EndpointRecord(serviceID: "m", url: "rtmp://m/k", resolutionHeight: 480), to: "a") == .added)
        #expect(try table.find("a")?.endpoints.map(\.serviceID) == ["z", "a", "m"])

        try await table.setEndpointStatuses(["a": "failed", "gone": "finished"], of: "a")
        #expect(try table.find("a")?.endpoints.map(\.status) == ["created", "failed", "created"])
        #expect(try table.find("a")?.endpoints.last?.resolutionHeight == 480)
    }

    @Test func afterARestartOnlyWhatWasLiveIsFinished() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.broadcasts
        var records = BroadcastStatus.allCases.map { status in
            var record = BroadcastRecord(id: status.rawValue, createdAt: 1)
            record.status = status
            return record
        }
        records[2].endpoints = ["created", "preparing", "broadcasting", "failed"].map {
            EndpointRecord(serviceID: $0, url: "rtmp://\($0)/k", status: $0)
        }
        records.append(BroadcastRecord(id: "zombi", createdAt: 1, isZombi: true))
        try await table.insert(all: records)
        #expect(try await table.reconcile() == .init(zombis: 1, finished: 3))
        let page = try table.list(BroadcastQuery(offset: 0, limit: 50))
        let statuses = Dictionary(uniqueKeysWithValues: page.map { ($0.id, $0.status) })
        #expect(
            statuses == [
                "created": .created, "preparing": .finished, "broadcasting": .finished, "finished": .finished, "error": .error, "failed": .failed,
                "terminated_unexpectedly": .finished,
            ])
        #expect(try table.find("broadcasting")?.endpoints.map(\.status) == ["created", "finished", "finished", "failed"])
        #expect(try await table.reconcile() == .init(zombis: 0, finished: 0))
    }

    @Test func twoChangesAtOnceBothCount() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.broadcasts
        try await table.insert(BroadcastRecord(id: "a", createdAt: 1))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { try await table.update("a") { $0.run.width += 1 } } }
            try await group.waitForAll()
        }
        #expect(try table.find("a")?.run.width == 50)
    }
}
