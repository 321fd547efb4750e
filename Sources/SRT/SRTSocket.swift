import CSRT
import Glibc
import Synchronization

/// One connection. Its calls may come from any thread (libsrt sees to that); it is closed once, by whoever owns it or by letting go of it.
public final class SRTSocket: Sendable {
    public enum Received: Sendable, Equatable {
        /// A datagram of so many bytes.
        case datagram(Int)
        /// None came within the receive timeout.
        case nothing
        /// The peer said goodbye.
        case ended
        /// The peer is gone, or the socket was closed here.
        case lost
    }

    public enum Sent: Sendable, Equatable {
        case taken
        /// libsrt holds as much for this peer as it may; later.
        case full
        case lost
    }

    let id: SRTSOCKET
    /// Without port.
    public let remoteAddress: String
    public let remotePort: Int
    private let isClosed = Atomic<Bool>(false)

    init(_ id: SRTSOCKET, remote: SRTAddress?) {
        self.id = id
        self.remoteAddress = remote?.host ?? "unknown"
        self.remotePort = remote?.port ?? 0
    }

    deinit { self.close() }

    /// Ends it; what is on its way in either direction may be lost. Calling it again does nothing.
    public func close() {
        guard !self.isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        srt_close(self.id)
    }

    public var isConnected: Bool {
        !self.isClosed.load(ordering: .acquiring) && srt_getsockstate(self.id).rawValue == SRTS_CONNECTED.rawValue
    }

    /// From now on `receive` waits for so many milliseconds at most.
    public func waitWhenReceiving(milliseconds: Int) throws(SRTFailure) {
        try SRTParameters.set(true, SRTO_RCVSYN, of: self.id)
        try SRTParameters.set(Int32(clamping: milliseconds), SRTO_RCVTIMEO, of: self.id)
    }

    /// The next datagram. `buffer` must hold `SRTParameters.largestPayload`.
    public func receive(into buffer: UnsafeMutableRawBufferPointer) -> Received {
        guard let start = buffer.baseAddress, buffer.count >= SRTParameters.largestPayload else { return .lost }
        let count = srt_recvmsg(self.id, start.assumingMemoryBound(to: CChar.self), Int32(clamping: buffer.count))
        if count > 0 { return .datagram(Int(count)) }
        if count == 0 { return .ended }
        switch srt_getlasterror(nil) {
        case SRT_EASYNCRCV.rawValue, SRT_ETIMEOUT.rawValue: return .nothing
        default: return .lost
        }
    }

    /// Hands one datagram of at most `SRTParameters.payloadSize` to libsrt. Does not wait.
    public func send(_ datagram: UnsafeRawBufferPointer) -> Sent {
        guard let start = datagram.baseAddress, !datagram.isEmpty else { return .taken }
        let count = srt_sendmsg(self.id, start.assumingMemoryBound(to: CChar.self), Int32(clamping: datagram.count), -1, 1)
        if count >= 0 { return .taken }
        return srt_getlasterror(nil) == SRT_EASYNCSND.rawValue ? .full : .lost
    }

    /// What waits here until the peer has confirmed it was handed over within so many milliseconds. Media that was handed over in one go counts as
    /// nothing: see `SRTPace`.
    public var unconfirmedMilliseconds: Int {
        max(0, Int(srt_getsndbuffer(self.id, nil, nil)))
    }

    /// How many datagrams wait here until the peer has confirmed them; 0 when it is gone.
    public var unconfirmedDatagrams: Int {
        var count = 0
        return srt_getsndbuffer(self.id, &count, nil) >= 0 ? count : 0
    }

    /// Waits, at most so long, until what was sent is confirmed or the peer is gone. Blocks the calling thread.
    public func waitUntilConfirmed(milliseconds: Int) {
        var left = milliseconds
        while left > 0, self.isConnected, self.unconfirmedMilliseconds > 0 {
            Self.nap(milliseconds: 10)
            left -= 10
        }
    }

    /// Lets some time pass, for threads whose work is to feed a socket.
    public static func nap(milliseconds: Int) {
        var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        nanosleep(&time, nil)
    }

    /// How long the peer holds back what it gets, milliseconds.
    public var peerLatency: Int { Int(SRTParameters.number(SRTO_PEERLATENCY, of: self.id) ?? 0) }

    /// Nil once the connection is gone: ask while it lasts.
    public func statistics() -> SRTStatistics? {
        var raw = CBytePerfMon()
        guard self.isConnected, srt_bistats(self.id, &raw, 0, 1) == 0 else { return nil }
        return SRTStatistics(raw)
    }
}
