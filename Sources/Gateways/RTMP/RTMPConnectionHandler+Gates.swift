import Logging
import NIOCore
import RTMP
import Streams
import Synchronization

/// Asking the gates, and what their answers make of the connection.
extension RTMPConnectionHandler {
    func authorize(_ command: PublishCommand) {
        let path = command.path.under(self.gateway.configuration.apps)
        self.subject = Self.shortened(path.id)
        guard let context = self.context else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        let request = PublishRequest(
            app: path.app, id: path.id, type: .rtmp, parameters: Self.parameters(path, command.parameters), remoteAddress: self.remoteAddress,
            userAgent: command.userAgent)
        let gate = self.gateway.gate
        self.beginWaiting()
        // Ends with the gate's answer; the gate has its own deadlines. A publisher that was granted to a connection that has gone meanwhile ends
        // with the last reference to it.
        Task {
            let answer = await gate.admit(request) { reason in eventLoop.execute { bound.value.stop(reason) } }
            eventLoop.execute { bound.value.received(answer, for: command.request) }
        }
    }

    private func received(_ answer: Result<Publisher, PublishRefusal>, for request: Int) {
        switch answer {
        case .success(let publisher):
            guard self.context != nil, self.session.publishAccepted(request) else {
                publisher.end(.lost)
                return self.endWaiting()
            }
            self.role = .publisher(publisher, RTMPIngest(publisher: publisher))
            self.loop.addPublisher(self)
            self.logger.info("RTMP publish started", metadata: ["stream": "\(self.subject)"])
        case .failure(let refusal):
            self.gateway.counters.refused.wrappingAdd(1, ordering: .relaxed)
            self.logger.debug("RTMP publish refused", metadata: ["stream": "\(self.subject)", "reason": "\(refusal)"])
            self.session.publishRefused(request, refusal.status)
        }
        self.endWaiting()
    }

    func authorize(_ command: PlayCommand) {
        let path = command.path.under(self.gateway.configuration.apps)
        self.subject = Self.shortened(path.id)
        guard let context = self.context else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        let request = PlayRequest(
            app: path.app, id: path.id, parameters: Self.parameters(path, command.parameters), remoteAddress: self.remoteAddress)
        let gate = self.gateway.playGate
        self.beginWaiting()
        // Ends with the gate's answer, as above.
        Task {
            let answer = await gate.admit(request)
            eventLoop.execute { bound.value.received(answer, for: command.request) }
        }
    }

    private func received(_ answer: Result<StreamKey, PlayRefusal>, for request: Int) {
        switch answer {
        case .success(let key):
            guard let context = self.context, self.session.playAccepted(request) else { return self.endWaiting() }
            self.carryOutOrders()
            // A peer that has reset the connection shows with this first write, which ends everything before it returns.
            guard self.context != nil else { return self.endWaiting() }
            let fanOut = self.gateway.table.join(key)
            let lane = fanOut.lane(on: context.eventLoop, load: self.loop.load)
            // A player says little: a small buffer for what it says is enough.
            self.shrinkReadBuffer(context)
            let player = RTMPPlayer(connection: self, channel: context.channel, socket: self.socket)
            self.role = .player(player, lane, fanOut)
            self.logger.info("RTMP play started", metadata: ["stream": "\(self.subject)"])
            lane.add(player)
        case .failure(let refusal):
            self.gateway.counters.refused.wrappingAdd(1, ordering: .relaxed)
            self.logger.notice("RTMP play refused", metadata: ["stream": "\(self.subject)", "reason": "\(refusal)"])
            self.session.playRefused(request, refusal.status)
        }
        self.endWaiting()
    }

    private func shrinkReadBuffer(_ context: ChannelHandlerContext) {
        do {
            try context.channel.syncOptions?.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 256))
        } catch {
            self.logger.debug("RTMP connection was closed meanwhile", metadata: ["error": "\(error)"])
        }
    }

    /// `{id}/{token}/{subscriberId}/{subscriberCode}` says the same as query parameters of those names, which win.
    private static func parameters(_ path: StreamPath, _ query: [QueryParameter]) -> [(name: String, value: String)] {
        var parameters = query.map { (name: $0.name, value: $0.value) }
        for (name, value) in zip(["token", "subscriberId", "subscriberCode"], path.rest) where !parameters.contains(where: { $0.name == name }) {
            parameters.append((name: name, value: value))
        }
        return parameters
    }

    private static func shortened(_ id: String) -> String {
        id.count <= 64 ? id : id.prefix(64) + "…"
    }
}

extension PublishRefusal {
    /// What the publisher is told. Encoders show the description; NetStream.Publish.BadName is the code they all know.
    var status: StatusMessage {
        switch self {
        case .unknownApp: .publishBadName("There is no such application.")
        case .invalidID: .publishBadName("The stream id is not valid.")
        case .notRegistered: .publishBadName("The stream is not allowed: it is not registered.")
        case .expired: .publishBadName("The stream is not allowed: it has expired.")
        case .outsidePlannedWindow: .publishBadName("The stream is not allowed at this time.")
        case .alreadyPublishing: .publishBadName("The stream is being published already.")
        case .notAuthorised: .publishBadName("The stream is not allowed: not authorised.")
        case .notALiveStream: .publishBadName("The broadcast is not a live stream.")
        case .tooManyStreams: .publishBadName("The server takes no more streams.")
        case .shuttingDown: .publishBadName("The server is shutting down.")
        }
    }
}

extension PlayRefusal {
    var status: StatusMessage {
        switch self {
        case .unknownApp, .invalidID, .notFound: .streamNotFound("no such application or id")
        case .notAuthorised: .playFailed("Not authorised.")
        case .playDisabled: .playFailed("This server does not serve RTMP players.")
        case .tooManyViewers: .playFailed("Too many viewers.")
        }
    }
}
