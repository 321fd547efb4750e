import Foundation
import Store

/// A database in a directory of its own, removed with the value's owner.
final class ScratchDatabase: Sendable {
    let directory: URL
    let database: Database
    var path: String { self.directory.appendingPathComponent("martlet.sqlite").path }

    init(durability: Database.Configuration.Durability = .process) throws {
        self.directory = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-store-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
        self.database = try Database(
            configuration: .init(path: self.directory.appendingPathComponent("martlet.sqlite").path, durability: durability))
    }

    deinit {
        try? FileManager.default.removeItem(at: self.directory)
    }

    /// Closes the file and opens it again, as a new process would.
    func reopened() throws -> Database {
        try self.database.close()
        return try Database(configuration: .init(path: self.path, durability: .process))
    }
}

extension BroadcastRecord {
    /// Every member differs from its default and from its neighbours.
    static func full(_ id: String) -> BroadcastRecord {
        var record = BroadcastRecord(id: id, type: .playlist, createdAt: 1_700_000_000_001, isZombi: true)
        record.status = .terminatedUnexpectedly
        record.about.name = "Ärger"
        record.about.description = "d\ne"
        record.about.category = "c"
        record.about.metaData = "{\"a\":1}"
        record.about.role = "r"
        record.about.quality = "good"
        record.about.latitude = "1.5"
        record.about.longitude = "2.5"
        record.about.altitude = "3.5"
        record.about.publish = false
        record.about.publicStream = false
        record.about.is360 = true
        record.about.isVirtual = true
        record.about.mainTrackID = "room"
        record.source.streamURL = "rtsp://a"
        record.source.ipAddress = "10.0.0.1"
        record.source.username = "u"
        record.source.password = "p"
        record.source.seekTime = 12
        record.source.startsWithViewers = true
        record.source.isWanted = true
        record.playlist.items = [PlayListItem(streamUrl: "http://x/a.mp4", type: "VoD", name: "é", durationInMs: 5, seekTimeInMs: 6)]
        record.playlist.status = "finished"
        record.playlist.loops = false
        record.playlist.currentIndex = 13
        record.schedule = {
            var s = BroadcastRecord.Schedule(); s.plannedStart = 14; s.plannedStartDone = 30; s.plannedEnd = 15
            s.expireDuration = 16; s.maxIdleTime = 17; return s
        }()
        record.limits = {
            var l = BroadcastRecord.Limits(); l.subtracks = 18; l.webRTCViewers = 19; l.hlsViewers = 20; l.dashViewers = 21; return l
        }()
        record.output.mp4 = 1
        record.output.webM = -1
        record.output.subFolder = "a/b"
        record.output.hookURL = "http://hook"
        record.output.hls = HLSParameters(hlsTime: "2", hlsListSize: nil, hlsPlayListType: "event")
        record.output.encoders = [EncoderSettings(height: 480, videoBitrate: 1, audioBitrate: 2, forceEncode: false, forceSameResolutionEncode: true)]
        record.run.publishType = "RTMP"
        record.run.startedAt = 22
        record.run.updatedAt = 23
        record.run.absoluteStart = 24
        record.run.duration = 25
        record.run.receivedBytes = Int64(Int32.max) + 26
        record.run.bitrate = 27
        record.run.speed = 1.125
        record.run.width = 28
        record.run.height = 29
        record.run.userAgent = "OBS"
        record.run.remoteIP = "10.0.0.2"
        record.endpoints = [
            EndpointRecord(serviceID: "z", url: "rtmp://a/1", status: "finished", resolutionHeight: 480),
            EndpointRecord(serviceID: "a", url: "rtmp://a/2", type: "other"),
        ]
        return record
    }
}
