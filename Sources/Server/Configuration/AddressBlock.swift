import Glibc

/// A block of IP addresses in CIDR form, such as `10.0.0.0/8` or `fd00::/8`; a bare address is a block of one.
///
/// IPv4 addresses that arrive mapped into IPv6 (`::ffff:10.0.0.1`, as a dual-stack socket reports them) count as IPv4.
struct AddressBlock: Sendable, Equatable, CustomStringConvertible {
    /// As it was written.
    let description: String
    /// 4 or 16 bytes, network order.
    private let network: [UInt8]
    private let prefixLength: Int

    static let loopback = [AddressBlock("127.0.0.0/8"), AddressBlock("::1")].compactMap { $0 }

    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let network = Self.bytes(of: String(parts[0])) else { return nil }
        self.description = text
        self.network = network
        guard parts.count == 2 else {
            self.prefixLength = network.count * 8
            return
        }
        let digits = parts[1]
        guard !digits.isEmpty, digits.count <= 3, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let length = Int(digits),
            length <= network.count * 8
        else { return nil }
        self.prefixLength = length
    }

    /// Whether a numeric address, without port, lies in the block. A text that is no address lies in none.
    func contains(_ address: String) -> Bool {
        guard let bytes = Self.bytes(of: address), bytes.count == self.network.count else { return false }
        var rest = self.prefixLength
        for (mine, theirs) in zip(self.network, bytes) {
            guard rest > 0 else { return true }
            let mask: UInt8 = rest >= 8 ? 0xFF : ~(0xFF >> UInt8(rest))
            guard mine & mask == theirs & mask else { return false }
            rest -= 8
        }
        return true
    }

    private static func bytes(of text: String) -> [UInt8]? {
        // A link-local address may carry its interface: fe80::1%eth0.
        let address = text.prefix { $0 != "%" }
        var four = in_addr()
        if inet_pton(AF_INET, String(address), &four) == 1 {
            return withUnsafeBytes(of: &four) { Array($0) }
        }
        var sixteen = in6_addr()
        guard inet_pton(AF_INET6, String(address), &sixteen) == 1 else { return nil }
        let bytes = withUnsafeBytes(of: &sixteen) { Array($0) }
        let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        return isMapped ? Array(bytes.suffix(4)) : bytes
    }
}
