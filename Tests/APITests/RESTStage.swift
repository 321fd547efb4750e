import API
import BroadcastSupport
import Broadcasts
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Media
import NIOCore
import Store
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Outputs

/// The REST API over a service of its own, called through the router as the server would, without a socket.
final class RESTStage: Sendable {
    let directory: URL
    let database: Database
    let streams = StreamDirectory()
    let pulls = FakeSources(.lifelike)
    let service: BroadcastService
    let interface: RESTInterface
    private let responder: RouterResponder<APIRequestContext>
    private let hls = Viewers()
    let wall: Int64 = 1_700_000_000_000

    init(
        token: String = "", trustedProxies: [String] = [], _ change: (inout BroadcastService.Configuration) -> Void = { _ in }
    ) async throws {
        self.directory = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-api-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.directory.appendingPathComponent("streams"), withIntermediateDirectories: true)
        self.database = try Database(
            configuration: .init(path: self.directory.appendingPathComponent("martlet.sqlite").path, durability: .process))
        var configuration = BroadcastService.Configuration(appAliases: ["LiveApp"], serverName: "example.org", dataDirectory: self.directory.path)
        change(&configuration)
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        self.service = BroadcastService(
            database: self.database, streams: self.streams, outputs: Self.outputs(self.hls), sources: self.pulls.factory,
            configuration: configuration,
            logger: logger, clock: BroadcastClock(now: { .uptimeNanoseconds(1_000_000_000_000) }, wall: { 1_700_000_000_000 }))
        self.interface = RESTInterface(
            service: self.service,
            configuration: .init(
                access: AccessRule(isAllowed: { $0 == "127.0.0.1" }, isTrustedProxy: { trustedProxies.contains($0) }, token: token),
                version: "1.2.3", buildNumber: "20260101_0000"),
            logger: logger)
        let router = Router(context: APIRequestContext.self)
        self.interface.addRoutes(to: router)
        self.responder = router.buildResponder()
        try await self.service.start()
    }

    deinit { try? FileManager.default.removeItem(at: self.directory) }

    private static func outputs(_ hls: Viewers) -> OutputFactory {
        OutputFactory(
            makeRecorder: { _, request, _ in IdleRecorder(id: request.id) },
            makeDestination: { configuration, _, _ in IdleDestination(id: configuration.id) },
            isValidDestination: { ($0.hasPrefix("rtmp") || $0.hasPrefix("srt")) && $0.contains("://") && $0.count > 10 },
            recover: { _, request, startedAt, _ in
                RecordingOutcome(
                    id: request.id, part: 0, path: "", fileName: "", startedAtMilliseconds: startedAt, durationMilliseconds: 0, bytes: 0,
                    droppedFrames: 0, failure: .nothingRecorded)
            }, hls: hls)
    }

    func setViewers(_ count: Int, dash: Int = 0) {
        self.hls.count.store(count, ordering: .relaxed)
        self.hls.dash.store(dash, ordering: .relaxed)
    }

    // MARK: Requests

    func send(
        _ method: HTTPRequest.Method, _ path: String, body: String? = nil, contentType: String? = "application/json",
        from address: String? = "127.0.0.1",
        fields: [String: String] = [:]
    ) async throws -> Reply {
        var head = HTTPRequest(method: method, scheme: "http", authority: "reached.example:5080", path: path)
        if body != nil, let contentType { head.headerFields[.contentType] = contentType }
        for (name, value) in fields { head.headerFields[try #require(HTTPField.Name(name))] = value }
        return try await self.send(head, RequestBody(buffer: ByteBuffer(string: body ?? "")), from: address)
    }

    func send(_ head: HTTPRequest, _ body: RequestBody, from address: String? = "127.0.0.1") async throws -> Reply {
        let request = Request(head: head, body: body)
        let remote = try address.map { try SocketAddress(ipAddress: $0, port: 40_000) }
        let context = APIRequestContext(source: Source(), remoteAddress: remote)
        let response: Response
        do {
            response = try await self.responder.respond(to: request, context: context)
        } catch let error as any HTTPResponseError {
            response = try error.response(from: request, context: context)
        }
        let collected = Collected()
        try await response.body.write(CollectingWriter(collected: collected))
        return Reply(status: response.status, headers: response.headers, body: String(buffer: collected.buffer.withLock { $0 }))
    }

    func get(_ path: String) async throws -> Reply { try await self.send(.get, "/v2" + path) }
    func post(_ path: String, _ body: String? = nil) async throws -> Reply { try await self.send(.post, "/v2" + path, body: body) }
    func put(_ path: String, _ body: String? = nil) async throws -> Reply { try await self.send(.put, "/v2" + path, body: body) }
    func delete(_ path: String, _ body: String? = nil) async throws -> Reply { try await self.send(.delete, "/v2" + path, body: body) }

    /// Publishes until the stream is live and its supervisor knows.
    func publish(_ id: String, height: Int = 720) async throws -> Publisher {
        let request = PublishRequest(app: "live", id: id, type: .rtmp, remoteAddress: "10.0.0.9", userAgent: "FMLE/3.0")
        let box = PublisherBox()
        let publisher = try await self.service.lifecycle.admit(request) { box.end($0) }.get()
        box.publisher.withLock { $0 = publisher }
        var video = Frames.video
        video.format = .video(VideoFormat(width: height * 16 / 9, height: height))
        publisher.announce(video)
        publisher.announce(Frames.audio)
        publisher.publish(Frames.picture(at: 0, key: true), now: .uptimeNanoseconds(1_000_000_000_000))
        publisher.publish(Frames.sound(at: 1), now: .uptimeNanoseconds(1_000_000_000_000))
        try await eventually("\(id) is live") { try self.database.broadcasts.find(id)?.status == .broadcasting }
        return publisher
    }

    /// Lets what was started publish, until the stream is live and its supervisor knows.
    func goLive(_ id: String) async throws -> FakePull {
        let pull = try #require(self.pulls.pull(id))
        let source = PublishSource(
            type: .pull, remoteAddress: "192.0.2.7", credential: "pull:" + id, startedAtMilliseconds: self.wall, stop: { _ in })
        let publisher = try self.streams.publish(StreamKey(id), source: source, now: .uptimeNanoseconds(1_000_000_000_000)).get()
        publisher.expect(video: true, audio: false)
        publisher.announce(Frames.video)
        publisher.publish(Frames.picture(at: 0, key: true), now: .uptimeNanoseconds(1_000_000_000_000))
        pull.broadcasts(to: publisher)
        try await eventually("\(id) is live") { try self.database.broadcasts.find(id)?.status == .broadcasting }
        return pull
    }
}

struct Reply: Sendable {
    var status: HTTPResponse.Status
    var headers: HTTPFields
    var body: String

    func object() throws -> [String: any Sendable] {
        try #require(try JSONSerialization.jsonObject(with: Data(self.body.utf8)) as? [String: any Sendable], "\(self.body)")
    }

    func objects() throws -> [[String: any Sendable]] {
        try #require(try JSONSerialization.jsonObject(with: Data(self.body.utf8)) as? [[String: any Sendable]], "\(self.body)")
    }

    func texts(_ member: String) throws -> [String] { try self.objects().map { try #require($0[member] as? String) } }
}

/// A Result as it stands on the wire.
func result(_ success: Bool, _ message: String? = "", dataID: String? = "", errorID: Int = 0) -> String {
    func quoted(_ text: String?) -> String { text.map { "\"\($0)\"" } ?? "null" }
    return "{\"success\":\(success),\"message\":\(quoted(message)),\"dataId\":\(quoted(dataID)),\"errorId\":\(errorID)}"
}

private struct Source: RequestContextSource {
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
}

private final class Collected: Sendable {
    let buffer = Mutex(ByteBuffer())
}

private struct CollectingWriter: ResponseBodyWriter {
    let collected: Collected

    mutating func write(_ buffer: ByteBuffer) async throws {
        self.collected.buffer.withLock { _ = $0.writeImmutableBuffer(buffer) }
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

private final class PublisherBox: Sendable {
    let publisher = Mutex<Publisher?>(nil)

    func end(_ reason: PublishStop) { self.publisher.withLock { $0 }?.end(.stopped(reason)) }
}

private final class Viewers: LivePackaging {
    let count = Atomic<Int>(0)
    let dash = Atomic<Int>(0)

    func streamBecameLive(_ key: StreamKey) {}
    func streamEnded(_ key: StreamKey) {}
    func renditionsChanged(of id: String) {}
    func viewerCount(_ id: String) -> Int { self.count.load(ordering: .relaxed) }
    func totalViewerCount() -> Int { self.count.load(ordering: .relaxed) }
    func dashViewerCount(_ id: String) -> Int { self.dash.load(ordering: .relaxed) }
    func totalDashViewerCount() -> Int { self.dash.load(ordering: .relaxed) }
}

private struct IdleRecorder: RecordingSession {
    let id: String

    func start() throws(RecordingFailure) -> StartedRecording {
        StartedRecording(id: self.id, part: 0, temporaryPath: "/t", path: "/p", startedAtMilliseconds: 1_700_000_000_777)
    }

    func stop() {}
}

private struct IdleDestination: RestreamSession {
    let id: String

    func start() {}
    func stop() async {}
    func publisherLeft(saidGoodbye: Bool) {}
    var status: DestinationStatus {
        var status = DestinationStatus(id: self.id)
        status.contractStatus = "broadcasting"
        status.state = .live
        return status
    }
}
