import Glibc
import NIOCore

/// One player of a stream: its cursor into the message log and what it asked for. Confined to its connection's event loop.
///
/// Media goes to the socket directly as long as the channel holds nothing back; what the socket does not take is written through the channel, and
/// until that is done the player is given nothing more. A send through the channel's pipeline costs half as much again as the send itself.
final class RTMPPlayer {
    private unowned let connection: RTMPConnectionHandler
    private let channel: any Channel
    /// The channel's socket. Used only on the event loop that closes it, and only while the channel is active: it cannot be another's by then.
    private let socket: NIOBSDSocket.Handle?
    /// Its place in the lane.
    var slot = 0
    /// The first message it has not been given; nil until it has started.
    private(set) var cursor: Int?
    var isPaused = false {
        didSet { if oldValue && !self.isPaused { self.cursor = nil } }
    }
    var receivesVideo = true
    var receivesAudio = true
    /// How often it fell out of the log and started again.
    private(set) var skips = 0
    private var hasStarted = false

    init(connection: RTMPConnectionHandler, channel: any Channel, socket: NIOBSDSocket.Handle?) {
        self.connection = connection
        self.channel = channel
        self.socket = socket
    }

    /// Nothing that was written before waits in the channel.
    var canTakeMore: Bool { !self.isPaused && self.connection.unfinishedWrites == 0 && self.channel.isActive }
    var takesEverything: Bool { self.receivesVideo && self.receivesAudio }
    var wanted: (MessageLog.Kind) -> Bool {
        let (video, audio) = (self.receivesVideo, self.receivesAudio)
        return { $0 == .video ? video : audio }
    }

    /// Only while `canTakeMore`.
    func give(_ bytes: ByteBuffer, next: Int, isStart: Bool) {
        if isStart {
            if self.hasStarted { self.skips += 1 }
            self.hasStarted = true
        }
        self.cursor = next
        let sent = self.send(bytes)
        guard sent < bytes.readableBytes else { return }
        var rest = bytes
        rest.moveReaderIndex(forwardBy: sent)
        self.connection.writeMedia(rest)
    }

    /// Bytes the socket took; 0 also when it failed: the channel's own write will find out why.
    private func send(_ bytes: ByteBuffer) -> Int {
        guard let socket = self.socket else { return 0 }
        let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
        return bytes.withUnsafeReadableBytes { max(0, Glibc.send(socket, $0.baseAddress, $0.count, flags)) }
    }
}
