import CSRT
import Glibc
import Synchronization

/// Takes connections at one port. Who may connect is decided before the handshake ends; those that may are handed over by a thread of the listener.
public final class SRTListener: Sendable {
    /// What a caller has said.
    public struct Request: Sendable {
        /// As sent, at most 512 bytes; not necessarily text.
        public var streamID: [UInt8]
        /// Without port.
        public var remoteAddress: String
    }

    /// Let in by `decide`, and not accepted yet.
    private struct Expected {
        let request: Request
        let isEncrypted: Bool
        let since = ContinuousClock.now
    }

    public enum Answer: Sendable {
        /// With the passphrase that this connection must know; nil: the listener's.
        case accept(passphrase: String?)
        case reject(SRTRejection)
    }

    private static let backlog: Int32 = 128
    /// How often the thread looks whether it is to stop, and calls `onTick` at least.
    private static let lookInterval: Int64 = 100
    /// Who was let in and does not exist after so long has failed; libsrt ends the handshake in the same moment, one way or the other.
    private static let patience = Duration.milliseconds(300)
    /// Of those that are let in and not accepted at one moment, so many are remembered; more are turned away.
    private static let mostExpected = 1_024

    private let parameters: SRTParameters
    private let decide: @Sendable (Request) -> Answer
    private let accepted: @Sendable (SRTSocket, Request) -> Void
    private let failed: @Sendable (Request, SRTRejection) -> Void
    private let onTick: @Sendable () -> Void
    private let expected = Mutex<[SRTSOCKET: Expected]>([:])
    private let isStopping = Atomic<Bool>(false)
    private let whenStopped = Mutex<(isStopped: Bool, waiting: [@Sendable () -> Void])>((false, []))

    /// - Parameters:
    ///   - decide: called on libsrt's thread for the whole port, which nobody's packets pass meanwhile: looks into memory, waits for nothing.
    ///   - accepted: called on the listener's thread with each connection that came about, and what `decide` was asked for it; must not block.
    ///   - failed: called there with each that `decide` let pass and libsrt turned away after that, which it does for a passphrase only: wrong or
    ///     missing (`badSecret`), or one where none is asked for (`unsecure`).
    ///   - onTick: called there about ten times a second.
    public init(
        parameters: SRTParameters, decide: @escaping @Sendable (Request) -> Answer, accepted: @escaping @Sendable (SRTSocket, Request) -> Void,
        failed: @escaping @Sendable (Request, SRTRejection) -> Void = { _, _ in }, onTick: @escaping @Sendable () -> Void = {}
    ) {
        self.parameters = parameters
        self.decide = decide
        self.accepted = accepted
        self.failed = failed
        self.onTick = onTick
    }

    /// Begins to listen, once. Returns the port, which differs from the one given when that is 0.
    public func start(host: String, port: Int) throws(SRTFailure) -> Int {
        try SRTLibrary.start()
        guard let address = SRTAddress(resolving: host, port: port) else {
            throw SRTFailure(cause: .invalidParameter, operation: "listen", text: "no address \(host)")
        }
        let socket = srt_create_socket()
        guard socket != SRT_INVALID_SOCK else { throw .last("create socket") }
        do throws(SRTFailure) {
            return try self.listen(socket, at: address)
        } catch {
            srt_close(socket)
            throw error
        }
    }

    private func listen(_ socket: SRTSOCKET, at address: SRTAddress) throws(SRTFailure) -> Int {
        try self.parameters.apply(to: socket)
        // Accepted connections are as their listener is: nothing waits unless it is asked to.
        try SRTParameters.set(false, SRTO_RCVSYN, of: socket)
        try SRTParameters.set(false, SRTO_SNDSYN, of: socket)
        if address.isIPv6 { try SRTParameters.set(0 as Int32, SRTO_IPV6ONLY, of: socket) }
        guard address.withPointer({ srt_bind(socket, $0, $1) }) == 0 else { throw .last("bind") }
        guard srt_listen_callback(socket, Self.hook, Unmanaged.passUnretained(self).toOpaque()) == 0 else { throw .last("set callback") }
        guard srt_listen(socket, Self.backlog) == 0 else { throw .last("listen") }
        let port = Self.localPort(of: socket) ?? address.port
        // The thread holds the listener, and closes the socket before it lets go: no callback comes after that.
        guard SRTThread.start(name: "srt-listener", { self.run(socket) }) else {
            throw SRTFailure(cause: .library, operation: "listen", text: "no thread")
        }
        return port
    }

    /// Takes no more connections; those that are there stay. `done` is called, on the listener's thread, when the port is free again.
    public func stop(_ done: @escaping @Sendable () -> Void) {
        self.isStopping.store(true, ordering: .releasing)
        let isStopped = self.whenStopped.withLock { state in
            if !state.isStopped { state.waiting.append(done) }
            return state.isStopped
        }
        if isStopped { done() }
    }

    // MARK: The thread

    private func run(_ socket: SRTSOCKET) {
        let poll = srt_epoll_create()
        var events = Int32(SRT_EPOLL_IN.rawValue | SRT_EPOLL_ERR.rawValue)
        srt_epoll_add_usock(poll, socket, &events)
        var ready = SRT_EPOLL_EVENT()
        while !self.isStopping.load(ordering: .acquiring) {
            let told = srt_epoll_uwait(poll, &ready, 1, Self.lookInterval)
            // Also when nothing was told: who came before the socket was watched is told by nobody. But libsrt complains when nobody is there.
            if told > 0 || self.expectedCount > 0 { self.acceptAll(socket) }
            self.reportFailed()
            self.onTick()
        }
        srt_close(socket)
        srt_epoll_release(poll)
        let waiting = self.whenStopped.withLock { state in
            defer { state = (true, []) }
            return state.waiting
        }
        for done in waiting { done() }
    }

    private func acceptAll(_ listener: SRTSOCKET) {
        while true {
            var storage = sockaddr_storage()
            var length = Int32(MemoryLayout<sockaddr_storage>.size)
            let id = withUnsafeMutablePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { srt_accept(listener, $0, &length) }
            }
            guard id != SRT_INVALID_SOCK else { return }
            let remote = withUnsafePointer(to: storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { SRTAddress($0, length: Int(length)) }
            }
            let socket = SRTSocket(id, remote: remote)
            // A handshake with several stream ids shows libsrt's callback another one than it leaves on the socket: what was decided would be
            // of the one, and its passphrase, and what is done of the other.
            guard let expected = self.expected.withLock({ $0.removeValue(forKey: id) }), Self.streamID(of: id) == expected.request.streamID else {
                socket.close()
                continue
            }
            self.accepted(socket, expected.request)
        }
    }

    /// How many are remembered.
    var expectedCount: Int { self.expected.withLock { $0.count } }

    /// libsrt judges passphrases after the callback, and tells nobody here of its answer: those that never came are gone.
    private func reportFailed() {
        let gone = self.expected.withLock { expected in
            let gone = expected.filter { ContinuousClock.now - $1.since > Self.patience && Self.isGone($0) }
            for id in gone.keys { expected[id] = nil }
            return gone.values
        }
        for one in gone { self.failed(one.request, one.isEncrypted ? .badSecret : .unsecure) }
    }

    private static func isGone(_ socket: SRTSOCKET) -> Bool {
        switch srt_getsockstate(socket).rawValue {
        case SRTS_BROKEN.rawValue, SRTS_CLOSING.rawValue, SRTS_CLOSED.rawValue, SRTS_NONEXIST.rawValue: true
        default: false
        }
    }

    // MARK: The callback

    // A C callback: no captures. `opaque` is the listener, which its thread keeps alive until the socket is closed.
    private static let hook: @convention(c) (UnsafeMutableRawPointer?, SRTSOCKET, Int32, UnsafePointer<sockaddr>?, UnsafePointer<CChar>?) -> Int32 = {
        opaque, socket, _, peer, streamID in
        guard let opaque else { return -1 }
        let listener = Unmanaged<SRTListener>.fromOpaque(opaque).takeUnretainedValue()
        return listener.answer(socket, peer, streamID)
    }

    private func answer(_ socket: SRTSOCKET, _ peer: UnsafePointer<sockaddr>?, _ streamID: UnsafePointer<CChar>?) -> Int32 {
        let text = streamID.map { start in Array(UnsafeRawBufferPointer(start: start, count: strnlen(start, SRTParameters.longestStreamID + 1))) }
        let request = Request(streamID: text ?? [], remoteAddress: SRTAddress(peer)?.host ?? "unknown")
        switch self.isStopping.load(ordering: .acquiring) ? .reject(.unavailable) : self.decide(request) {
        case .accept(let passphrase):
            do throws(SRTFailure) {
                if let passphrase { try SRTParameters.set(passphrase, SRTO_PASSPHRASE, of: socket) }
                let isEncrypted = (passphrase ?? self.parameters.passphrase) != nil
                let isRemembered = self.expected.withLock { expected in
                    guard expected.count < Self.mostExpected else { return false }
                    expected[socket] = Expected(request: request, isEncrypted: isEncrypted)
                    return true
                }
                guard !isRemembered else { return 0 }
                srt_setrejectreason(socket, SRTRejection.overload.code)
                return -1
            } catch {
                // A stored passphrase that libsrt does not take: nobody can know it.
                srt_setrejectreason(socket, SRTRejection.internalError.code)
                return -1
            }
        case .reject(let reason):
            srt_setrejectreason(socket, reason.code)
            return -1
        }
    }

    private static func streamID(of socket: SRTSOCKET) -> [UInt8] {
        withUnsafeTemporaryAllocation(byteCount: SRTParameters.longestStreamID + 1, alignment: 1) { buffer in
            var size = Int32(buffer.count)
            guard srt_getsockflag(socket, SRTO_STREAMID, buffer.baseAddress, &size) == 0 else { return [] }
            return Array(buffer.prefix(max(0, Int(size))))
        }
    }

    private static func localPort(of socket: SRTSOCKET) -> Int? {
        var storage = sockaddr_storage()
        var length = Int32(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard srt_getsockname(socket, address, &length) == 0 else { return nil }
                return SRTAddress(address, length: Int(length))?.port
            }
        }
    }
}
