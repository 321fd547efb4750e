/// One `ffmpeg` that reads a stream and does with it what its arguments say.
final class FFmpegJob {
    let process: ChildProcess
    private let logPath: String

    init(_ url: String, _ arguments: [String], number: Int, _ options: Options) throws(LoadFailure) {
        self.logPath = "\(options.workDirectory)/ffmpeg\(number).log"
        let command = [options.ffmpeg, "-nostdin", "-hide_banner", "-nostats", "-y", "-i", url] + arguments
        self.process = try ChildProcess(command, log: self.logPath)
    }

    var meter: ProcessMeter { ProcessMeter(identifier: self.process.identifier) }
    var log: String { (try? FileBytes.text(self.logPath)) ?? "" }
    /// Whether its outputs are open, so many of them.
    func hasBegun(outputs: Int) -> Bool { self.log.contains("Output #\(outputs - 1)") }
}
