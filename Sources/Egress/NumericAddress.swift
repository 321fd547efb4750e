import NIOCore

/// An IP address as a number, without port and zone. Read from where `sockaddr_in` and `sockaddr_in6` have it on every system.
enum NumericAddress: Hashable, Sendable {
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)

    /// Who answers there.
    enum Reach: Sendable {
        case elsewhere
        case thisHost
        case thisLink
        /// Groups, broadcast and reserved ranges: nothing can be fetched from them.
        case nobody
        /// A cloud's service that hands this host's credentials to whoever asks from it.
        case metadata
    }

    /// Nil for sockets of the file system.
    init?(_ address: SocketAddress) {
        switch address {
        case .v4:
            let bits = address.withSockAddr { raw, _ in UnsafeRawPointer(raw).loadUnaligned(fromByteOffset: 4, as: UInt32.self) }
            self = .v4(UInt32(bigEndian: bits))
        case .v6:
            let (high, low) = address.withSockAddr { raw, _ in
                let raw = UnsafeRawPointer(raw)
                return (raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self), raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
            }
            self = .v6(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low))
        case .unixDomainSocket:
            return nil
        }
    }

    var reach: Reach {
        switch self {
        case .v4(let bits): Self.reach(ofV4: bits)
        case .v6(let high, let low): Self.reach(ofV6: high, low)
        }
    }

    var isLoopback: Bool {
        switch self {
        case .v4(let bits): bits >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }

    /// The address and every IPv4 address it carries: a kernel, a gateway or a tunnel on the way may send to that one.
    var inner: [NumericAddress] {
        guard case .v6(let high, let low) = self else { return [self] }
        func v4(_ bits: UInt64) -> NumericAddress { .v4(UInt32(truncatingIfNeeded: bits)) }
        let last = v4(low)
        switch (high, low >> 32) {
        // Mapped (RFC 4291 §2.5.5.2) and translated (RFC 2765 §2.1).
        case (0, 0xFFFF), (0, 0xFFFF_0000): return [self, last]
        // Compatible (RFC 4291 §2.5.5.1); :: and ::1 are themselves.
        case (0, 0) where low > 1: return [self, last]
        // NAT64, the well-known prefix (RFC 6052 §2.1).
        case (0x0064_FF9B_0000_0000, 0): return [self, last]
        default: break
        }
        if high >> 16 == 0x0064_FF9B_0001 { return [self] + Self.translated(high, low) }
        // 6to4 (RFC 3056 §2).
        if high >> 48 == 0x2002 { return [self, v4(high >> 16)] }
        // Teredo: the server, and the client with all its bits turned (RFC 4380 §4).
        if high >> 32 == 0x2001_0000 { return [self, v4(high), v4(~low)] }
        // ISATAP (RFC 5214 §6.1).
        if low >> 32 & 0xFDFF_FFFF == 0x5EFE { return [self, last] }
        return [self]
    }

    /// NAT64, the local prefix (RFC 8215). It may be cut at 48, 56, 64 or 96 bits, so there are four readings; byte 8 is left out of three of them
    /// (RFC 6052 §2.2). Those that begin with 0 are of a cut that is not meant.
    private static func translated(_ high: UInt64, _ low: UInt64) -> [NumericAddress] {
        let readings = [high << 16 | low >> 40 & 0xFFFF, high << 24 & 0xFF00_0000 | low >> 32 & 0xFF_FFFF, low >> 24, low]
        return readings.map { UInt32(truncatingIfNeeded: $0) }.filter { $0 >> 24 != 0 }.map { .v4($0) }
    }

    private static func reach(ofV4 bits: UInt32) -> Reach {
        switch bits {
        // Alibaba, Oracle, Azure; everybody else's is 169.254.169.254.
        case 0x6464_64C8, 0xC000_00C0, 0xA83F_8110, 0xA9FE_A9FE: return .metadata
        default: break
        }
        switch bits >> 24 {
        case 0, 127: return .thisHost
        case 169 where bits >> 16 == 0xA9FE: return .thisLink
        case 224...: return .nobody
        default: return .elsewhere
        }
    }

    private static func reach(ofV6 high: UInt64, _ low: UInt64) -> Reach {
        switch (high, low) {
        case (0, 0), (0, 1): return .thisHost
        // fd00:ec2::254 of Amazon, fd20:ce::254 of Google.
        case (0xFD00_0EC2_0000_0000, 0x254), (0xFD20_00CE_0000_0000, 0x254): return .metadata
        default: break
        }
        if high >> 54 == 0xFE80 >> 6 { return .thisLink }
        if high >> 56 == 0xFF { return .nobody }
        return .elsewhere
    }
}

extension SocketAddress {
    /// `192.0.2.1`, `fe80::1%2`, with a port `192.0.2.1:80`, `[fe80::1%2]:80`.
    func plainText(withPort: Bool) -> String {
        guard let address = self.ipAddress, let port = self.port else { return self.pathname ?? "?" }
        guard case .v6 = self else { return withPort ? "\(address):\(port)" : address }
        // sin6_scope_id.
        let zone = self.withSockAddr { raw, _ in UnsafeRawPointer(raw).loadUnaligned(fromByteOffset: 24, as: UInt32.self) }
        let whole = zone == 0 ? address : "\(address)%\(zone)"
        return withPort ? "[\(whole)]:\(port)" : whole
    }
}
