public import NIOCore

/// What `onStatus` and the results of `connect` say: a level, a code programs read, a description people read.
public struct StatusMessage: Sendable, Hashable {
    public enum Level: String, Sendable { case status, warning, error }

    public var level: Level
    public var code: String
    public var description: String

    public init(_ level: Level, _ code: String, _ description: String) {
        self.level = level
        self.code = code
        self.description = description
    }

    public static func publishStart(_ id: String) -> Self { Self(.status, "NetStream.Publish.Start", "\(id) is now published.") }
    public static func publishBadName(_ why: String) -> Self { Self(.error, "NetStream.Publish.BadName", why) }
    public static func publishDenied(_ why: String) -> Self { Self(.error, "NetStream.Publish.Denied", why) }
    public static func failed(_ why: String) -> Self { Self(.error, "NetStream.Failed", why) }
    public static func unpublishSuccess(_ id: String) -> Self { Self(.status, "NetStream.Unpublish.Success", "\(id) is no longer published.") }
    public static func playReset(_ id: String) -> Self { Self(.status, "NetStream.Play.Reset", "Playing and resetting \(id).") }
    public static func playStart(_ id: String) -> Self { Self(.status, "NetStream.Play.Start", "Started playing \(id).") }
    public static func playStop(_ id: String) -> Self { Self(.status, "NetStream.Play.Stop", "Stopped playing \(id).") }
    public static func playFailed(_ why: String) -> Self { Self(.error, "NetStream.Play.Failed", why) }
    public static func streamNotFound(_ id: String) -> Self { Self(.error, "NetStream.Play.StreamNotFound", "No such stream: \(id).") }
    /// To viewers: the publisher has gone.
    public static func unpublishNotify(_ id: String) -> Self { Self(.status, "NetStream.Play.UnpublishNotify", "\(id) is now unpublished.") }
    /// To viewers who wait: the publisher has come.
    public static func publishNotify(_ id: String) -> Self { Self(.status, "NetStream.Play.PublishNotify", "\(id) is now published.") }
    public static var pauseNotify: Self { Self(.status, "NetStream.Pause.Notify", "Paused.") }
    public static var unpauseNotify: Self { Self(.status, "NetStream.Unpause.Notify", "Playing again.") }
    public static var seekFailed: Self { Self(.error, "NetStream.Seek.Failed", "A live stream has no other place to go to.") }
    public static var connectSuccess: Self { Self(.status, "NetConnection.Connect.Success", "Connection succeeded.") }
    public static func connectRejected(_ why: String) -> Self { Self(.error, "NetConnection.Connect.Rejected", why) }
    public static func connectClosed(_ why: String) -> Self { Self(.status, "NetConnection.Connect.Closed", why) }
    public static func callFailed(_ name: String) -> Self { Self(.error, "NetConnection.Call.Failed", "Unknown command: \(name).") }

    /// An `onStatus` command for a message stream; 0 speaks of the whole connection.
    public func bytes(messageStreamID: UInt32 = 1, chunkSize: Int) -> ByteBuffer {
        var out = ByteBuffer()
        self.write(messageStreamID: messageStreamID, chunkSize: chunkSize, into: &out)
        return out
    }

    var information: AMF0Object { ["level": .string(self.level.rawValue), "code": .string(self.code), "description": .string(self.description)] }

    func write(messageStreamID: UInt32, chunkSize: Int, into out: inout ByteBuffer) {
        RTMPCommand("onStatus", [.null, .object(self.information)]).write(
            chunkStreamID: ChunkStreamID.status, messageStreamID: messageStreamID, chunkSize: chunkSize, into: &out)
    }
}

extension RTMPCommand {
    func write(chunkStreamID: UInt32, messageStreamID: UInt32 = 0, chunkSize: Int, into out: inout ByteBuffer) {
        ChunkEncoder.write(
            payload: self.payload, timestamp: 0, type: .commandAMF0, chunkStreamID: chunkStreamID, messageStreamID: messageStreamID,
            chunkSize: chunkSize, into: &out)
    }
}
