import AV
import Logging
import NIOCore
import SRT
import Streams

/// Who comes in, and what becomes of whom.
///
/// In the handshake only what can be said at once decides (`preview`), because libsrt's one receiving thread of the port waits for the answer. What
/// takes longer (a new broadcast's row) is asked when the connection stands (`admit`); who is refused then is disconnected.
extension SRTGateway {
    private enum Wish {
        case publish(PublishRequest)
        case play(PlayRequest)

        var id: String {
            switch self {
            case .publish(let request): request.id
            case .play(let request): request.id
            }
        }
    }

    private func wish(_ request: SRTListener.Request, transport: TransportMeter? = nil) throws(SRTStreamID.Failure) -> Wish {
        let said = try SRTStreamID(request.streamID)
        let app = said.app ?? self.configuration.apps.first ?? ""
        let parameters = said.parameters.map { (name: $0.name, value: $0.value) }
        switch said.mode {
        case .publish:
            return .publish(
                PublishRequest(
                    app: app, id: said.id, type: .srt, parameters: parameters, remoteAddress: request.remoteAddress, transport: transport))
        case .play:
            return .play(PlayRequest(app: app, id: said.id, parameters: parameters, remoteAddress: request.remoteAddress, type: .srt))
        }
    }

    // MARK: In the handshake

    /// On libsrt's thread.
    func decide(_ request: SRTListener.Request) -> SRTListener.Answer {
        do throws(SRTStreamID.Failure) {
            let wish = try self.wish(request)
            guard !self.connections.isFull else { return self.refuse(.overload, "too many connections", wish.id, request) }
            switch wish {
            case .publish(let publish):
                switch self.gate.preview(publish) {
                case .success(let preview): return .accept(passphrase: preview.passphrase)
                case .failure(let refusal): return self.refuse(refusal.rejection, refusal.rawValue, publish.id, request)
                }
            case .play(let play):
                switch self.playGate.preview(play) {
                case .success(let preview): return .accept(passphrase: preview.passphrase)
                case .failure(let refusal): return self.refuse(refusal.rejection, refusal.rawValue, play.id, request)
                }
            }
        } catch {
            return self.refuse(error.rejection, "\(error)", "?", request)
        }
    }

    private func refuse(_ rejection: SRTRejection, _ reason: String, _ id: String, _ request: SRTListener.Request) -> SRTListener.Answer {
        self.connections.refused(rejection)
        self.logger.notice(
            "SRT connection refused",
            metadata: ["stream": "\(Self.shown(id))", "peer": "\(request.remoteAddress)", "reason": "\(reason)", "code": "\(rejection.code)"])
        return .reject(rejection)
    }

    /// On the listener's thread: who was let in, but for the passphrase.
    func failed(_ request: SRTListener.Request, _ rejection: SRTRejection) {
        do throws(SRTStreamID.Failure) {
            _ = self.refuse(rejection, "passphrase", try self.wish(request).id, request)
        } catch {
            // The handshake has parsed the same text.
            self.connections.refused(rejection)
        }
    }

    /// For log lines and metrics. An id is the peer's text, and may hold the token that was meant to stand behind it.
    private static func shown(_ id: String) -> String {
        let isPlain = id.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard isPlain else { return "?" }
        return id.count <= 64 ? id : id.prefix(64) + "…"
    }

    // MARK: Behind it

    /// On the listener's thread.
    func accepted(_ socket: SRTSocket, _ request: SRTListener.Request) {
        let role: SRTConnection.Role
        let wish: Wish
        do throws(SRTStreamID.Failure) {
            wish = try self.wish(request)
            if case .publish = wish { role = .publisher } else { role = .viewer }
        } catch {
            // The handshake has parsed the same text.
            return socket.close()
        }
        let connection = self.connections.add(role, subject: Self.shown(wish.id), socket: socket)
        // Ends with the gate's answer; the gate has its own deadlines.
        Task {
            switch wish {
            case .publish(var publish):
                publish.transport = connection.meter
                await self.publish(publish, connection)
            case .play(let play):
                await self.play(play, connection)
            }
        }
    }

    private func publish(_ request: PublishRequest, _ connection: SRTConnection) async {
        switch await self.gate.admit(request, stop: { connection.stop($0) }) {
        case .failure(let refusal):
            self.dismiss(connection, refusal.rejection)
        case .success(let publisher):
            connection.admitted()
            let ingest = SRTIngest(
                connection: connection, publisher: publisher, idleTimeout: .nanoseconds(self.configuration.idleTimeout.nanoseconds),
                transcodesAudio: self.configuration.transcodesAudio, logger: self.logger(for: connection))
            // Nobody holds the executor: it ends its thread when the job has run.
            let isStarted = BlockingExecutor(name: "srt-publisher", waiting: 1).execute { self.run(ingest) }
            guard isStarted else {
                publisher.end(.lost)
                return self.dismiss(connection, .overload)
            }
        }
    }

    /// On the publisher's thread.
    private func run(_ ingest: SRTIngest) {
        ingest.logger.info("SRT publish started")
        ingest.connection.sample()
        var end = PublishEnd.lost
        do throws(SRTFailure) {
            // Short enough to leave soon when asked to.
            try ingest.connection.socket.waitWhenReceiving(milliseconds: 100)
            end = ingest.run()
        } catch {
            ingest.logger.debug("SRT connection was closed meanwhile", metadata: ["error": "\(error)"])
        }
        ingest.connection.sample()
        ingest.publisher.end(end)
        self.connections.remove(ingest.connection)
        ingest.logger.info("SRT publish ended", metadata: ["reason": "\(end)"])
    }

    private func play(_ request: PlayRequest, _ connection: SRTConnection) async {
        switch await self.playGate.admit(request) {
        case .failure(let refusal):
            self.dismiss(connection, refusal.rejection)
        case .success(let key):
            self.logger(for: connection).info("SRT play started")
            self.table.add(connection, to: key)
        }
    }

    private func dismiss(_ connection: SRTConnection, _ rejection: SRTRejection) {
        self.connections.refused(rejection)
        self.logger(for: connection).notice("SRT connection dismissed", metadata: ["code": "\(rejection.code)"])
        self.connections.remove(connection)
    }

    private func logger(for connection: SRTConnection) -> Logger {
        var logger = self.logger
        logger[metadataKey: "connection"] = "s\(connection.number)"
        logger[metadataKey: "peer"] = "\(connection.socket.remoteAddress):\(connection.socket.remotePort)"
        logger[metadataKey: "stream"] = "\(connection.subject)"
        return logger
    }
}

extension SRTStreamID.Failure {
    var rejection: SRTRejection {
        switch self {
        case .empty, .tooLong, .notText, .malformed: .badRequest
        case .unsupportedType: .unsupportedMedia
        case .unsupportedMode: .badMode
        }
    }
}

extension PublishRefusal {
    /// What the caller is told.
    var rejection: SRTRejection {
        switch self {
        case .unknownApp, .notRegistered: .notFound
        case .invalidID: .badRequest
        case .expired, .outsidePlannedWindow: .forbidden
        case .alreadyPublishing: .conflict
        case .notAuthorised: .unauthorized
        case .notALiveStream: .badMode
        case .tooManyStreams: .overload
        case .shuttingDown: .unavailable
        }
    }
}

extension PlayRefusal {
    var rejection: SRTRejection {
        switch self {
        case .unknownApp, .notFound: .notFound
        case .invalidID: .badRequest
        case .notAuthorised: .unauthorized
        case .playDisabled: .badMode
        case .tooManyViewers: .overload
        }
    }
}
