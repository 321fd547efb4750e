import Glibc
import Logging
import Media
import NIOCore
import NIOPosix
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Outputs

/// A hub, a LiveHLS on one event loop and one pool thread, and a temporary directory: everything that was caused is done after `settle()`.
final class SegmentsFixture: Sendable {
    let streams = StreamDirectory()
    let board = RenditionBoard()
    let hls: LiveHLS
    let directory: String
    let group: MultiThreadedEventLoopGroup
    let pool: NIOThreadPool
    /// The fixture's time zero. Its clock stands still but where a test says `at:`.
    let start: NIODeadline
    private let time: Clock

    private final class Clock: Sendable {
        private let now: Mutex<NIODeadline>
        init(_ start: NIODeadline) { self.now = Mutex(start) }
        func callAsFunction() -> NIODeadline { self.now.withLock { $0 } }
        func advance(to time: NIODeadline) { self.now.withLock { $0 = max($0, time) } }
    }

    private init(_ change: (inout LiveHLS.Configuration) -> Void) {
        self.directory = "/tmp/martlet-hls-\(UInt64.random(in: 0 ... .max))/live"
        var configuration = LiveHLS.Configuration(directory: self.directory)
        // The only real time in here: on a busy machine ten seconds are soon gone.
        configuration.firstSegmentTimeout = .minutes(5)
        change(&configuration)
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        self.pool = NIOThreadPool(numberOfThreads: 1)
        self.pool.start()
        let start = NIODeadline.now()
        let time = Clock(start)
        self.start = start
        self.time = time
        self.hls = LiveHLS(
            configuration: configuration, streams: self.streams, renditions: self.board, group: self.group,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), pool: self.pool, tickInterval: nil, clock: { time() })
    }

    static func run(
        _ change: (inout LiveHLS.Configuration) -> Void = { _ in }, _ body: (SegmentsFixture) async throws -> Void
    ) async throws {
        let fixture = SegmentsFixture(change)
        try fixture.hls.sweep()
        do {
            try await body(fixture)
            await fixture.close()
        } catch {
            await fixture.close()
            throw error
        }
    }

    private func close() async {
        await self.hls.stop()
        rmdir(self.directory)
        #expect(access(self.directory, F_OK) != 0, "something was left in \(self.directory)")
        rmdir(String(self.directory.dropLast(5)))
        do {
            try await self.group.shutdownGracefully()
            try await self.pool.shutdownGracefully()
        } catch {
            Issue.record(error)
        }
    }

    // MARK: Publishing

    /// A rendition as ladders publish them.
    func publish(_ rendition: Rendition, of id: String, by owner: AnyObject) throws -> Publisher {
        let source = PublishSource(
            type: .rtmp, remoteAddress: "", credential: "ladder", keepsTimes: true, startedAtMilliseconds: 0, stop: { _ in })
        let publisher = try self.streams.publish(rendition.key(of: id), source: source, now: .now()).get()
        publisher.expect(video: true, audio: false)
        publisher.announce(Frames.video)
        self.board.set([rendition], of: id, by: owner)
        return publisher
    }

    func publish(_ id: String, credential: String? = nil, video: Track? = Frames.video, audio: Track? = nil) throws -> Publisher {
        let source = PublishSource(type: .rtmp, remoteAddress: "192.0.2.1", credential: credential, startedAtMilliseconds: 0, stop: { _ in })
        let publisher = try self.streams.publish(StreamKey(id), source: source, now: .now()).get()
        publisher.expect(video: video != nil, audio: audio != nil)
        if let video { publisher.announce(video) }
        if let audio { publisher.announce(audio) }
        return publisher
    }

    /// 10 pictures a second in [from, to) milliseconds, a keyframe each `gop`.
    func send(_ publisher: Publisher, milliseconds: Range<Int64>, gop: Int64 = 2_000) async throws {
        for time in stride(from: milliseconds.lowerBound, to: milliseconds.upperBound, by: 100) {
            publisher.publish(Frames.picture(at: time, key: time % gop == 0, bytes: 500), now: .now())
        }
        try await self.settle()
    }

    /// 10 pictures a second from `from` to `to` seconds, a keyframe each `gop` seconds.
    static func send(_ publisher: Publisher, from: Int, to: Int, gop: Int = 1, bytesPerSecond: Int = 5_000) {
        for tenth in from * 10..<to * 10 {
            publisher.publish(
                Frames.picture(at: Int64(tenth) * 100, key: tenth % (gop * 10) == 0, bytes: bytesPerSecond / 10), now: .now())
        }
    }

    /// As `send`, with time for the packager in between, as it has in life: a reader's queue holds ten seconds.
    func stream(_ publishers: [Publisher], from: Int, to: Int) async throws {
        for second in from..<to {
            for publisher in publishers { Self.send(publisher, from: second, to: second + 1) }
            try await self.settle()
        }
    }

    /// The packager has seen everything that was published, and the disk everything that was to be written or removed.
    func settle() async throws {
        for _ in 0..<3 {
            try await self.group.next().submit {}.get()
            try await self.pool.runIfActive {}
        }
    }

    // MARK: Asking

    func ask(
        _ path: String, at seconds: Int64 = 0, cookie: String? = nil, address: String = "198.51.100.1", userAgent: String = "test",
        query: String? = nil, parameters: String? = nil, gzip: Bool = false, isHead: Bool = false
    ) -> HLSAnswer? {
        self.time.advance(to: self.start + .seconds(seconds))
        return self.hls.respond(
            to: HLSRequest(
                path: LivePath(path), query: query, parameters: parameters, acceptsGzip: gzip, cookie: cookie, remoteAddress: address,
                userAgent: userAgent, isHead: isHead),
            on: self.group.next(), now: self.time())
    }

    func reply(_ path: String, at seconds: Int64 = 0, cookie: String? = nil, address: String = "198.51.100.1") async throws -> HLSReply? {
        switch self.ask(path, at: seconds, cookie: cookie, address: address) {
        case nil: nil
        case .now(let reply): reply
        case .later(let future): try await future.get()
        }
    }

    func playlist(_ path: String, at seconds: Int64 = 0) async throws -> ParsedPlaylist {
        let reply = try await self.reply(path, at: seconds)
        guard case .playlist(let bytes, false, _)? = reply else { throw Unexpected(reply: "\(String(describing: reply))") }
        return try ParsedPlaylist(String(buffer: bytes))
    }

    struct Unexpected: Error {
        var reply: String
    }

    func tick(at seconds: Int64) async throws {
        self.time.advance(to: self.start + .seconds(seconds))
        self.hls.tick(now: self.time())
        try await self.settle()
    }

    /// `session folder/file`, sorted.
    func files() throws -> [String] {
        try Self.names(self.directory).flatMap { folder in try Self.names("\(self.directory)/\(folder)").map { "\(folder)/\($0)" } }.sorted()
    }

    static func names(_ path: String) throws -> [String] {
        guard let folder = opendir(path) else { throw IOError(errnoCode: errno, reason: "opendir") }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}

/// What a player reads out of a media playlist; throws where RFC 8216 is broken.
struct ParsedPlaylist {
    struct Segment {
        var uri: String
        var duration: Double
        var isDiscontinuity: Bool
        var map: String
        var number: UInt64 { UInt64(self.uri.split(separator: "-").last?.split(separator: ".").first ?? "") ?? .max }
    }
    struct Broken: Error {
        var reason: String
    }

    private(set) var targetDuration = 0
    private(set) var mediaSequence: UInt64 = 0
    private(set) var discontinuitySequence: UInt64 = 0
    private(set) var isEnded = false
    private(set) var segments: [Segment] = []

    init(_ text: String) throws {
        let lines = text.split(separator: "\n").map(String.init)
        guard lines.first == "#EXTM3U" else { throw Broken(reason: "no #EXTM3U") }
        var map: String?
        var duration: Double?
        var isDiscontinuity = false
        for line in lines.dropFirst() {
            func value(_ tag: String) -> String? { line.hasPrefix("#\(tag):") ? String(line.dropFirst(tag.count + 2)) : nil }
            if let text = value("EXT-X-TARGETDURATION") { self.targetDuration = Int(text) ?? 0 }
            if let text = value("EXT-X-MEDIA-SEQUENCE") { self.mediaSequence = UInt64(text) ?? .max }
            if let text = value("EXT-X-DISCONTINUITY-SEQUENCE") { self.discontinuitySequence = UInt64(text) ?? .max }
            if let text = value("EXT-X-MAP") { map = String(text.dropFirst(5).dropLast()) }
            if let text = value("EXTINF") { duration = Double(text.dropLast()) }
            if line == "#EXT-X-DISCONTINUITY" { isDiscontinuity = true }
            if line == "#EXT-X-ENDLIST" { self.isEnded = true }
            guard !line.hasPrefix("#") else { continue }
            guard let length = duration, let map else { throw Broken(reason: "segment without duration or map: \(line)") }
            guard Int(length.rounded()) <= self.targetDuration else { throw Broken(reason: "\(length) s is over the target") }
            self.segments.append(Segment(uri: line, duration: length, isDiscontinuity: isDiscontinuity, map: map))
            duration = nil
            isDiscontinuity = false
        }
        guard self.segments.first.map({ $0.number == self.mediaSequence }) ?? true else { throw Broken(reason: "media sequence") }
        for (one, next) in zip(self.segments, self.segments.dropFirst()) where next.number != one.number + 1 {
            throw Broken(reason: "numbers do not follow: \(one.uri) \(next.uri)")
        }
    }
}
