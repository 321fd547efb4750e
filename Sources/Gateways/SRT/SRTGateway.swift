public import Logging
public import NIOCore
import SRT
public import Streams
import Synchronization

/// The SRT door: one UDP port for publishers and viewers, told apart by their stream ids before the handshake ends.
///
/// libsrt's threads receive and send; a thread of the listener takes new connections in; each publisher and each stream with viewers has a thread.
public final class SRTGateway: Sendable {
    public struct Configuration: Sendable {
        public var host = "0.0.0.0"
        /// 0 lets the system choose.
        public var port = 4200
        /// Publishers and viewers.
        public var maxConnections = 1_000
        /// How long lost packets may take to come again; a peer may ask for more. Milliseconds.
        public var latency = 120
        /// What peers must know where the broadcast has none of its own, 10 to 79 bytes; nil: nothing is encrypted.
        public var passphrase: String?
        /// A peer of which nothing is heard, and a publisher that sends no media, is given up after so long.
        public var idleTimeout = TimeAmount.seconds(5)
        /// The applications there are; the first one is meant where none is said.
        public var apps = ["live"]
        /// Sound that HLS and RTMP cannot carry becomes AAC; left out otherwise.
        public var transcodesAudio = true
        /// A viewer of a stream that gives nothing for so long is sent away.
        public var viewerPatience = TimeAmount.seconds(30)

        public init() {}
    }

    /// Numbers since the start, and how many there are now.
    public struct Statistics: Sendable {
        public var publishers = 0
        public var viewers = 0
        public var connectionsTotal = 0
        /// By the code that callers were told.
        public var refusedTotal: [Int32: Int] = [:]
        public var viewerSkipsTotal = 0
        /// Over all connections.
        var packets = SRTStatistics()
        /// Of publishers, by stream, in seconds.
        public var roundTrips: [(stream: String, seconds: Double)] = []

        public var receivedPackets: UInt64 { self.packets.received }
        public var receivedLost: UInt64 { self.packets.receivedLost }
        public var receivedDropped: UInt64 { self.packets.receivedDropped }
        public var undecryptable: UInt64 { self.packets.undecryptable }
        public var sentPackets: UInt64 { self.packets.sent }
        public var sentLost: UInt64 { self.packets.sentLost }
        public var retransmitted: UInt64 { self.packets.retransmitted }
        public var sentDropped: UInt64 { self.packets.sentDropped }
        public var receivedBytes: UInt64 { self.packets.receivedBytes }
        public var sentBytes: UInt64 { self.packets.sentBytes }
    }

    let configuration: Configuration
    let gate: any PublishGate
    let playGate: any PlayGate
    let connections: SRTConnections
    let table: SRTFanOutTable
    let logger: Logger
    private let listener = Mutex<SRTListener?>(nil)
    /// Of the listener's ticks, ten a second.
    private let ticks = Atomic<UInt64>(0)

    public init(configuration: Configuration, gate: any PublishGate, playGate: any PlayGate, streams: StreamDirectory, logger: Logger) {
        self.configuration = configuration
        self.gate = gate
        self.playGate = playGate
        self.connections = SRTConnections(limit: configuration.maxConnections)
        self.table = SRTFanOutTable(streams: streams, connections: self.connections, idleLimit: configuration.viewerPatience, logger: logger)
        self.logger = logger
    }

    public struct NotListening: Error, CustomStringConvertible {
        public let description: String
    }

    /// libsrt's version, for the log.
    public static var libraryVersion: String { SRTLibrary.version }

    /// Listens. Returns the port, which differs from the configured one when that is 0. Looks the host up, so it may block for a moment.
    public func start() throws(NotListening) -> Int {
        var parameters = SRTParameters()
        parameters.latency = self.configuration.latency
        parameters.passphrase = self.configuration.passphrase
        parameters.peerIdleTimeout = Int(self.configuration.idleTimeout.nanoseconds / 1_000_000)
        SRTLibrary.setLogHandler { [logger] text in logger.debug("libsrt", metadata: ["text": "\(text)"]) }
        let listener = SRTListener(
            parameters: parameters, decide: { [weak self] in self?.decide($0) ?? .reject(.unavailable) },
            accepted: { [weak self] in self?.accepted($0, $1) }, failed: { [weak self] in self?.failed($0, $1) },
            onTick: { [weak self] in self?.tick() })
        do throws(SRTFailure) {
            let port = try listener.start(host: self.configuration.host, port: self.configuration.port)
            self.listener.withLock { $0 = listener }
            return port
        } catch {
            throw NotListening(description: "SRT port \(self.configuration.port): \(error)")
        }
    }

    /// Takes no more connections, ends those that are there and returns when they are gone, or after two seconds.
    public func stop() async {
        let listener = self.listener.withLock { listener in
            defer { listener = nil }
            return listener
        }
        guard let listener else { return }
        await withCheckedContinuation { continuation in listener.stop { continuation.resume() } }
        for connection in self.connections.all { connection.stop(.shuttingDown) }
        self.table.sweep()
        await withCheckedContinuation { continuation in
            let once = Once { continuation.resume() }
            self.connections.whenEmpty { once.run() }
            // Cut short by nobody: it is over after two seconds at most.
            Task {
                do {
                    try await Task.sleep(for: .seconds(2))
                } catch {
                    // A cancelled wait is a finished one.
                }
                once.run()
            }
        }
    }

    public var statistics: Statistics { self.connections.figures }

    /// On the listener's thread. Of a connection that is gone libsrt knows nothing, so the last look must not be long ago.
    private func tick() {
        let tick = self.ticks.wrappingAdd(1, ordering: .relaxed).oldValue
        if tick % 3 == 0 { for connection in self.connections.all { connection.sample() } }
        if tick % 10 == 0 { self.table.sweep() }
    }
}

/// Runs what it was given the first time it is asked.
private final class Once: Sendable {
    private let body: @Sendable () -> Void
    private let isDone = Atomic<Bool>(false)

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }

    func run() {
        guard !self.isDone.exchange(true, ordering: .acquiringAndReleasing) else { return }
        self.body()
    }
}
