import API
import Broadcasts
import Gateways
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// Opens the publishers' doors, and closes them in good order: broadcasts first, so that recordings and destinations end with what was published.
struct DoorsService: Service {
    let gateway: RTMPGateway
    /// Nil where SRT is not offered.
    let srt: SRTGateway?
    let service: BroadcastService
    let readiness: Readiness
    /// Its listeners would hold HTTP open.
    let feed: EventFeed
    /// How long recordings and destinations may take to finish.
    let limit: TimeAmount
    let logger: Logger

    func run() async throws {
        let port = try await self.gateway.start()
        do {
            if let srt { self.readiness.srtIsListening(on: try srt.start()) }
        } catch {
            await self.gateway.stop()
            throw error
        }
        self.readiness.rtmpIsListening(on: port)
        do {
            try await gracefulShutdown()
        } catch is CancellationError {
            // Another service has failed: the same order applies.
            self.logger.warning("The server is being cancelled")
        }
        self.readiness.stopping()
        self.feed.close()
        self.logger.info("The server is stopping")
        await self.service.shutdown(within: self.limit)
        await self.srt?.stop()
        await self.gateway.stop()
    }
}

/// Which doors are open, for `/readyz` and for the one line that says so.
final class Readiness: Sendable {
    struct Ports: Sendable {
        var http: Int
        var rtmp: Int
        /// Nil where it is not offered.
        var srt: Int?
    }

    private struct State {
        var http: Int?
        var rtmp: Int?
        var srt: Int?
        var isStopping = false
    }

    private let state = Mutex(State())
    private let whenOpen: @Sendable (Ports) -> Void

    /// `whenOpen` is called once, when all doors are open.
    init(whenOpen: @escaping @Sendable (Ports) -> Void) {
        self.whenOpen = whenOpen
    }

    var isReady: Bool { self.state.withLock { $0.http != nil && $0.rtmp != nil && !$0.isStopping } }

    func httpIsListening(on port: Int) { self.opened { $0.http = port } }
    func rtmpIsListening(on port: Int) { self.opened { $0.rtmp = port } }
    /// To be told before RTMP's.
    func srtIsListening(on port: Int) { self.state.withLock { $0.srt = port } }
    func stopping() { self.state.withLock { $0.isStopping = true } }

    private func opened(_ note: (inout State) -> Void) {
        let ports: Ports? = self.state.withLock { state in
            note(&state)
            guard let http = state.http, let rtmp = state.rtmp else { return nil }
            return Ports(http: http, rtmp: rtmp, srt: state.srt)
        }
        if let ports { self.whenOpen(ports) }
    }
}
