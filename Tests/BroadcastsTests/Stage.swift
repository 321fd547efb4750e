import BroadcastSupport
import Foundation
import Gateways
import Logging
import Media
import NIOCore
import Store
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Broadcasts
@testable import Outputs

/// A service over a database of its own, with outputs that only note what is asked of them, and a clock that stands.
final class Stage: Sendable {
    let directory: URL
    let database: Database
    let streams = StreamDirectory()
    let outputs = FakeOutputs()
    let sources = FakeSources()
    let limits = ViewerLimits()
    let service: BroadcastService
    private let eventLog: EventLog
    let time: ManualTime
    let space = FreeBytes()

    var events: [BroadcastEvent] { self.eventLog.events.withLock { $0 } }
    var dataDirectory: String { self.directory.path }

    init(_ change: (inout BroadcastService.Configuration) -> Void = { _ in }, start: Bool = true, directory: URL? = nil) async throws {
        self.directory = directory ?? FileManager.default.temporaryDirectory.appendingPathComponent("martlet-broadcasts-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
        self.database = try Database(
            configuration: .init(path: self.directory.appendingPathComponent("martlet.sqlite").path, durability: .process))
        var configuration = BroadcastService.Configuration(appAliases: ["LiveApp"], dataDirectory: self.directory.path)
        change(&configuration)
        let log = EventLog()
        let time = ManualTime()
        self.eventLog = log
        self.time = time
        self.service = BroadcastService(
            database: self.database, streams: self.streams, outputs: self.outputs.factory, sources: self.sources.factory,
            configuration: configuration, viewerLimits: self.limits,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            clock: BroadcastClock(now: { time.now }, wall: { time.wall }), freeBytes: { [space = self.space] in space.bytes },
            onEvent: { event in log.events.withLock { $0.append(event) } })
        if start { try await self.service.start() }
    }

    /// A new process over the same files. This one's is gone without a farewell.
    func restarted(
        after milliseconds: Int64 = 0, _ change: (inout BroadcastService.Configuration) -> Void = { _ in }
    ) async throws -> Stage {
        let next = try await Stage(change, start: false, directory: self.directory)
        next.time.advance(self.time.wall - next.time.wall + milliseconds)
        try await next.service.start()
        return next
    }

    deinit { try? FileManager.default.removeItem(at: self.directory) }

    /// What a dead process leaves of a recording of `a`.
    @discardableResult
    func noteRecording(format: String) async throws -> UnfinishedRecording {
        let note = UnfinishedRecording(
            vodID: "v1", streamID: "a", temporaryPath: "/d/streams/a.\(format).tmp_extension", directory: self.dataDirectory + "/streams",
            baseName: "a", format: format, startedAt: 77)
        try await self.database.recordings.begin(note)
        return note
    }

    func admit(
        _ id: String, app: String = "live", parameters: [(name: String, value: String)] = [], stop: StopBox = StopBox()
    ) async -> Result<Publisher, PublishRefusal> {
        await self.service.lifecycle.admit(
            PublishRequest(app: app, id: id, type: .rtmp, parameters: parameters, remoteAddress: "10.1.2.3", userAgent: "FMLE/3.0")
        ) { stop.stop($0) }
    }

    /// Publishes until the stream is live and its outputs start. A takeover is no start that is told of, but is known to live HLS.
    func publish(_ id: String, token: String? = nil, height: Int = 720, stop: StopBox = StopBox()) async throws -> Publisher {
        let started = self.outputs.hls.count { $0 == "live \(id)" }
        let publisher = try await self.admit(id, parameters: token.map { [(name: "token", value: $0)] } ?? [], stop: stop).get()
        stop.publisher.withLock { $0 = publisher }
        self.feed(publisher, height: height)
        try await eventually("\(id) is live") {
            self.outputs.hls.count { $0 == "live \(id)" } > started && self.events.contains(.liveStreamStarted(id: id))
        }
        await self.supervisorIsDone(id)
        return publisher
    }

    /// Being live is told of before outputs start. The supervisor does both in one go: whoever has a turn at it afterwards comes after both.
    func supervisorIsDone(_ id: String) async { _ = await self.service.lifecycle.supervisor(id)?.phase }

    func feed(_ publisher: Publisher, height: Int = 720) {
        var video = Frames.video
        video.format = .video(VideoFormat(width: height * 16 / 9, height: height, frameRate: 30))
        publisher.announce(video)
        publisher.announce(Frames.audio)
        publisher.publish(Frames.picture(at: 0, key: true), now: self.time.now)
        publisher.publish(Frames.sound(at: 10), now: self.time.now)
    }

    func end(_ publisher: Publisher, _ reason: PublishEnd = .finished) async throws {
        let id = publisher.stream.key.id
        let ended = self.events.count { $0 == .liveStreamEnded(id: id) }
        publisher.end(reason)
        try await eventually("\(id) has ended") { self.events.count { $0 == .liveStreamEnded(id: id) } > ended }
    }

    /// Frames come from a pull: its broadcast is live when this returns.
    func broadcast(_ pull: FakePull) async throws {
        let id = pull.plan.id
        let source = PublishSource(
            type: .pull, remoteAddress: "", credential: "pull:" + id, startedAtMilliseconds: self.time.wall, stop: { _ in pull.stop() })
        let publisher = try self.streams.publish(StreamKey(id), source: source, now: self.time.now).get()
        pull.broadcasts(to: publisher)
        let live = self.outputs.hls.count { $0 == "live \(id)" }
        self.feed(publisher)
        try await eventually("\(id) is live") { self.outputs.hls.count { $0 == "live \(id)" } > live }
        await self.supervisorIsDone(id)
    }

    func record(_ id: String) throws -> BroadcastRecord { try #require(try self.database.broadcasts.find(id)) }

    func create(_ id: String, _ change: (inout BroadcastChanges) -> Void = { _ in }) async throws {
        var changes = BroadcastChanges()
        changes.streamID = id
        change(&changes)
        _ = try await self.service.create(changes)
    }

    func createSource(_ id: String, _ url: String = "rtsp://h/x", _ change: (inout BroadcastChanges) -> Void = { _ in }) async throws {
        try await self.create(id) {
            $0.type = "streamSource"
            $0.source.streamURL = url
            change(&$0)
        }
    }

    func addVod(_ vod: VodRecord) async throws { try await self.database.vods.insert(vod) }

    /// Waits until what pulls have told so far is dealt with.
    func settled() async throws {
        let id = "settled-\(UUID().uuidString)"
        try await self.createSource(id)
        _ = try await self.service.startPull(id)
        self.sources.pull(id)?.tell(.finished(listEnded: false, nil))
        try await eventually("dealt with") { try self.service.find(id)?.pull == nil }
        _ = try await self.service.delete(id, withSubtracks: false)
    }
}

final class EventLog: Sendable {
    let events = Mutex<[BroadcastEvent]>([])
}

/// What a publisher is told when it must leave; it does, if `leaves`.
final class StopBox: Sendable {
    private let reasons = Mutex<[PublishStop]>([])
    let publisher = Mutex<Publisher?>(nil)
    private let leaves: Bool

    init(leaves: Bool = true) { self.leaves = leaves }

    var told: [PublishStop] { self.reasons.withLock { $0 } }

    func stop(_ reason: PublishStop) {
        self.reasons.withLock { $0.append(reason) }
        guard self.leaves else { return }
        self.publisher.withLock { $0 }?.end(.stopped(reason))
    }
}

/// What the disk says; nothing, until it is told.
final class FreeBytes: Sendable {
    private let state = Mutex<Int64?>(nil)

    var bytes: Int64? {
        get { self.state.withLock { $0 } }
        set { self.state.withLock { $0 = newValue } }
    }
}

final class ManualTime: Sendable {
    private let milliseconds = Atomic<Int64>(0)

    var now: NIODeadline { .uptimeNanoseconds(1_000_000_000_000) + .milliseconds(self.milliseconds.load(ordering: .relaxed)) }
    /// Starts at 2023-11-14T22:13:20Z.
    var wall: Int64 { 1_700_000_000_000 + self.milliseconds.load(ordering: .relaxed) }

    func advance(_ milliseconds: Int64) { self.milliseconds.wrappingAdd(milliseconds, ordering: .relaxed) }
}
