/// A figure Martlet is meant to reach. Shown beside what was measured; never decides how the bench ends.
struct Goal {
    var text: String
    var scenario: Options.Scenario
    var server: ServerKind
    /// The size it is about; the largest one measured stands in for it. nil: every size.
    var size: Int?
    var metric: Metric
    var limit: Double
    /// Whether the limit is one of the ratio to the scenario's reference in the same round.
    var isRatio = false

    static let all: [Goal] = [
        Goal(
            text: "CPU per GB, 30 ms window, 1000 players: ≤ 0.7 × nginx-rtmp", scenario: .rtmp, server: .martlet(mergeWindow: 30), size: 1000,
            metric: .cpuPerGB, limit: 0.7, isRatio: true),
        Goal(
            text: "CPU per GB, 100 ms window, 1000 players: ≤ 0.4 × nginx-rtmp", scenario: .rtmp, server: .martlet(mergeWindow: 100), size: 1000,
            metric: .cpuPerGB, limit: 0.4, isRatio: true),
        Goal(
            text: "median added latency, 30 ms window: ≤ 20 ms", scenario: .rtmp, server: .martlet(mergeWindow: 30), metric: .latencyP50, limit: 20),
        Goal(
            text: "process memory per RTMP viewer: ≤ 10 KB", scenario: .rtmp, server: .martlet(mergeWindow: 30), size: 1000,
            metric: .memoryPerViewer, limit: 10_000),
        Goal(
            text: "no frame missing, 30 ms window", scenario: .rtmp, server: .martlet(mergeWindow: 30), metric: .missing, limit: 0),
        Goal(
            text: "no frame missing, 100 ms window", scenario: .rtmp, server: .martlet(mergeWindow: 100), metric: .missing, limit: 0),
        Goal(
            text: "CPU per publisher, HLS idle: ≤ 1.0 × nginx-rtmp", scenario: .publishers, server: .martlet(mergeWindow: 30),
            metric: .cpuPerPublisher, limit: 1, isRatio: true),
        Goal(
            text: "memory per publisher besides its group: ≤ 150 KB", scenario: .publishers, server: .martlet(mergeWindow: 30),
            metric: .memoryBesideGroup, limit: 150_000),
        Goal(
            text: "HLS adds ≤ 1000 µs per publisher-second", scenario: .hls, server: .martlet(mergeWindow: 30), metric: .hlsCPUPerPublisher,
            limit: 1000),
        Goal(
            text: "a stream with HLS on: ≤ 4 MB", scenario: .hls, server: .martlet(mergeWindow: 30), size: 1, metric: .streamMemory, limit: 4e6),
        Goal(
            text: "50 of 300 stalled: no frame missing for the others", scenario: .stalled, server: .martlet(mergeWindow: 30), metric: .missing,
            limit: 0),
        Goal(
            text: "first keyframe after connect, median: ≤ 20 ms", scenario: .firstFrame, server: .martlet(mergeWindow: 30),
            metric: .firstKeyframeP50, limit: 20),
        Goal(
            text: "CPU per pulled RTSP source: ≤ 1.2 × ffmpeg -c copy -f null", scenario: .pull, server: .martlet(mergeWindow: 30),
            metric: .cpuPerPull, limit: 1.2, isRatio: true),
        Goal(
            text: "process memory per pull, its group included: ≤ 6 MB", scenario: .pull, server: .martlet(mergeWindow: 30),
            metric: .memoryPerPull, limit: 6e6),
        Goal(
            text: "CPU per GB of HLS over HTTP/1.1: ≤ 1.5 × nginx", scenario: .webPlayers, server: .martlet(mergeWindow: 30), metric: .cpuPerGB,
            limit: 1.5, isRatio: true),
        Goal(
            text: "CPU per GB of HLS over TLS: ≤ 1.5 × nginx", scenario: .securePlayers, server: .martlet(mergeWindow: 30), metric: .cpuPerGB,
            limit: 1.5, isRatio: true),
        Goal(
            text: "CPU per playlist over HTTP/1.1: ≤ 1.6 × nginx", scenario: .playlist, server: .martlet(mergeWindow: 30), metric: .cpuPerRequest,
            limit: 1.6, isRatio: true),
        Goal(
            text: "CPU per playlist over HTTP/2: ≤ 0.8 × nginx", scenario: .playlistHTTP2, server: .martlet(mergeWindow: 30),
            metric: .cpuPerRequest, limit: 0.8, isRatio: true),
        Goal(
            text: "CPU per broadcast read: ≤ 2 × Hummingbird's hello world", scenario: .rest, server: .martlet(mergeWindow: 30),
            metric: .cpuPerRequest, limit: 2, isRatio: true),
        Goal(text: "blocked reloads add no thread", scenario: .reload, server: .martlet(mergeWindow: 30), metric: .addedThreads, limit: 0),
        Goal(
            text: "CPU of 720p30 → 480p + 360p: ≤ 1.05 × one ffmpeg", scenario: .renditions, server: .martlet(mergeWindow: 30),
            metric: .cpuPerStream, limit: 1.05, isRatio: true),
        Goal(
            text: "memory of that ladder: ≤ 1.2 × ffmpeg", scenario: .renditions, server: .martlet(mergeWindow: 30), metric: .memoryPerStream,
            limit: 1.2, isRatio: true),
        Goal(text: "no picture of that ladder left out", scenario: .renditions, server: .martlet(mergeWindow: 30), metric: .dropped, limit: 0),
        Goal(
            text: "CPU per recorded stream: ≤ 1.3 × ffmpeg -c copy", scenario: .recording, server: .martlet(mergeWindow: 30),
            metric: .cpuPerStream, limit: 1.3, isRatio: true),
        Goal(
            text: "CPU per GB of 100 destinations: ≤ 1.3 × that of 100 players", scenario: .destinations, server: .martlet(mergeWindow: 30),
            metric: .cpuOverViewers, limit: 1.3),
        Goal(
            text: "process memory per destination: ≤ 100 KB", scenario: .destinations, server: .martlet(mergeWindow: 30), metric: .memoryPerViewer,
            limit: 100_000),
        Goal(text: "no frame of a pulled source dropped", scenario: .pull, server: .martlet(mergeWindow: 30), metric: .dropped, limit: 0),
    ]

    init(
        text: String, scenario: Options.Scenario, server: ServerKind, size: Int? = nil, metric: Metric, limit: Double, isRatio: Bool = false
    ) {
        self.text = text
        self.scenario = scenario
        self.server = server
        self.size = size
        self.metric = metric
        self.limit = limit
        self.isRatio = isRatio
    }

    /// Sizes at which it was measured, with the value; empty when it was not.
    func results(in summary: Summary) -> [(size: Int, value: Double)] {
        let sizes = summary.sizes(of: self.scenario).filter { size in
            guard summary.value(self.scenario, self.server, size, self.metric) != nil else { return false }
            return self.size == nil || size == self.size
        }
        let standIn = self.size == nil || self.size == 1 ? [] : summary.sizes(of: self.scenario).suffix(1)
        return (sizes.isEmpty ? Array(standIn) : sizes).compactMap { size in
            let value =
                self.isRatio
                ? summary.ratio(self.scenario, self.server, size, self.metric) : summary.value(self.scenario, self.server, size, self.metric)
            return value.map { (size, $0) }
        }
    }
}
