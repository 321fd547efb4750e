import AV
import Logging
import Media
import NIOCore
import SRT
import Streams
import Synchronization

/// All SRT viewers of one stream: reads the stream once, writes it once as a transport stream, and gives each viewer what its way takes. An actor on
/// a thread of its own, owned by `SRTFanOutTable` while there is a viewer.
actor SRTFanOut {
    /// How soon a viewer is looked at again whose way was full.
    private static let retry = Duration.milliseconds(20)

    nonisolated let stream: Streams.Stream
    private nonisolated let isWoken = Atomic<Bool>(false)
    private let executor = BlockingExecutor(name: "srt-viewers")
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.executor.asUnownedSerialExecutor() }

    private let idleLimit: TimeAmount
    private let onLeave: @Sendable (SRTFanOut, SRTConnection, _ skips: Int) -> Void
    private let logger: Logger
    private let feed = TransportStreamFeed()
    private var log = MessageLog(limits: .init(bytes: 4 << 20, duration: MediaTime(milliseconds: 2_000)))
    private var reader: StreamReader?
    private var viewers: [SRTViewer] = []
    private var isRetrying = false
    /// Since when the stream has given nothing.
    private var idleSince = NIODeadline.now()

    /// - Parameters:
    ///   - idleLimit: a viewer of a stream that gives nothing for so long is sent away.
    ///   - onLeave: called on the thread when a viewer has gone, or by who adds it when there is no thread for it.
    init(
        stream: Streams.Stream, idleLimit: TimeAmount, logger: Logger,
        onLeave: @escaping @Sendable (SRTFanOut, SRTConnection, _ skips: Int) -> Void
    ) {
        self.stream = stream
        self.idleLimit = idleLimit
        self.logger = logger
        self.onLeave = onLeave
    }

    // MARK: From any thread

    nonisolated func add(_ connection: SRTConnection) {
        // Proof for assumeIsolated, here and below: the executor's thread is this actor's.
        let isTaken = self.executor.execute { self.assumeIsolated { $0.join(connection) } }
        // No thread can be had for it.
        if !isTaken { self.onLeave(self, connection, 0) }
    }

    /// Looks who has gone or has to go.
    nonisolated func sweep() {
        self.executor.execute { self.assumeIsolated { $0.removeGone() } }
    }

    /// No viewer is left.
    nonisolated func close() {
        self.executor.execute { self.assumeIsolated { $0.finish() } }
    }

    /// The stream has something. On the publisher's thread.
    private nonisolated func wake() {
        guard !self.isWoken.exchange(true, ordering: .acquiringAndReleasing) else { return }
        let isTaken = self.executor.execute { self.assumeIsolated { $0.pull() } }
        if !isTaken { self.isWoken.store(false, ordering: .releasing) }
    }

    // MARK: On the thread

    private func join(_ connection: SRTConnection) {
        if self.reader == nil {
            self.reader = self.stream.attach(from: .latestGroup) { [weak self] in self?.wake() }
            self.idleSince = .now()
        }
        self.viewers.append(SRTViewer(connection, now: .now()))
        self.pull()
    }

    private func finish() {
        self.reader?.detach()
        self.reader = nil
        self.executor.shutdown()
    }

    private func pull() {
        self.isWoken.store(false, ordering: .releasing)
        while let item = self.reader?.next() { self.take(item) }
        self.serveAll()
    }

    private func take(_ item: StreamItem) {
        switch item {
        case .frame(let frame):
            self.idleSince = .now()
            self.append(self.feed.write(frame))
        case .tracks(let tracks):
            self.append(self.feed.rest())
            self.log.forgetKeyframe()
            do throws(AVFailure) {
                try self.feed.begin(tracks)
            } catch {
                self.logger.warning("SRT viewers get nothing", metadata: ["stream": "\(self.stream.key)", "error": "\(error)"])
            }
            if !self.feed.leftOut.isEmpty {
                let names = self.feed.leftOut.map(\.rawValue).joined(separator: ", ")
                self.logger.notice("SRT viewers do not get everything", metadata: ["stream": "\(self.stream.key)", "leftOut": "\(names)"])
            }
        case .discontinuity:
            self.append(self.feed.rest())
            self.feed.skip()
        case .ended:
            self.append(self.feed.rest())
            self.feed.skip()
            self.log.forgetKeyframe()
        }
    }

    private func append(_ piece: TransportStreamFeed.Piece?) {
        guard let piece else { return }
        self.log.append(piece.bytes, kind: piece.kind == .video ? .video : .audio, time: piece.time, isStart: piece.isStart)
    }

    private func serveAll() {
        var isAnyBusy = false
        var gone: [SRTViewer] = []
        var shared = SRTViewer.SharedBatch()
        let now = NIODeadline.now()
        for viewer in self.viewers {
            switch viewer.serve(from: self.log, shared: &shared, now: now) {
            case .hasEverything: break
            case .isBusy: isAnyBusy = true
            case .isGone: gone.append(viewer)
            }
        }
        for viewer in gone { self.remove(viewer) }
        guard isAnyBusy, !self.isRetrying else { return }
        self.isRetrying = self.executor.execute(after: Self.retry) {
            self.assumeIsolated { this in
                this.isRetrying = false
                this.serveAll()
            }
        }
    }

    private func removeGone() {
        let now = NIODeadline.now()
        let gone = self.viewers.filter { viewer in
            viewer.hasWaited(for: self.idleLimit, since: self.idleSince, now: now) || viewer.connection.stopReason != nil
                || !viewer.connection.socket.isConnected
        }
        for viewer in gone { self.remove(viewer) }
    }

    private func remove(_ viewer: SRTViewer) {
        guard let index = self.viewers.firstIndex(where: { $0 === viewer }) else { return }
        self.viewers.remove(at: index)
        self.onLeave(self, viewer.connection, viewer.skips)
    }
}
