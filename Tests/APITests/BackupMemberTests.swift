import Testing

/// What the Broadcast object says of a backup beside the contract's members.
@Suite struct BackupMemberTests {
    @Test func aBackupIsShownWhenThereIsOneAndCanBeChanged() async throws {
        let stage = try await RESTStage()
        #expect(try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#).object()["backupStreamId"] == nil)
        let made = try await stage.post("/broadcasts/create", #"{"streamId":"b","backupStreamId":"a"}"#).object()
        #expect(made["backupStreamId"] as? String == "a")
        #expect(try await stage.put("/broadcasts/b", #"{"backupStreamId":"not there"}"#).object()["success"] as? Bool != true)
        #expect(try await stage.put("/broadcasts/b", #"{"name":"other"}"#).object()["success"] as? Bool == true)
        #expect(try await stage.get("/broadcasts/b").object()["backupStreamId"] as? String == "a")
        #expect(try await stage.put("/broadcasts/b", #"{"backupStreamId":""}"#).object()["success"] as? Bool == true)
        #expect(try await stage.get("/broadcasts/b").object()["backupStreamId"] == nil)
    }
}
