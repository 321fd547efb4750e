import Foundation
import Glibc
import Testing

/// An ffmpeg that sends a clip in real time, over and over, by one of the ways that a source can be fetched.
struct LiveSender {
    enum Way: String, CaseIterable {
        /// Who connects is served; ffmpeg ends when that one goes.
        case transportStreamOverHTTP, flashVideoOverHTTP, srt
        case transportStreamOverUDP
        /// Through nginx.
        case rtmp
        /// Playlist and segments through a file server.
        case hls
    }

    let child: Child
    /// Where it is to be fetched.
    let url: String

    static func start(_ way: Way, of film: URL, in lab: Lab) async throws -> LiveSender {
        let port = try freePort()
        switch way {
        case .transportStreamOverHTTP:
            let url = "http://127.0.0.1:\(port)/live.ts"
            return try await Self.start(film, ["-f", "mpegts", "-listen", "1", url], at: url, in: lab)
        case .flashVideoOverHTTP:
            let url = "http://127.0.0.1:\(port)/live"
            return try await Self.start(film, ["-f", "flv", "-listen", "1", url], at: url, in: lab)
        case .srt:
            let url = "srt://127.0.0.1:\(port)"
            return try await Self.start(film, ["-f", "mpegts", url + "?mode=listener&latency=\(PatientSRT.latency)"], at: url, in: lab)
        case .transportStreamOverUDP:
            let url = "udp://127.0.0.1:\(port)"
            return try await Self.start(film, ["-f", "mpegts", url + "?pkt_size=1316"], at: url, in: lab)
        case .rtmp:
            let url = try await NginxRTMP.start(in: lab).url("source")
            return try await Self.start(film, ["-f", "flv", url], at: url, in: lab)
        case .hls:
            let folder = lab.path("hls-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let list = folder.appending(path: "live.m3u8")
            let server = try await FileServer.start(in: lab, folder: folder)
            // Nothing is deleted: who is late on a busy machine would find the segment gone that it was told of.
            let sender = try await Self.start(
                film, ["-f", "hls", "-hls_time", "1", "-hls_list_size", "0", list.path], at: server.url("live.m3u8"), in: lab)
            try await eventually("a list of two segments") {
                try String(contentsOf: list, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }.count >= 2
            }
            return sender
        }
    }

    private static func start(_ film: URL, _ output: [String], at url: String, in lab: Lab) async throws -> LiveSender {
        let input = ["ffmpeg", "-nostdin", "-v", "warning", "-re", "-i", film.path, "-c", "copy", "-flush_packets", "1"]
        return LiveSender(child: try await lab.start("sender", input + output), url: url)
    }
}
