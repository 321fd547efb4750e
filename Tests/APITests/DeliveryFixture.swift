import Glibc
import HTTP
import Logging
import Media
import NIOCore
import NIOHTTP1
import NIOPosix
import Outputs
import Streams
import Synchronization
import TestSupport
import Testing

@testable import API

/// A responder over a temporary folder with one recording, and a hub to publish to.
final class DeliveryFixture: Sendable {
    let directory: String
    let streams = StreamDirectory()
    let hls: LiveHLS
    let responder: DeliveryResponder
    /// Pictures of VoDs that were to be made.
    let asked = SharedNotes()
    static let content = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    var loop: any EventLoop { MultiThreadedEventLoopGroup.singleton.any() }

    private init(_ hooks: DeliveryResponder.Hooks, listSize: Int) throws {
        self.directory = "/tmp/martlet-delivery-\(UInt64.random(in: 0 ... .max))"
        self.hls = LiveHLS(
            configuration: .init(listSize: listSize, directory: self.directory + "/live", firstSegmentTimeout: .minutes(5)), streams: self.streams,
            group: MultiThreadedEventLoopGroup.singleton, logger: Logger(label: "test"))
        try self.hls.sweep()
        for folder in ["/streams", "/streams/shows", "/streams/.hidden", "/secret", "/previews", "/previews/live", "/previews/vods"] {
            mkdir(self.directory + folder, 0o700)
        }
        let files = [
            "/streams/demo.mp4", "/streams/shows/late.mp4", "/streams/half.mp4.tmp_extension", "/streams/notes.txt", "/streams/.hidden/a.mp4",
            "/secret/own.mp4", "/previews/live/demo_finished.png", "/previews/live/gone.webp", "/previews/vods/abcdefgh12345678.png",
            "/previews/vods/abcdefgh12345678-0.jpg", "/previews/live/abcdefgh12345678.png",
        ]
        for file in files { try Self.write(Self.content, to: self.directory + file) }
        symlink("../secret/own.mp4", self.directory + "/streams/escape.mp4")
        symlink("../secret", self.directory + "/streams/folder")
        symlink("demo.mp4", self.directory + "/streams/inside.mp4")
        symlink("../../secret/own.mp4", self.directory + "/previews/live/escape.png")
        mkfifo(self.directory + "/streams/pipe.mp4", 0o600)
        mkdir(self.directory + "/streams/folder.mp4", 0o700)
        self.responder = DeliveryResponder(
            configuration: .init(
                app: "live", appAliases: ["LiveApp"], mediaDirectory: self.directory + "/streams", importDirectories: [self.directory + "/host"]),
            hls: self.hls,
            pictures: .init(
                live: LivePictures(
                    configuration: .init(directory: self.directory + "/previews/live"), streams: self.streams, logger: Logger(label: "test")),
                liveDirectory: self.directory + "/previews/live", vodDirectory: self.directory + "/previews/vods", patience: .minutes(5)
            ) { [directory = self.directory, asked = self.asked] id, kind in
                asked.note("\(id) \(kind)")
                if id.hasPrefix("busy") { return .unavailable }
                guard id.hasPrefix("makeable") else { return .none }
                do { try Self.write(Self.content, to: "\(directory)/previews/vods/\(VodPictures.name(kind, of: id))") } catch { return .none }
                return .made
            }, hooks: hooks)
    }

    /// - Parameter listSize: two seconds each; playlists stay for so long after the end.
    static func run(_ hooks: DeliveryResponder.Hooks = .init(), listSize: Int = 15, _ body: (DeliveryFixture) async throws -> Void) async throws {
        let fixture = try DeliveryFixture(hooks, listSize: listSize)
        do {
            try await body(fixture)
        } catch {
            await fixture.close()
            throw error
        }
        await fixture.close()
    }

    private func close() async {
        await self.hls.stop()
        Self.removeTree(self.directory)
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        let descriptor = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "open \(path)") }
        defer { Glibc.close(descriptor) }
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else { throw IOError(errnoCode: errno, reason: "write") }
    }

    private static func removeTree(_ path: String) {
        if let folder = opendir(path) {
            var names: [String] = []
            while let entry = readdir(folder) {
                names.append(withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
            }
            closedir(folder)
            // A link to a folder is removed, not followed.
            for name in names where name != "." && name != ".." {
                if unlink("\(path)/\(name)") != 0 { self.removeTree("\(path)/\(name)") }
            }
        }
        rmdir(path)
    }

    /// Publishes almost nine seconds of pictures, a keyframe in each, and stays.
    func publish(_ id: String) throws -> Publisher {
        let source = PublishSource(type: .rtmp, remoteAddress: "192.0.2.1", startedAtMilliseconds: 0, stop: { _ in })
        let publisher = try self.streams.publish(StreamKey(id), source: source, now: .now()).get()
        publisher.expect(video: true, audio: false)
        publisher.announce(Frames.video)
        for tenth in 0..<88 { publisher.publish(Frames.picture(at: Int64(tenth) * 100, key: tenth % 10 == 0), now: .now()) }
        return publisher
    }

    /// nil: left to the router.
    func ask(_ target: String, _ method: ReadyRequest.Method = .get, _ fields: HTTPHeaders = [:]) -> ReadyResponse? {
        let request = ReadyRequest(method: method, target: target, fields: fields, remoteAddress: "198.51.100.1")
        guard case .now(let response)? = self.responder.respond(to: request, on: self.loop) else { return nil }
        return response
    }

    func answer(_ target: String, _ fields: HTTPHeaders = [:]) async throws -> ReadyResponse? {
        switch self.responder.respond(to: ReadyRequest(method: .get, target: target, fields: fields), on: self.loop) {
        case nil: nil
        case .now(let response): response
        case .later(let future): try await future.get()
        }
    }
}

/// What was called, in order.
final class SharedNotes: Sendable {
    private let notes = Mutex<[String]>([])

    var all: [String] { self.notes.withLock { $0 } }
    func note(_ text: String) { self.notes.withLock { $0.append(text) } }
}

extension ReadyResponse {
    func header(_ name: String) -> String? { self.allHeaders.first { $0.0.lowercased() == name.lowercased() }?.1 }
    var text: String {
        if case .buffer(let buffer) = self.body { String(buffer: buffer) } else { "" }
    }
    /// Offset and length of the file that is sent; nil for anything else.
    var part: [Int64]? {
        if case .file(_, let offset, let length) = self.body { [offset, length] } else { nil }
    }
}
