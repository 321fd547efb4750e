import NIOCore

/// What each command of a client does (RTMP 1.0 §7.2). Commands nobody knows are answered when they ask for an answer; none ends the session.
extension ServerSession {
    mutating func received(_ command: RTMPCommand, on messageStreamID: UInt32) {
        guard self.phase != .closed else { return }
        if command.name == "connect" { return self.receivedConnect(command) }
        guard self.connect != nil else { return self.answerUnknown(command) }
        switch command.name {
        case "createStream": self.receivedCreateStream(command)
        case "publish": self.receivedPublish(command, on: messageStreamID)
        case "play": self.receivedPlay(command, name: command.value(1)?.string, resets: Self.resets(command.value(4)), on: messageStreamID)
        case "play2":
            self.receivedPlay(command, name: command.value(1)?.object?["streamName"]?.string, resets: true, on: messageStreamID)
        case "FCPublish":
            self.wantsFCPublishStatus = true
            self.answer(command, [.null, .undefined])
        case "FCUnpublish":
            self.answer(command, [.null, .undefined])
            self.end(messageStreamID: nil, announces: true)
        case "closeStream": self.end(messageStreamID: messageStreamID == 0 ? nil : messageStreamID, announces: true)
        case "deleteStream": self.receivedDeleteStream(command)
        case "pause", "pauseRaw": self.receivedPause(command)
        case "receiveAudio": self.receivedSwitch(command) { .receiveAudio($0) }
        case "receiveVideo": self.receivedSwitch(command) { .receiveVideo($0) }
        case "seek": self.status(.seekFailed, on: messageStreamID)
        case "getStreamLength": self.answer(command, [.null, .number(0)])
        case "releaseStream", "_checkbw", "checkBandwidth", "FCSubscribe", "FCUnsubscribe": self.answer(command, [.null, .undefined])
        // Answers to commands we never sent.
        case "_result", "_error", "onStatus": return
        default: self.answerUnknown(command)
        }
    }

    // MARK: Connection

    private mutating func receivedConnect(_ command: RTMPCommand) {
        guard self.connect == nil else { return self.answerUnknown(command) }
        let request = ConnectRequest(command.value(0)?.object ?? AMF0Object())
        guard request.app.utf8.count + request.tcURL.utf8.count <= StreamAddress.longestText else {
            let status = StatusMessage.connectRejected("The address is too long.")
            self.command(RTMPCommand("_error", transaction: command.transaction, [.null, .object(status.information)]))
            return self.close(.connectRejected)
        }
        self.connect = request
        self.phase = .connected
        self.send(.windowAcknowledgementSize(self.configuration.windowAcknowledgementSize))
        self.send(.setPeerBandwidth(self.configuration.windowAcknowledgementSize))
        self.send(.setChunkSize(UInt32(self.configuration.chunkSize)))
        self.sendChunkSize = self.configuration.chunkSize
        self.answer(command, request.result)
    }

    /// Numbers are given out from 1 and used again, so that a player that comes back within its connection can have stream 1.
    private mutating func receivedCreateStream(_ command: RTMPCommand) {
        let free = (~self.createdStreams).trailingZeroBitCount
        guard free < UInt16.bitWidth else {
            let status = StatusMessage(.error, "NetConnection.Call.Failed", "Too many message streams.")
            return self.command(RTMPCommand("_error", transaction: command.transaction, [.null, .object(status.information)]))
        }
        self.createdStreams |= 1 << UInt16(free)
        self.answer(command, [.null, .number(Double(free + 1))])
    }

    private mutating func receivedDeleteStream(_ command: RTMPCommand) {
        guard let number = command.value(1)?.number, number >= 1, number <= Double(UInt32.max) else { return }
        let id = UInt32(number)
        if id <= UInt16.bitWidth { self.createdStreams &= ~(1 << UInt16(id - 1)) }
        self.end(messageStreamID: id, announces: false)
    }

    // MARK: Publish and play

    private mutating func receivedPublish(_ command: RTMPCommand, on messageStreamID: UInt32) {
        guard let connect = self.connect, case .connected = self.phase else {
            return self.status(.publishBadName("This connection already publishes or plays."), on: messageStreamID)
        }
        let name = command.value(1)?.string ?? ""
        guard let address = StreamAddress(app: connect.app, tcURL: connect.tcURL, name: name) else {
            self.status(.publishBadName("The stream name is too long."), on: messageStreamID)
            return self.close(.publishRefused(code: "NetStream.Publish.BadName"))
        }
        self.requests += 1
        self.phase = .authorizingPublish(Pending(request: self.requests, messageStreamID: messageStreamID, id: address.path.id))
        self.order(
            .authorizePublish(
                PublishCommand(
                    request: self.requests, path: address.path, parameters: address.parameters, kind: command.value(2)?.string ?? "live",
                    tcURL: connect.tcURL, userAgent: connect.userAgent, messageStreamID: messageStreamID)))
    }

    private mutating func receivedPlay(_ command: RTMPCommand, name: String?, resets: Bool, on messageStreamID: UInt32) {
        guard let connect = self.connect, case .connected = self.phase else {
            return self.status(.playFailed("This connection already publishes or plays."), on: messageStreamID)
        }
        guard messageStreamID == Self.playMessageStreamID else {
            return self.status(.playFailed("Only the first message stream of a connection can play."), on: messageStreamID)
        }
        guard let address = StreamAddress(app: connect.app, tcURL: connect.tcURL, name: name ?? "") else {
            self.status(.playFailed("The stream name is too long."), on: messageStreamID)
            return self.close(.playRefused(code: "NetStream.Play.Failed"))
        }
        self.requests += 1
        self.phase = .authorizingPlay(
            Pending(request: self.requests, messageStreamID: messageStreamID, id: address.path.id, resets: resets))
        self.order(
            .authorizePlay(
                PlayCommand(
                    request: self.requests, path: address.path, parameters: address.parameters, tcURL: connect.tcURL,
                    userAgent: connect.userAgent, fourCCs: connect.fourCCs)))
    }

    /// The fourth argument of `play`: a flag, or a number of which 0 and 2 keep what plays (RTMP 1.0 §7.2.2.1 and Flash Media Server).
    private static func resets(_ value: AMF0Value?) -> Bool {
        switch value {
        case .boolean(let flag): flag
        case .number(let number): number != 0 && number != 2
        default: true
        }
    }

    private mutating func receivedPause(_ command: RTMPCommand) {
        guard case .playing(let active) = self.phase, let pauses = command.value(1)?.boolean else { return }
        self.status(pauses ? .pauseNotify : .unpauseNotify, on: active.messageStreamID)
        self.send(pauses ? .streamEnd(active.messageStreamID) : .streamBegin(active.messageStreamID))
        self.order(.pause(pauses))
    }

    private mutating func receivedSwitch(_ command: RTMPCommand, _ order: (Bool) -> ServerOrder) {
        guard case .playing = self.phase, let isOn = command.value(1)?.boolean else { return }
        self.order(order(isOn))
    }

    /// Ends what happens on a message stream, or on whichever there is; nothing when that one carries nothing.
    private mutating func end(messageStreamID: UInt32?, announces: Bool) {
        func concerns(_ id: UInt32) -> Bool { messageStreamID == nil || messageStreamID == id }
        switch self.phase {
        case .authorizingPublish(let pending) where concerns(pending.messageStreamID):
            self.becomeConnected()
            self.order(.endPublish)
        case .publishing(let active) where concerns(active.messageStreamID):
            self.becomeConnected()
            if announces { self.status(.unpublishSuccess(active.id), on: active.messageStreamID) }
            self.order(.endPublish)
        case .authorizingPlay(let pending) where concerns(pending.messageStreamID):
            self.becomeConnected()
            self.order(.endPlay)
        case .playing(let active) where concerns(active.messageStreamID):
            self.becomeConnected()
            if announces { self.status(.playStop(active.id), on: active.messageStreamID) }
            self.order(.endPlay)
        default:
            return
        }
    }

    private mutating func becomeConnected() {
        self.phase = .connected
        self.early = []
        self.earlyBytes = 0
    }

    // MARK: Replies

    mutating func answer(_ command: RTMPCommand, _ values: [AMF0Value]) {
        guard command.transaction != 0 || command.name == "connect" || command.name == "createStream" else { return }
        self.command(RTMPCommand("_result", transaction: command.transaction, values))
    }

    private mutating func answerUnknown(_ command: RTMPCommand) {
        guard command.transaction != 0 else { return }
        // The name is the client's own; cut, so that what comes back cannot grow.
        let status = StatusMessage.callFailed(String(command.name.prefix(64)))
        self.command(RTMPCommand("_error", transaction: command.transaction, [.null, .object(status.information)]))
    }

    mutating func command(_ command: RTMPCommand, chunkStreamID: UInt32 = ChunkStreamID.command, on messageStreamID: UInt32 = 0) {
        self.send { chunkSize, out in
            command.write(chunkStreamID: chunkStreamID, messageStreamID: messageStreamID, chunkSize: chunkSize, into: &out)
        }
    }

    mutating func status(_ status: StatusMessage, on messageStreamID: UInt32) {
        self.send { chunkSize, out in status.write(messageStreamID: messageStreamID, chunkSize: chunkSize, into: &out) }
    }

    mutating func close(_ reason: ServerOrder.CloseReason) {
        self.order(.close(reason))
        self.phase = .closed
        self.early = []
        self.earlyBytes = 0
    }
}
