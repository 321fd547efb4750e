import HTTP
import HTTPTypes
import HummingbirdCore
import Logging
import Media
import NIOCore
import NIOPosix
import Outputs
import ServiceLifecycle
import Streams
import TestSupport
import Testing

@testable import API

/// Real tools over real sockets.
@Suite(.againstHanging) struct DeliverySocketTests {
    @Test func ffmpegDecodesEveryPictureOfABroadcastOverHTTP() async throws {
        let clip = try await DeliveryClip.make(seconds: 9)
        #expect(clip.pictureCount == 225)
        // However slow the tools are, what they read is still there.
        try await DeliveryFixture.run(listSize: 1_800) { fixture in
            try await DeliveryServer.run(fixture.responder) { base in
                let source = PublishSource(type: .rtmp, remoteAddress: "192.0.2.1", startedAtMilliseconds: 0, stop: { _ in })
                let publisher = try fixture.streams.publish(StreamKey("demo"), source: source, now: .now()).get()
                publisher.announce(clip.video)
                publisher.announce(clip.audio)
                let asked = Task { try await Tool.run("curl", ["-sS", "-i", "\(base)/live/streams/demo.m3u8"]) }
                // The cache of the first second and then everything that comes: nothing may be missing.
                let start = clip.frames.prefix { $0.decodeTime < MediaTime(milliseconds: 1000) }
                for frame in start { publisher.publish(frame, now: .now()) }
                try await eventually("somebody reads") { publisher.stream.readerCount > 0 }
                for frame in clip.frames.dropFirst(start.count) { publisher.publish(frame, now: .now()) }
                let first = try await asked.value
                #expect(first.output.hasPrefix("HTTP/1.1 200 OK"))
                publisher.end(.finished)
                try await Self.waitForEnd("\(base)/live/streams/demo.m3u8")

                let probe = try await Tool.run(
                    "ffprobe",
                    [
                        "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0",
                        "\(base)/live/streams/demo_adaptive.m3u8",
                    ])
                #expect(probe.errors == "")
                // Once as program and once as stream.
                #expect(probe.output.contains("h264,225"))
                #expect(probe.output.contains("aac,"))
                let decode = try await Tool.run(
                    "ffmpeg", ["-v", "warning", "-xerror", "-i", "\(base)/live/streams/demo.m3u8", "-f", "null", "-"])
                #expect(decode.status == 0)
                #expect(decode.errors == "")
            }
        }
    }

    @Test func curlUnpacksAPlaylistAndResumesARecording() async throws {
        try await DeliveryFixture.run { fixture in
            try await DeliveryServer.run(fixture.responder) { base in
                let source = PublishSource(type: .rtmp, remoteAddress: "192.0.2.1", startedAtMilliseconds: 0, stop: { _ in })
                let publisher = try fixture.streams.publish(StreamKey("demo"), source: source, now: .now()).get()
                publisher.expect(video: true, audio: false)
                publisher.announce(Frames.video)
                for tenth in 0..<90 { publisher.publish(Frames.picture(at: Int64(tenth) * 100, key: tenth % 10 == 0), now: .now()) }
                publisher.end(.finished)
                // Ended before anybody asked: there is nothing to show.
                let nothing = try await Tool.run("curl", ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "\(base)/live/streams/demo.m3u8"])
                #expect(nothing.output == "404")

                let again = try fixture.streams.publish(StreamKey("demo"), source: source, now: .now()).get()
                again.expect(video: true, audio: false)
                again.announce(Frames.video)
                for tenth in 0..<95 { again.publish(Frames.picture(at: Int64(tenth) * 100, key: tenth % 10 == 0), now: .now()) }
                // Again, should something have been added to the list in between.
                try await eventually("packed it says the same") {
                    let plain = try await Tool.run("curl", ["-sS", "\(base)/live/streams/demo.m3u8"])
                    let packed = try await Tool.run("curl", ["-sS", "--compressed", "-D", "-", "\(base)/live/streams/demo.m3u8"])
                    #expect(plain.output.hasPrefix("#EXTM3U"))
                    #expect(packed.output.lowercased().contains("content-encoding: gzip"))
                    return packed.output.hasSuffix(plain.output)
                }
                again.end(.finished)

                let part = try await Tool.run(
                    "curl", ["-sS", "-r", "10-19", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", "\(base)/live/streams/demo.mp4"])
                #expect(part.output == "206 10")
                let head = try await Tool.run("curl", ["-sSI", "\(base)/live/streams/demo.mp4"])
                #expect(head.output.contains("Content-Length: 1000"))
                let traversal = try await Tool.run(
                    "curl", ["-sS", "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", "\(base)/live/streams/../../secret/own.mp4"])
                #expect(traversal.output == "404")
                let routed = try await Tool.run("curl", ["-sS", "\(base)/elsewhere"])
                #expect(routed.output == "routed")
            }
        }
    }

    private static func waitForEnd(_ url: String) async throws {
        while true {
            try Task.checkCancellation()
            if try await Tool.run("curl", ["-sS", url]).output.contains("#EXT-X-ENDLIST") { return }
        }
    }
}

/// Hummingbird's server with this responder on a port the kernel chose; what the responder leaves is answered `routed`.
enum DeliveryServer {
    static func run(_ responder: DeliveryResponder, _ body: @escaping @Sendable (String) async throws -> Void) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .error
        let (ports, portFound) = AsyncStream<Int>.makeStream()
        let server = try HTTPServerBuilder.martlet(readyResponder: responder).buildServer(
            configuration: .init(address: .hostname("127.0.0.1", port: 0)), eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger,
            responder: { _, writer, _ in
                var output = try await writer.writeHead(HTTPResponse(status: .ok))
                try await output.write(ByteBuffer(string: "routed"))
                try await output.finish(nil)
            },
            onServerRunning: { channel in
                portFound.yield(channel.localAddress?.port ?? 0)
                portFound.finish()
            })
        let group = ServiceGroup(configuration: .init(services: [server], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await port in ports { try await body("http://127.0.0.1:\(port)") }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}
