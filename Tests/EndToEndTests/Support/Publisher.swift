import Foundation
import Glibc
import Testing

/// An ffmpeg that publishes a clip in real time.
struct Publisher {
    let child: Child
    private let progress: URL

    /// `loops`: the clip comes again when it is over. `codecs`: ffmpeg's options for what is sent. Over RTMP, or over SRT as a transport stream.
    static func start(
        _ clip: Clip = .light, to url: String, loops: Bool = false, codecs: [String] = ["-c", "copy"], format: String? = nil, in lab: Lab
    ) async throws -> Publisher {
        let progress = lab.path("progress-\(UUID().uuidString)")
        let child = try await lab.start(
            "publisher",
            [
                "ffmpeg", "-nostdin", "-v", "warning", "-progress", progress.path, "-stats_period", "0.1", "-stream_loop", loops ? "-1" : "0", "-re",
                "-i", clip.file().path,
            ] + codecs + ["-f", format ?? (url.hasPrefix("srt:") ? "mpegts" : "flv"), url])
        return Publisher(child: child, progress: progress)
    }

    /// Seconds of the clip that have been sent.
    func sent() throws -> Double {
        guard let data = FileManager.default.contents(atPath: self.progress.path) else { return 0 }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
        // What is not known yet is told as N/A.
        let micros = lines.last { $0.hasPrefix("out_time_us=") }.flatMap { Double($0.dropFirst("out_time_us=".count)) }
        return (micros ?? 0) / 1_000_000
    }

    /// Waits until that many further seconds of the clip have been sent: the stopwatch of these tests.
    func send(_ seconds: Double) async throws {
        let goal = try self.sent() + seconds
        try await eventually("\(seconds) s are published", within: .seconds(seconds + 120)) {
            try #require(self.child.exit == nil, "the publisher ended: \(self.child.lastWords)")
            return try self.sent() >= goal
        }
    }

    /// As an encoder does whose user presses the button.
    func stop() async throws {
        self.child.send(SIGINT)
        try await self.child.waitForExit()
    }

    /// Falls silent with its connection open.
    func freeze() { self.child.send(SIGSTOP) }
    func thaw() { self.child.send(SIGCONT) }
}

extension MartletProcess {
    /// Publishes and waits until the server says that it is live.
    func publish(_ clip: Clip = .light, as id: String, parameters: String = "", loops: Bool = false) async throws -> Publisher {
        let publisher = try await Publisher.start(clip, to: self.rtmpURL(id) + parameters, loops: loops, in: self.lab)
        try await eventually("\(id) is live") {
            try #require(publisher.child.exit == nil, "the publisher ended: \(publisher.child.lastWords)")
            return try await self.broadcast(id)["status"].text == "broadcasting"
        }
        return publisher
    }

    /// Freezes a publisher and waits until the server has all that was sent: seconds of the clip. For who asks next what the server made of them: how long
    /// they were on their way is no matter of the server's then.
    func standStill(_ publisher: Publisher, of id: String) async throws -> Double {
        publisher.freeze()
        var last: Double?
        try await eventually("nothing of \(id) comes any more", every: .milliseconds(300)) {
            let now = try #require(try await self.broadcast(id)["receivedBytes"].number)
            defer { last = now }
            return now == last
        }
        return try publisher.sent()
    }
}
