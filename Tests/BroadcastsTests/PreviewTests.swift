import Broadcasts
import Store
import Streams
import Testing

/// What is said at once, before `admit` is asked.
@Suite struct PreviewTests {
    private func publish(_ stage: Stage, _ id: String, app: String = "live", token: String? = nil) -> Result<StreamPreview, PublishRefusal> {
        stage.service.lifecycle.preview(
            PublishRequest(app: app, id: id, type: .srt, parameters: token.map { [("token", $0)] } ?? [], remoteAddress: "192.0.2.1"))
    }

    private func play(_ stage: Stage, _ id: String, app: String = "live") -> Result<StreamPreview, PlayRefusal> {
        stage.service.lifecycle.preview(PlayRequest(app: app, id: id, remoteAddress: "192.0.2.1", type: .srt))
    }

    @Test func itRefusesWhatAdmitWouldAndMakesNothing() async throws {
        let stage = try await Stage()
        #expect(self.publish(stage, "stranger") == .success(StreamPreview()))
        #expect(self.publish(stage, "a", app: "other") == .failure(.unknownApp))
        #expect(self.publish(stage, "a/b") == .failure(.invalidID))
        try await stage.create("camera") {
            $0.type = "ipCamera"
            $0.source.ipAddress = "10.0.0.1"
        }
        #expect(self.publish(stage, "camera") == .failure(.notALiveStream))
        #expect(try stage.database.broadcasts.count() == 1)
    }

    @Test func strangersAreTurnedAwayWhereTheyMayNotPublish() async throws {
        let stage = try await Stage({ $0.acceptOnlyRegistered = true })
        #expect(self.publish(stage, "stranger") == .failure(.notRegistered))
        try await stage.create("known")
        #expect(self.publish(stage, "known") == .success(StreamPreview()))
    }

    @Test func whoeverPublishesIsInTheWayUnlessTheTokenIsTheSame() async throws {
        let stage = try await Stage()
        let request = PublishRequest(app: "live", id: "a", type: .srt, parameters: [("token", "mine")], remoteAddress: "192.0.2.1")
        let publisher = try await stage.service.lifecycle.admit(request) { _ in }.get()
        #expect(self.publish(stage, "a") == .failure(.alreadyPublishing))
        #expect(self.publish(stage, "a", token: "another") == .failure(.alreadyPublishing))
        #expect(self.publish(stage, "a", token: "mine") == .success(StreamPreview()))
        publisher.end(.finished)
        #expect(self.publish(stage, "a") == .success(StreamPreview()))
    }

    @Test func aPassphraseIsAskedOfBothSidesUntilItIsTakenAway() async throws {
        let stage = try await Stage()
        try await stage.create("a") { $0.source.srtPassphrase = "correct horse" }
        #expect(self.publish(stage, "a") == .success(StreamPreview(passphrase: "correct horse")))
        #expect(self.play(stage, "a") == .success(StreamPreview(passphrase: "correct horse")))
        var changes = BroadcastChanges()
        changes.source.srtPassphrase = ""
        try await stage.service.update("a", changes)
        #expect(self.publish(stage, "a") == .success(StreamPreview()))
    }

    @Test(arguments: ["short", String(repeating: "x", count: 80)]) func aPassphraseThatSRTDoesNotTakeIsRefused(passphrase: String) async throws {
        let stage = try await Stage()
        await #expect(throws: BroadcastError.textInvalid(member: "srtPassphrase")) {
            try await stage.create("a") { $0.source.srtPassphrase = passphrase }
        }
    }

    @Test func viewersOfNothingAreTurnedAway() async throws {
        let stage = try await Stage({ $0.srtPlay = true })
        #expect(self.play(stage, "a") == .failure(.notFound))
        try await stage.create("a")
        #expect(self.play(stage, "a") == .success(StreamPreview()))
        #expect(self.play(stage, "a", app: "other") == .failure(.unknownApp))
        let closed = try await Stage({ $0.srtPlay = false })
        #expect(self.play(closed, "a") == .failure(.playDisabled))
    }
}
