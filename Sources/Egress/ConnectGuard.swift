import CConnectGuard
import NIOCore

/// Holds every connection that the current thread makes to an `AddressPolicy`, whoever makes it: libavformat follows redirects and nested
/// playlists, and looks names up again, without asking us. A refused call fails with `EACCES`. What this does not see (other threads, libsrt's
/// among them) is in docs/decisions/0012-guarded-connect.md.
public enum ConnectGuard {
    /// Runs `body` on this thread with every TCP connection and every addressed datagram checked. Within another call the inner policy counts
    /// until it returns.
    public static func run<T, E: Error>(_ policy: AddressPolicy, _ body: () throws(E) -> T) throws(E) -> T {
        try Self.run(allowing: { policy.refusal(of: $0) == nil }, body)
    }

    static func run<T, E: Error>(allowing isAllowed: @escaping (SocketAddress) -> Bool, _ body: () throws(E) -> T) throws(E) -> T {
        let judge = Judge(isAllowed)
        let outer = connect_guard_swap(
            connect_guard(
                verdict: { context, address, length in
                    // What cannot be judged is not contacted.
                    guard let context, let address else { return false }
                    return Unmanaged<Judge>.fromOpaque(context).takeUnretainedValue().allows(address, length: Int(length))
                },
                context: Unmanaged.passUnretained(judge).toOpaque()))
        if outer.verdict == nil { connect_guard_forget() }
        defer {
            _ = connect_guard_swap(outer)
            withExtendedLifetime(judge) {}
        }
        return try body()
    }

    /// The address and port that was refused last on this thread, for an error message: since the outermost `run` began, also after it has
    /// returned, or since `forgetRefused`. Nil: none was.
    public static var lastRefused: String? {
        var address = sockaddr_storage()
        let length = connect_guard_refused(&address)
        guard length > 0 else { return nil }
        return withUnsafeBytes(of: &address) { bytes in
            guard let base = bytes.baseAddress, let known = SocketAddress(base, length: Int(length), host: "") else {
                return "an address that is not of IP"
            }
            return known.plainText(withPort: true)
        }
    }

    /// Before the next thing is opened in one `run`.
    public static func forgetRefused() { connect_guard_forget() }

    /// A verdict behind a pointer that C can carry.
    private final class Judge {
        private let isAllowed: (SocketAddress) -> Bool

        init(_ isAllowed: @escaping (SocketAddress) -> Bool) { self.isAllowed = isAllowed }

        func allows(_ raw: UnsafePointer<sockaddr>, length: Int) -> Bool {
            guard let address = SocketAddress(UnsafeRawPointer(raw), length: length, host: "") else { return false }
            return self.isAllowed(address)
        }
    }
}
