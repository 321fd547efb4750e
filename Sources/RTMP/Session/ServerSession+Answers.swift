import NIOCore

/// What the shell tells the session. Each call may queue orders; carry them out afterwards.
extension ServerSession {
    /// The publisher may publish: it is told so, and what it has sent meanwhile follows as orders.
    ///
    /// - Returns: false when this request is no longer waiting, because the client has left it: undo what was granted.
    public mutating func publishAccepted(_ request: Int) -> Bool {
        guard case .authorizingPublish(let pending) = self.phase, pending.request == request else { return false }
        self.phase = .publishing(Active(messageStreamID: pending.messageStreamID, id: pending.id))
        let status = StatusMessage.publishStart(pending.id)
        if self.wantsFCPublishStatus {
            self.command(
                RTMPCommand("onFCPublish", [.null, .object(status.information)]), chunkStreamID: ChunkStreamID.status,
                on: pending.messageStreamID)
        }
        self.send(.streamBegin(pending.messageStreamID))
        self.status(status, on: pending.messageStreamID)
        for order in self.early { self.order(order) }
        self.early = []
        self.earlyBytes = 0
        return true
    }

    /// The publisher is told why not, and the connection is closed. Returns false when the request is no longer waiting.
    @discardableResult
    public mutating func publishRefused(_ request: Int, _ status: StatusMessage) -> Bool {
        guard case .authorizingPublish(let pending) = self.phase, pending.request == request else { return false }
        self.status(status, on: pending.messageStreamID)
        self.close(.publishRefused(code: status.code))
        return true
    }

    /// The viewer is told that playing starts; send the stream's messages behind these orders. For an idle stream call it as well: the viewer
    /// then waits, and gets `StatusMessage.publishNotify` when somebody publishes.
    ///
    /// - Returns: false when this request is no longer waiting.
    public mutating func playAccepted(_ request: Int) -> Bool {
        guard case .authorizingPlay(let pending) = self.phase, pending.request == request else { return false }
        let id = pending.messageStreamID
        self.phase = .playing(Active(messageStreamID: id, id: pending.id))
        self.send(.streamBegin(id))
        if pending.resets { self.status(.playReset(pending.id), on: id) }
        self.status(.playStart(pending.id), on: id)
        // Flash players want to be granted access to the samples. They would like NetStream.Data.Start as well, but FFmpeg makes a track of that.
        self.data(["|RtmpSampleAccess", true, true], on: id)
        return true
    }

    /// The viewer is told why not, and the connection is closed. Returns false when the request is no longer waiting.
    @discardableResult
    public mutating func playRefused(_ request: Int, _ status: StatusMessage) -> Bool {
        guard case .authorizingPlay(let pending) = self.phase, pending.request == request else { return false }
        self.status(status, on: pending.messageStreamID)
        self.close(.playRefused(code: status.code))
        return true
    }

    /// Ends the connection from our side, whatever it does: replaced, stopped by the user, shutting down. No `endPublish` or `endPlay` follows,
    /// the shell knows.
    public mutating func stop(_ status: StatusMessage) {
        switch self.phase {
        case .publishing(let active), .playing(let active): self.status(status, on: active.messageStreamID)
        case .authorizingPublish(let pending), .authorizingPlay(let pending): self.status(status, on: pending.messageStreamID)
        case .closed: return
        case .waitingForConnect, .connected: break
        }
        self.status(.connectClosed(status.description), on: 0)
        self.close(.stopped(code: status.code))
    }

    private mutating func data(_ values: [AMF0Value], on messageStreamID: UInt32) {
        self.send { chunkSize, out in
            ChunkEncoder.write(
                payload: AMF0Encoder.encode(values), timestamp: 0, type: .dataAMF0, chunkStreamID: ChunkStreamID.data,
                messageStreamID: messageStreamID, chunkSize: chunkSize, into: &out)
        }
    }
}
