import Foundation
import Testing

/// For who must get every packet: what is late by more than the latency is left out, by design, and a busy machine makes late by more than the default
/// of 120 ms.
enum PatientSRT {
    /// Microseconds, as FFmpeg has them.
    static let latency = "4000000"
    /// Of a server that is published to, which hears nothing for that long at first.
    static let settings = ["MARTLET_SRT_IDLE_TIMEOUT": "60s"]
}

extension MartletProcess {
    /// `options` are those of FFmpeg's SRT, e.g. `latency` in microseconds; `port` is another one where something stands in between.
    func srtURL(_ streamID: String, _ options: [String: String] = [:], port: Int? = nil) throws -> String {
        let port = try #require(port ?? self.srt, "SRT is off")
        let rest = options.sorted { $0.key < $1.key }.map { "&\($0.key)=\($0.value)" }.joined()
        return "srt://127.0.0.1:\(port)?mode=caller&streamid=\(streamID)\(rest)"
    }

    /// Publishes over SRT and waits until the server says that `id` is live. `codecs` are ffmpeg's options for what is sent.
    func publishOverSRT(
        _ clip: Clip = .light, as id: String, streamID: String? = nil, _ options: [String: String] = [:], port: Int? = nil,
        codecs: [String] = ["-c", "copy"], loops: Bool = false
    ) async throws -> Publisher {
        let url = try self.srtURL(streamID ?? "live/\(id)", options, port: port)
        let publisher = try await Publisher.start(clip, to: url, loops: loops, codecs: codecs, in: self.lab)
        try await eventually("\(id) is live") {
            try #require(publisher.child.exit == nil, "the publisher ended: \(publisher.child.lastWords)")
            return try await self.broadcast(id)["status"].text == "broadcasting"
        }
        return publisher
    }

    /// What an SRT caller is told with this stream id: the codes that the server has given so far, by how often.
    func srtRefusals() async throws -> [String: Int] {
        try await self.labelled("srt_refused_total", by: "code").mapValues { Int($0) }
    }

    /// The values of a metric with one label, by that.
    func labelled(_ name: String, by label: String) async throws -> [String: Double] {
        let lines = try await self.get("/metrics").text.split(separator: "\n").filter { $0.hasPrefix("martlet_\(name){\(label)=\"") }
        return try Dictionary(
            uniqueKeysWithValues: lines.map { line in
                let value = try #require(line.split(separator: "\"").dropFirst().first.map(String.init))
                return (value, try #require(line.split(separator: " ").last.flatMap { Double($0) }))
            })
    }
}

extension Lab {
    /// Tries to publish over SRT; the end of ffmpeg's complaint when it was not let in.
    func tryToPublish(_ url: String) async throws -> String {
        let publisher = try await Publisher.start(to: url, in: self)
        let exit = try await publisher.child.waitForExit()
        try #require(exit != .code(0), "it was let in")
        return publisher.child.lastWords
    }
}
