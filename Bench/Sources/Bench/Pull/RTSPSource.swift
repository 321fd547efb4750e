import Glibc

/// The camera that is pulled: `Peers/rtsp_source.py` with the clip, started for one round.
final class RTSPSource {
    /// What the clip shows a second: 30 pictures and 48000/1024 frames of AAC.
    static let videoFramesPerSecond = 30.0
    static let framesPerSecond = videoFramesPerSecond + 48_000.0 / 1024

    let port: Int
    private let process: ChildProcess

    var url: String { "rtsp://127.0.0.1:\(self.port)/film" }

    init(_ options: Options) throws(LoadFailure) {
        let log = "\(options.workDirectory)/source.log"
        self.process = try ChildProcess([options.python, options.rtspSource, options.pullClip], log: log)
        var port: Int?
        for _ in 0..<1500 where port == nil && self.process.isRunning {
            if Interruption.hasHappened { throw .interrupted }
            port = Self.port(in: try FileBytes.text(log))
            if port == nil { usleep(10_000) }
        }
        guard let port else {
            self.process.stop()
            throw .server("the RTSP source did not start: \((try? FileBytes.text(log))?.suffix(600) ?? "")")
        }
        self.port = port
    }

    deinit { self.stop() }

    func stop() { self.process.stop() }

    /// The server and the program that reads the film for it.
    var meters: [ProcessMeter] {
        [self.process.identifier, ChildProcess.child(of: self.process.identifier)].compactMap { $0 }.map(ProcessMeter.init(identifier:))
    }

    /// The first whole line that is a number; libraries may have their say before it.
    static func port(in log: String) -> Int? {
        log.split(separator: "\n", omittingEmptySubsequences: false).dropLast().lazy.compactMap { Int($0) }.first
    }
}
