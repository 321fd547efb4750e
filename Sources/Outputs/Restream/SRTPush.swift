import NIOCore
import SRT
import Streams

/// A push over SRT: name lookup, handshake, a transport stream, and its end.
final class SRTPush: PushTransport {
    private enum Stage {
        case idle
        case lookingUp
        case connecting(SRTPushWorker)
        case open(SRTPushWorker, SRTPushFeed)
        case over
    }

    let attempt: UInt64
    private let target: SRTTarget
    private let context: PushAttempt
    private var stage = Stage.idle
    private var failure: DestinationFailure?
    private var rate = MediaRate()

    private var eventLoop: any EventLoop { self.context.eventLoop }

    init(_ target: SRTTarget, _ attempt: PushAttempt) {
        self.attempt = attempt.number
        self.target = target
        self.context = attempt
    }

    // MARK: Orders

    func open() {
        guard case .idle = self.stage else { return }
        // Nobody need be bothered with what cannot be sent.
        if let problem = SRTPushFeed.problem(of: self.context.tracks) { return self.end(.unsupportedCodec(problem)) }
        self.stage = .lookingUp
        let route = self.context.network.route(host: self.target.host, port: self.target.port, isSecure: false, on: self.eventLoop)
        route.whenDone { result in
            guard case .lookingUp = self.stage else { return }
            switch result {
            case .success(let route): self.connect(route.addresses)
            case .failure(let error): self.end(.nameNotFound("\(error)"))
            }
        }
    }

    func send(_ items: [StreamItem]) -> Int {
        guard case .open(let worker, let feed) = self.stage else { return 0 }
        var bytes = ByteBuffer()
        for item in items { feed.write(item, into: &bytes) }
        if let problem = feed.problem {
            let failure = DestinationFailure.unsupportedCodec(problem)
            self.note(failure)
            self.context.report(.failed(failure))
            return 0
        }
        if bytes.readableBytes > 0 {
            self.rate.sent(bytes: bytes.readableBytes, for: items)
            worker.send(bytes, rate: self.rate.bytesPerSecond)
        }
        return bytes.readableBytes
    }

    func finish() {
        guard case .open(let worker, _) = self.stage else { return self.abort() }
        worker.finish()
    }

    func abort() {
        switch self.stage {
        case .idle, .lookingUp: self.end(.closedByPeer)
        case .connecting(let worker), .open(let worker, _): worker.abort()
        case .over: break
        }
    }

    func delivery() -> Delivery? {
        guard case .open(let worker, _) = self.stage else { return nil }
        return worker.delivery
    }

    // MARK: What the thread says

    private func connect(_ addresses: [SocketAddress]) {
        // These addresses and no others: a name looked up again might have others by then.
        let known = addresses.compactMap { address in address.withSockAddr { SRTAddress($0, length: $1) } }
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        let eventLoop = self.eventLoop
        let worker = SRTPushWorker(parameters: self.target.parameters) { event in eventLoop.execute { this.value.received(event) } }
        self.stage = .connecting(worker)
        let isStarted = worker.connect(to: known, within: Int(self.context.connectTimeout.nanoseconds / 1_000_000))
        if !isStarted { self.end(.connectFailed("no thread")) }
    }

    private func received(_ event: SRTPushWorker.Event) {
        switch event {
        case .connected:
            guard case .connecting(let worker) = self.stage else { return }
            self.stage = .open(worker, SRTPushFeed())
            // The handshake is all there is to accept.
            self.context.report(.connected)
            self.context.report(.accepted)
        case .sent(let count):
            self.context.report(.wrote(count))
        case .ended(let failure):
            self.end(failure)
        }
    }

    /// The first thing that goes wrong is the cause of what follows.
    private func note(_ failure: DestinationFailure) {
        if self.failure == nil { self.failure = failure }
    }

    private func end(_ failure: DestinationFailure) {
        if case .over = self.stage { return }
        self.stage = .over
        self.context.lease.release()
        self.context.report(.closed(self.failure ?? failure))
    }
}
