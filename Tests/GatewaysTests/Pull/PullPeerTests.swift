import AV
import Foundation
import Glibc
import Media
import NIOCore
import Streams
import TestSupport
import Testing

@testable import Gateways

/// Live sources as ffmpeg sends them, and playlists of segments.
@Suite(.serialized, .againstHanging) struct PullPeerTests {
    /// Four seconds, in microseconds: what is later is left out, and each picture is wanted.
    private let latency = "&latency=4000000"

    /// Sends a clip in real time, again and again, until it is ended.
    private func sender(_ theatre: PullTheatre, to url: String) throws -> Int32 {
        try Tool.spawn(
            "setpriv",
            ["--pdeathsig", "KILL", "--", "ffmpeg", "-v", "quiet", "-nostdin", "-re", "-stream_loop", "-1", "-i", "clip.ts", "-c", "copy"]
                + ["-f", "mpegts", url],
            in: theatre.files.value.directory, output: STDERR_FILENO, errors: STDERR_FILENO)
    }

    private func expectLive(_ theatre: PullTheatre, _ url: String, from peer: String) async throws {
        try await theatre.files.value.clip("clip.ts", seconds: 4)
        // First, so that it is there for a sender that calls: that one calls for three seconds only.
        let session = theatre.live(url)
        let sender = try self.sender(theatre, to: peer)
        defer {
            kill(sender, SIGKILL)
            _ = Tool.wait(for: sender)
        }
        let frames = await theatre.frames(atLeast: 50)
        #expect(session.status.state == .broadcasting)
        #expect(theatre.trackSets.first?.map(\.codec) == [.h264, .aac])
        for (before, after) in zip(frames, frames.dropFirst()) { #expect(after.decodeTime - before.decodeTime <= MediaTime(milliseconds: 200)) }
        session.stop()
        try await theatre.finished()
    }

    @Test func aTransportStreamComesByDatagrams() async throws {
        let theatre = try PullTheatre()
        let port = try freePort()
        try await self.expectLive(theatre, "udp://127.0.0.1:\(port)", from: "udp://127.0.0.1:\(port)?pkt_size=1316")
    }

    @Test func aTransportStreamComesBySRT() async throws {
        let theatre = try PullTheatre()
        let port = try freePort()
        try await self.expectLive(theatre, "srt://127.0.0.1:\(port)", from: "srt://127.0.0.1:\(port)?mode=listener" + self.latency)
    }

    @Test func anSRTSenderMayCallUs() async throws {
        let theatre = try PullTheatre()
        let port = try freePort()
        try await self.expectLive(theatre, "srt://127.0.0.1:\(port)?mode=listener", from: "srt://127.0.0.1:\(port)?mode=caller" + self.latency)
    }

    @Test func encryptedSegmentsArePlayedToTheirEnd() async throws {
        let theatre = try PullTheatre()
        let files = theatre.files.value
        try files.write(Array("0123456789abcdef".utf8), to: "film.key")
        try files.write(Array("film.key\nfilm.key\n".utf8), to: "keys")
        try await files.clip("film.mp4", seconds: 4)
        try await files.ffmpeg(
            [
                "-i", "film.mp4", "-c", "copy", "-hls_time", "1", "-hls_list_size", "0", "-hls_key_info_file", "keys", "-hls_segment_filename",
                "s%d.ts", "film.m3u8",
            ])
        var parts: [String: [UInt8]] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: files.directory) { parts[name] = try files.read(name) }
        let all = parts
        let server = try LoopbackServer { path in all[path].map { .file($0) } ?? .status(404) }
        defer { server.close() }
        _ = theatre.list([server.url("film.m3u8"), "vod:film.mp4"])
        try await theatre.finished()
        #expect(theatre.frames(.video).count == 200)
        let times = theatre.frames(.video).map(\.presentationTime).sorted()
        for (before, after) in zip(times, times.dropFirst()) { #expect(after - before <= MediaTime(milliseconds: 100)) }
    }
}
