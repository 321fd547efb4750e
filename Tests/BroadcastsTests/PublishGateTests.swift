import Broadcasts
import NIOCore
import Store
import Streams
import Testing

@Suite struct PublishGateTests {
    private func refusal(_ result: Result<Publisher, PublishRefusal>) -> PublishRefusal? {
        if case .failure(let refusal) = result { refusal } else { nil }
    }

    @Test(arguments: ["live", "LiveApp"]) func theAppAndItsAliasesAreOurs(app: String) async throws {
        let stage = try await Stage()
        let publisher = try await stage.admit("a", app: app).get()
        #expect(publisher.stream.key == StreamKey("a"))
        #expect(try stage.record("a").isZombi)
    }

    @Test(arguments: ["", "other", "LIVE", "live/x", "live\u{0}"]) func otherAppsAreNot(app: String) async throws {
        let stage = try await Stage()
        #expect(self.refusal(await stage.admit("a", app: app)) == .unknownApp)
        #expect(try stage.database.broadcasts.count() == 0)
    }

    @Test(arguments: [
        "", ".", "..", "...", "../etc/passwd", "a/b", "%2e%2e", "a b", "a\u{0}", "ä", "a\n", "count", "list", "create",
        String(repeating: "x", count: 257),
        "'; DROP TABLE broadcasts; --",
    ]) func idsOutsideTheRuleAreRefused(id: String) async throws {
        let stage = try await Stage()
        #expect(self.refusal(await stage.admit(id)) == .invalidID)
        #expect(try stage.database.broadcasts.count() == 0)
    }

    @Test(arguments: ["a", "A-Z_0.9", ".a", "a..b", "counts", String(repeating: "x", count: 256)]) func idsWithinTheRuleAreTaken(id: String)
        async throws
    {
        let stage = try await Stage()
        #expect(self.refusal(await stage.admit(id)) == nil)
    }

    @Test func strangersAreRefusedWhereOnlyRegisteredBroadcastsMayBePublished() async throws {
        let stage = try await Stage({ $0.acceptOnlyRegistered = true })
        #expect(self.refusal(await stage.admit("stranger")) == .notRegistered)
        #expect(try stage.database.broadcasts.count() == 0)
        try await stage.create("known")
        #expect(self.refusal(await stage.admit("known")) == nil)
        #expect(try stage.record("known").isZombi == false)
    }

    @Test(arguments: ["ipCamera", "streamSource", "VoD", "playlist"]) func whatIsPulledCannotBePublished(type: String) async throws {
        let stage = try await Stage()
        try await stage.create("a") {
            $0.type = type
            $0.source.ipAddress = "10.0.0.1"
            $0.source.streamURL = "rtsp://host/x"
        }
        #expect(self.refusal(await stage.admit("a")) == .notALiveStream)
    }

    @Test func anExpiredBroadcastIsRefusedFromItsMomentOn() async throws {
        let stage = try await Stage()
        try await stage.create("a") { $0.schedule.expireDuration = 1_000 }
        stage.time.advance(999)
        let publisher = try await stage.admit("a").get()
        publisher.end(.finished)
        stage.time.advance(1)
        #expect(self.refusal(await stage.admit("a")) == .expired)
        #expect(try stage.record("a").status == .created)
        try await stage.create("forever") { $0.schedule.expireDuration = Int64.max }
        #expect(self.refusal(await stage.admit("forever")) == nil)
    }

    @Test(
        arguments: [
            (1_700_000_000, 1_700_000_000, nil), (1_699_999_000, 1_700_000_100, nil), (1_700_000_001, 1_700_000_100, .outsidePlannedWindow),
            (1_600_000_000, 1_699_999_999, .outsidePlannedWindow), (1_800_000_000, 0, nil), (0, 5, nil),
        ] as [(Int64, Int64, PublishRefusal?)]) func thePlannedWindowCountsWhenBothEndsAreGiven(start: Int64, end: Int64, expected: PublishRefusal?)
        async throws
    {
        let stage = try await Stage()
        try await stage.create("a") {
            $0.schedule.plannedStart = start
            $0.schedule.plannedEnd = end
        }
        #expect(self.refusal(await stage.admit("a")) == expected)
    }

    @Test func aSecondPublisherIsRefusedUntilTheFirstIsSilent() async throws {
        let stage = try await Stage()
        let stop = StopBox()
        let first = try await stage.publish("a", stop: stop)
        #expect(self.refusal(await stage.admit("a")) == .alreadyPublishing)
        // The refusal leaves the first one's record alone.
        #expect(try stage.record("a").isZombi)
        stage.time.advance(3_000)
        let second = try await stage.admit("a").get()
        #expect(stop.told == [.replaced])
        #expect(second.generation > first.generation)
    }

    @Test func theSameTokenTakesOverAtOnce() async throws {
        let stage = try await Stage()
        let first = try await stage.publish("a", token: "secret")
        #expect(self.refusal(await stage.admit("a", parameters: [("token", "other")])) == .alreadyPublishing)
        #expect(self.refusal(await stage.admit("a", parameters: [("token", "")])) == .alreadyPublishing)
        let second = try await stage.admit("a", parameters: [("token", "secret")]).get()
        #expect(second.generation > first.generation)
    }

    @Test func afterTheEndNobodyIsAdmitted() async throws {
        let stage = try await Stage()
        #expect(await stage.service.shutdown(within: .seconds(1)))
        #expect(self.refusal(await stage.admit("a")) == .shuttingDown)
    }

    @Test(
        arguments: [
            (true, "live", "a", nil), (true, "LiveApp", "nobody.publishes", nil), (false, "live", "a", .playDisabled), (true, "x", "a", .unknownApp),
            (true, "live", "..", .invalidID), (true, "live", "", .invalidID),
        ] as [(Bool, String, String, PlayRefusal?)]) func viewersPassTheirGate(play: Bool, app: String, id: String, expected: PlayRefusal?)
        async throws
    {
        let stage = try await Stage({ $0.rtmpPlay = play })
        let result = await stage.service.lifecycle.admit(PlayRequest(app: app, id: id, remoteAddress: "10.0.0.1"))
        switch result {
        case .success(let key):
            #expect(expected == nil)
            #expect(key == StreamKey(id))
        case .failure(let refusal): #expect(refusal == expected)
        }
        // Watching makes no broadcast.
        #expect(try stage.database.broadcasts.count() == 0)
    }
}
