/// Everything a row can say, with its unit. The raw value is the name in the JSON file.
enum Metric: String, CaseIterable {
    case cpuPerGB = "cpuSecondsPerGB"
    case cpuOverViewers = "cpuPerGBOverThatOfViewers"
    case cpuPerPublisher = "cpuMicrosecondsPerPublisherSecond"
    case hlsCPUPerPublisher = "addedHLSCPUMicrosecondsPerPublisherSecond"
    case cpuPerPull = "cpuMillisecondsPerPullSecond"
    case cpuPerStream = "cpuMillisecondsPerStreamSecond"
    case memoryPerStream = "anonymousBytesPerStream"
    case cpuPerRequest = "cpuMicrosecondsPerRequest"
    case requests = "goodAnswers"
    case badAnswers
    case addedThreads = "threadsAddedByBlockedRequests"
    case wakeSpread = "millisecondsFromFirstToLastWoken"
    case wakeCPU = "cpuMicrosecondsPerBlockedRequest"
    case memoryPerViewer = "pssBytesPerViewer"
    case anonymousPerViewer = "anonymousBytesPerViewer"
    case memoryPerPull = "anonymousBytesPerPull"
    case proportionalPerPull = "pssBytesPerPull"
    case memoryPerPublisher = "pssBytesPerPublisher"
    case memoryBesideGroup = "pssBytesPerPublisherBesideGroup"
    case groupBytes = "groupBytesPerPublisher"
    case firstStreamMemory = "pssBytesOfTheFirstHLSStream"
    case streamMemory = "pssBytesPerFurtherHLSStream"
    case directoryBytes = "segmentFileBytesPerStream"
    case latencyP50 = "addedLatencyMillisecondsP50"
    case latencyP99 = "addedLatencyMillisecondsP99"
    case firstKeyframeP50 = "firstKeyframeMillisecondsP50"
    case firstKeyframeP99 = "firstKeyframeMillisecondsP99"
    case sampledPlayers
    case pulls = "pullsBroadcasting"
    case speed = "largestDistanceOfSpeedFrom1"
    case dropped = "droppedFrames"
    case droppedAtStart = "framesDroppedWhileOpening"
    case repairs = "repairedTimestamps"
    case missing = "missingMessages"
    case lost = "lostConnections"
    case delivered = "deliveredShare"
    case playlists = "goodPlaylists"
    case badPlaylists
    case serverCores
    case generatorCores
    case otherCores
    case latenessP99 = "generatorLatenessMillisecondsP99"

    var heading: String {
        switch self {
        case .cpuPerGB: "CPU s/GB"
        case .cpuOverViewers: "× viewers"
        case .cpuPerPublisher: "CPU µs/pub·s"
        case .hlsCPUPerPublisher: "+HLS µs/pub·s"
        case .cpuPerPull: "CPU ms/pull·s"
        case .cpuPerStream: "CPU ms/str·s"
        case .memoryPerStream: "MB/stream"
        case .cpuPerRequest: "CPU µs/req."
        case .requests: "good"
        case .badAnswers: "bad"
        case .addedThreads: "+threads"
        case .wakeSpread: "spread ms"
        case .wakeCPU: "CPU µs/req."
        case .memoryPerPull: "KB/pull"
        case .proportionalPerPull: "Pss KB"
        case .memoryPerViewer: "KB/viewer"
        case .anonymousPerViewer: "anon KB/v"
        case .memoryPerPublisher: "KB/pub"
        case .memoryBesideGroup: "−group KB"
        case .groupBytes: "group KB"
        case .firstStreamMemory: "1st stream MB"
        case .streamMemory: "MB/stream"
        case .directoryBytes: "files MB/stream"
        case .latencyP50: "lat p50 ms"
        case .latencyP99: "lat p99 ms"
        case .firstKeyframeP50: "key p50 ms"
        case .firstKeyframeP99: "key p99 ms"
        case .sampledPlayers: "checked"
        case .pulls: "live"
        case .speed: "|speed−1|"
        case .dropped: "dropped"
        case .droppedAtStart: "(opening)"
        case .repairs: "repairs"
        case .missing: "missing"
        case .lost: "lost"
        case .delivered: "deliv. %"
        case .playlists: "playlists"
        case .badPlaylists: "bad"
        case .serverCores: "server"
        case .generatorCores: "gen."
        case .otherCores: "others"
        case .latenessP99: "late ms"
        }
    }

    func text(_ value: Double) -> String {
        switch self {
        case .cpuPerPublisher, .hlsCPUPerPublisher: decimal(value, 0)
        case .memoryPerViewer, .anonymousPerViewer: decimal(value / 1000, 1)
        case .memoryPerPull, .proportionalPerPull, .memoryPerPublisher, .memoryBesideGroup, .groupBytes: decimal(value / 1000, 0)
        case .firstStreamMemory, .streamMemory, .directoryBytes, .memoryPerStream: decimal(value / 1e6, 2)
        case .latencyP50, .latencyP99, .firstKeyframeP50, .firstKeyframeP99, .wakeSpread, .cpuPerRequest, .wakeCPU: decimal(value, 1)
        case .sampledPlayers, .pulls, .dropped, .droppedAtStart, .repairs, .missing, .lost, .playlists, .badPlaylists, .requests, .badAnswers,
            .addedThreads:
            decimal(value, 0)
        case .delivered: decimal(value * 100, 1)
        case .cpuPerGB, .cpuOverViewers, .cpuPerPull, .cpuPerStream, .speed, .serverCores, .generatorCores, .otherCores, .latenessP99:
            decimal(value, 2)
        }
    }
}

/// A number with so many digits after the point.
func decimal(_ value: Double, _ digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    let scaled = Int64((abs(value) * scale).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(scaled)" }
    let fraction = String(scaled % Int64(scale))
    return "\(sign)\(scaled / Int64(scale)).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
}
