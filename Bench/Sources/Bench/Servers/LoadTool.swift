import Glibc

/// h2load (nghttp2): sends requests as fast as they are answered, over HTTP/1.1 or HTTP/2 by prior knowledge.
struct LoadTool {
    var isHTTP2 = false
    var connections = 50
    /// Requests at a time on each connection.
    var streams = 1
    /// What each request sends; empty: GET.
    var bodyFile = ""
    /// One URL, or as many as there are: each connection asks for all of them in turn.
    var urls: [String]

    struct Result {
        var good: Int
        var bad: Int
        /// Of the tool itself.
        var cpuSeconds: Double
    }

    /// Returns when all are answered.
    func run(_ count: Int, _ options: Options, _ loop: LoadLoop) throws(LoadFailure) -> Result {
        let list = "\(options.workDirectory)/urls.txt"
        let log = "\(options.workDirectory)/h2load.log"
        try FileBytes.write(self.urls.joined(separator: "\n") + "\n", to: list)
        var command = [options.h2load, "-n", "\(count)", "-c", "\(self.connections)", "-m", "\(self.streams)", "-i", list]
        if !self.isHTTP2 { command.append("--h1") }
        if !self.bodyFile.isEmpty { command += ["-d", self.bodyFile, "-H", "Content-Type: application/json"] }
        let before = Self.childSeconds()
        let process = try ChildProcess(command, log: log)
        guard try loop.run(atMost: 300, until: { !process.isRunning }, every: 0.01) else { throw .timedOut("h2load") }
        let text = try FileBytes.text(log)
        // "status codes: 1000 2xx, 0 3xx, 0 4xx, 0 5xx"
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("status codes: ") }),
            let good = line.dropFirst(14).split(separator: " ").first.flatMap({ Int($0) })
        else { throw .malformed("what h2load says: \(text.suffix(400))") }
        return Result(good: good, bad: count - good, cpuSeconds: Self.childSeconds() - before)
    }

    /// Of all processes that were started from here and have ended.
    private static func childSeconds() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
