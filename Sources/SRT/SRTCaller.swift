import CSRT
import Synchronization

/// Connects to a listener somewhere else. One per attempt; the address has been checked by whoever gives it.
public final class SRTCaller: Sendable {
    /// How often a waiting call looks whether it is cancelled.
    private static let lookInterval: Int64 = 50

    private let address: SRTAddress
    private let parameters: SRTParameters
    private let isCancelled = Atomic<Bool>(false)

    public init(address: SRTAddress, parameters: SRTParameters) {
        self.address = address
        self.parameters = parameters
    }

    /// Ends a `connect` that is under way, and any later one. From any thread.
    public func cancel() { self.isCancelled.store(true, ordering: .releasing) }

    /// Blocks until the connection stands, at most for `milliseconds`. Sending on it does not wait (`SRTSocket.send`).
    public func connect(within milliseconds: Int) throws(SRTFailure) -> SRTSocket {
        try SRTLibrary.start()
        let id = srt_create_socket()
        guard id != SRT_INVALID_SOCK else { throw .last("create socket") }
        let socket = SRTSocket(id, remote: self.address)
        do throws(SRTFailure) {
            try self.parameters.apply(to: id)
            try SRTParameters.set(false, SRTO_RCVSYN, of: id)
            try SRTParameters.set(false, SRTO_SNDSYN, of: id)
            try SRTParameters.set(Int32(clamping: milliseconds), SRTO_CONNTIMEO, of: id)
            try self.connect(id, within: milliseconds)
            return socket
        } catch {
            socket.close()
            throw error
        }
    }

    private func connect(_ id: SRTSOCKET, within milliseconds: Int) throws(SRTFailure) {
        let poll = srt_epoll_create()
        defer { srt_epoll_release(poll) }
        var events = Int32(SRT_EPOLL_OUT.rawValue | SRT_EPOLL_ERR.rawValue)
        srt_epoll_add_usock(poll, id, &events)
        guard self.address.withPointer({ srt_connect(id, $0, $1) }) == 0 else { throw Self.refusal(of: id) ?? .last("connect") }
        // libsrt counts the time as well, and tells of its end by an event; the count here is for the case that it does not.
        var left = Int64(milliseconds) + 500
        var ready = SRT_EPOLL_EVENT()
        while left > 0 {
            if self.isCancelled.load(ordering: .acquiring) { throw SRTFailure(cause: .cancelled, operation: "connect", text: "cancelled") }
            _ = srt_epoll_uwait(poll, &ready, 1, Self.lookInterval)
            switch srt_getsockstate(id).rawValue {
            case SRTS_CONNECTED.rawValue: return
            case SRTS_BROKEN.rawValue, SRTS_CLOSING.rawValue, SRTS_CLOSED.rawValue, SRTS_NONEXIST.rawValue:
                throw Self.refusal(of: id) ?? SRTFailure(cause: .connectionLost, operation: "connect", text: "the connection did not come about")
            default: left -= Self.lookInterval
            }
        }
        throw SRTFailure(cause: .timedOut, operation: "connect", text: "nobody answered in time")
    }

    /// Why the peer, or libsrt, said no; nil when neither has.
    private static func refusal(of id: SRTSOCKET) -> SRTFailure? {
        let code = srt_getrejectreason(id)
        guard code > 0 else { return nil }
        let reason = SRTRejection(code: code)
        if reason == .timeout { return SRTFailure(cause: .timedOut, operation: "connect", text: "nobody answered in time") }
        return SRTFailure(cause: .rejected(reason), operation: "connect", text: "\(reason)")
    }
}
