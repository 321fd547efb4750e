import Glibc

/// One server with one publisher and its players. `end` takes all of it down again.
final class Audience {
    static let key = "demo"
    static let descriptors = 16_384

    let loop: LoadLoop
    let server: RunningServer
    private(set) var players: [Player] = []
    private let drain: Drain
    private let publisher: Publisher
    private var hasEnded = false

    /// Starts the server and publishes until there is a whole group of pictures.
    init(_ kind: ServerKind, clip: Clip, options: Options) throws(LoadFailure) {
        self.loop = try LoadLoop()
        self.server = try RunningServer.start(kind, options)
        self.drain = try Drain(capacity: Self.descriptors, interval: options.readInterval)
        do throws(LoadFailure) {
            self.publisher = try Publisher(
                clip: clip, app: RunningServer.app, key: Self.key, port: self.server.rtmpPort, keepsLog: true, loop: self.loop)
            let publisher = self.publisher
            guard try self.loop.run(atMost: 5, until: { publisher.isPublishing }) else { throw .timedOut("publish on \(kind)") }
            try self.loop.run(seconds: 2.5)
        } catch {
            self.drain.stop()
            self.server.stop()
            throw error
        }
    }

    deinit { self.end() }

    /// Bytes all players have received.
    var receivedBytes: UInt64 { self.players.reduce(self.drain.receivedBytes) { $0 + $1.receivedBytes } }
    var lostPlayers: Int { self.players.count { $0.failure != nil } + self.drain.closedPlayers }
    var sampled: [Player] { self.players.filter { if case .sampled = $0.role { true } else { false } } }

    /// Lets players join evenly over some seconds and waits until each has its first keyframe.
    ///
    /// - Parameter leaveAtKeyframe: whether those that have it are gone when the next one joins; they keep what they have measured.
    func join(
        _ count: Int, over seconds: Double, leaveAtKeyframe: Bool = false, sampled isSampled: @escaping (Int) -> Bool,
        stalled isStalled: @escaping (Int) -> Bool
    ) throws(LoadFailure) {
        let pacer = Pacer(count: count, seconds: seconds, loop: self.loop) { [unowned self] (index) throws(LoadFailure) in
            if leaveAtKeyframe { for player in self.players where player.timeToKeyframe != nil { player.close(self.loop) } }
            let role: Player.Role = isSampled(index) ? .sampled : isStalled(index) ? .stalled : .mass(self.drain)
            self.players.append(
                try Player(
                    role, log: self.publisher.log, app: RunningServer.app, key: Self.key, port: self.server.rtmpPort, loop: self.loop))
        }
        // From the last one backwards, since it is the last to be ready.
        let areReady = { [unowned self] in
            pacer.isDone && self.players.reversed().allSatisfy { $0.check.firstKeyframeAt != nil || $0.failure != nil }
        }
        guard try self.loop.run(atMost: seconds + 10, until: areReady) else {
            let waiting = self.players.filter { $0.timeToKeyframe == nil }
            let phases = Set(waiting.map { "\($0.phase)" }).sorted().joined(separator: ", ")
            throw .timedOut("\(waiting.count) of \(self.players.count) players got no keyframe, in phase \(phases), \(self.lostPlayers) lost")
        }
    }

    func recordLatency() { for player in self.sampled { player.record(since: monotonicNow()) } }

    /// Waits for what is still under way, at most two seconds, and counts what has not come then.
    func settleFrames() throws(LoadFailure) {
        let video = self.publisher.log.sentAt.count
        let audio = self.publisher.log.audioTimestamps.count
        let sampled = self.sampled
        _ = try self.loop.run(atMost: 2) { sampled.allSatisfy { $0.failure != nil || $0.check.hasSeen(video: video, audio: audio) } }
        for player in sampled { player.finish(video: video, audio: audio) }
    }

    /// Nanosecond figures of the players in milliseconds.
    func frameFigures() -> [Metric: Double] {
        let checks = self.sampled.map(\.check)
        let latencies = checks.flatMap { $0.latencies.map { Double($0) / 1e6 } }
        let keyframes = self.players.compactMap { player in player.timeToKeyframe.map { Double($0) / 1e6 } }
        var values: [Metric: Double] = [:]
        values[.latencyP50] = percentile(latencies, 50)
        values[.latencyP99] = percentile(latencies, 99)
        values[.firstKeyframeP50] = percentile(keyframes, 50)
        values[.firstKeyframeP99] = percentile(keyframes, 99)
        values[.sampledPlayers] = Double(checks.count)
        values[.missing] = Double(checks.reduce(0) { $0 + $1.missingVideo + $1.missingAudio + $1.strange })
        values[.lost] = Double(self.lostPlayers)
        return values
    }

    func end() {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        self.drain.stop()
        for player in self.players { player.close(self.loop) }
        self.publisher.close(self.loop)
        self.server.stop()
    }
}
