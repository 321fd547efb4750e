public import NIOCore

/// The publishing dialogue, in the order of ffmpeg and OBS, which is what every server has been tried with.
extension ClientSession {
    private enum Transaction {
        static let connect: Double = 1
        static let releaseStream: Double = 2
        static let fcPublish: Double = 3
        static let createStream: Double = 4
        static let publish: Double = 5
        static let fcUnpublish: Double = 6
        static let deleteStream: Double = 7
    }

    mutating func sendConnect(now: NIODeadline) {
        var object: AMF0Object = [
            "app": .string(self.url.app), "type": "nonprivate", "flashVer": .string(self.configuration.flashVersion),
            "tcUrl": .string(self.url.tcURL),
        ]
        if !self.configuration.fourCCs.isEmpty {
            object.append("fourCcList", .strictArray(self.configuration.fourCCs.map { .string($0) }))
        }
        self.command("connect", Transaction.connect, [.object(object)])
        // Behind connect: no server can then read that one wrong.
        let size = self.configuration.chunkSize
        self.send { chunkSize, out in ControlMessage.setChunkSize(UInt32(clamping: size)).write(chunkSize: chunkSize, into: &out) }
        self.sendChunkSize = size
        self.enter(.connect, now: now)
    }

    mutating func received(_ command: RTMPCommand, now: NIODeadline) {
        switch command.name {
        case "_result": self.receivedResult(command, now: now)
        case "_error": self.receivedError(command)
        case "onStatus": self.receivedStatus(command, now: now)
        case "close": self.fail(.ended(code: "NetConnection.Connect.Closed", description: ""))
        // onBWDone, onFCPublish, _checkbw and whatever else servers say: no answer is expected by any of them.
        default: return
        }
    }

    /// Some servers answer with transaction 0; then the answer belongs to what we wait for.
    private func answers(_ command: RTMPCommand, _ transaction: Double) -> Bool {
        command.transaction == transaction || command.transaction == 0
    }

    private mutating func receivedResult(_ command: RTMPCommand, now: NIODeadline) {
        switch self.phase {
        case .connect where self.answers(command, Transaction.connect):
            let information = Self.information(command)
            if let code = information.code, code != "NetConnection.Connect.Success" {
                return self.fail(.refusedConnect(code: code, description: information.description))
            }
            self.command("releaseStream", Transaction.releaseStream, [.null, .string(self.url.key)])
            self.command("FCPublish", Transaction.fcPublish, [.null, .string(self.url.key)])
            self.command("createStream", Transaction.createStream, [.null])
            self.enter(.createStream, now: now)
        case .createStream where self.answers(command, Transaction.createStream):
            // An answer to releaseStream with transaction 0 has no number.
            guard let number = command.value(1)?.number, number >= 0, number <= Double(UInt32.max) else { return }
            self.messageStreamID = UInt32(number)
            self.command(
                "publish", Transaction.publish, [.null, .string(self.url.key), "live"], chunkStreamID: ChunkStreamID.audio,
                on: self.messageStreamID)
            self.enter(.publish, now: now)
        default:
            return
        }
    }

    private mutating func receivedError(_ command: RTMPCommand) {
        let information = Self.information(command)
        let code = information.code ?? ""
        switch self.phase {
        case .connect where self.answers(command, Transaction.connect):
            self.fail(.refusedConnect(code: code, description: information.description))
        case .createStream where command.transaction == Transaction.createStream, .publish where self.answers(command, Transaction.publish):
            self.fail(.refusedKey(code: code, description: information.description))
        default:
            // releaseStream and FCPublish are unknown to many.
            return
        }
    }

    private mutating func receivedStatus(_ command: RTMPCommand, now: NIODeadline) {
        let information = Self.information(command)
        guard let code = information.code else { return }
        let ends = code == "NetConnection.Connect.Closed" || code == "NetStream.Unpublish.Success"
        switch self.phase {
        case .publish where code == "NetStream.Publish.Start":
            self.enter(.publishing, now: now)
            self.order(.publishing)
        case .publishing where information.isError || ends:
            self.fail(.ended(code: code, description: information.description))
        case .connect where information.isError || ends:
            self.fail(.refusedConnect(code: code, description: information.description))
        case .createStream where information.isError || ends, .publish where information.isError || ends:
            self.fail(.refusedKey(code: code, description: information.description))
        default:
            return
        }
    }

    /// The last object among the values: servers disagree on whether a null stands before it.
    private static func information(_ command: RTMPCommand) -> (code: String?, description: String, isError: Bool) {
        let object = command.values.last { $0.object?["code"] != nil }?.object
        let level = object?["level"]?.string
        let code = object?["code"]?.string
        let saysError = code.map { $0.hasSuffix(".BadName") || $0.hasSuffix(".Denied") || $0.hasSuffix("Failed") || $0.hasSuffix(".Rejected") }
        return (code, object?["description"]?.string ?? "", level == "error" || saysError == true)
    }

    private mutating func command(
        _ name: String, _ transaction: Double, _ values: [AMF0Value], chunkStreamID: UInt32 = ChunkStreamID.command,
        on messageStreamID: UInt32 = 0
    ) {
        self.send { chunkSize, out in
            RTMPCommand(name, transaction: transaction, values).write(
                chunkStreamID: chunkStreamID, messageStreamID: messageStreamID, chunkSize: chunkSize, into: &out)
        }
    }

    /// What to say before hanging up; empty when no stream was created. Late bytes are ignored from here on.
    public mutating func stop() -> ByteBuffer {
        var out = ByteBuffer()
        switch self.phase {
        case .publish, .publishing:
            RTMPCommand("FCUnpublish", transaction: Transaction.fcUnpublish, [.null, .string(self.url.key)]).write(
                chunkStreamID: ChunkStreamID.command, chunkSize: self.sendChunkSize, into: &out)
            RTMPCommand("deleteStream", transaction: Transaction.deleteStream, [.null, .number(Double(self.messageStreamID))]).write(
                chunkStreamID: ChunkStreamID.command, chunkSize: self.sendChunkSize, into: &out)
        default:
            break
        }
        self.phase = .closed
        self.deadline = nil
        return out
    }
}
