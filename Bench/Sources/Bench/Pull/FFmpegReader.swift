/// One `ffmpeg` that reads the source, takes it apart into packets and throws them away.
final class FFmpegReader {
    let process: ChildProcess
    private let logPath: String
    private var beginning: UInt64?
    private var seconds = 0.0

    init(_ url: String, number: Int, _ options: Options) throws(LoadFailure) {
        self.logPath = "\(options.workDirectory)/ffmpeg\(number).log"
        let command = [options.ffmpeg, "-nostdin", "-hide_banner", "-nostats", "-rtsp_transport", "tcp", "-i", url, "-c", "copy", "-f", "null", "-"]
        self.process = try ChildProcess(command, log: self.logPath)
    }

    var log: String { (try? FileBytes.text(self.logPath)) ?? "" }

    /// Whether packets are passed on, as of the last look.
    var hasBegun: Bool { self.beginning != nil }

    /// To be called often until it has begun, as that is when its time is counted from.
    func look() {
        if self.beginning == nil, self.log.contains("Output #0") { self.beginning = monotonicNow() }
    }

    func end() {
        if let beginning = self.beginning { self.seconds = Double(monotonicNow() - beginning) / 1e9 }
        self.process.stop()
    }

    /// Video frames it got, of those that were shown in its time; what it had read ahead while opening makes that more than 1.
    var deliveredShare: Double {
        guard self.seconds > 0, let frames = Self.frames(self.log) else { return 0 }
        return Double(frames) / (RTSPSource.videoFramesPerSecond * self.seconds)
    }

    /// Video frames it has counted, from its last line of statistics; nil when there is none.
    static func frames(_ log: String) -> Int? {
        // Lines of statistics are ended by carriage returns when they are not the last.
        let line = log.split(whereSeparator: \.isNewline).last { $0.hasPrefix("frame=") }
        return line.flatMap { Int($0.dropFirst(6).drop { $0 == " " }.prefix { $0.isNumber }) }
    }
}
