public import NIOCore

/// Which addresses Martlet contacts on a user's word: the one place for everything that is pulled, probed or played from a URL.
///
/// Other machines may be contacted, also in private networks, where cameras live. This host itself, its link and the metadata services of
/// clouds may not: what listens there often trusts whoever comes from here.
public struct AddressPolicy: Sendable {
    /// What a URL is for.
    public enum Purpose: Sendable {
        case source
        case playlistItem
        case duration

        var schemes: Set<SourceAddress.Scheme> {
            switch self {
            case .source, .playlistItem, .duration: Set(SourceAddress.Scheme.allCases)
            }
        }
    }

    private let allowsLocal: Bool
    private let ownAddresses: @Sendable () -> [SocketAddress]

    /// - Parameters:
    ///   - allowsLocal: this host and its link may be contacted too; metadata services still may not.
    ///   - ownAddresses: of this host's interfaces, asked at every check.
    public init(allowsLocal: Bool, ownAddresses: @escaping @Sendable () -> [SocketAddress] = HostAddresses.current) {
        self.allowsLocal = allowsLocal
        self.ownAddresses = ownAddresses
    }

    /// Scheme, syntax and addresses that stand in the URL as such; nothing is looked up. Nil: go on to `resolve`.
    public func refusal(ofURL url: String, for purpose: Purpose) -> AddressRefusal? {
        do throws(AddressRefusal) {
            let source = try SourceAddress(url)
            guard purpose.schemes.contains(source.scheme) else { return .schemeNotAllowed(source.scheme.rawValue) }
            return self.refusal(of: source)
        } catch {
            return error
        }
    }

    /// As above, for a URL that was taken apart already.
    public func refusal(of source: SourceAddress) -> AddressRefusal? {
        if source.host.isEmpty { return nil }
        guard let literal = HostLookup.literal(source.host, port: source.port) else {
            return self.allowsLocal || !Self.isLocalName(source.host) ? nil : .addressNotAllowed(source.host)
        }
        return source.listens ? self.refusal(ofListeningOn: literal) : self.refusal(of: literal)
    }

    /// Whether this address may be contacted, by TCP or by datagrams.
    public func refusal(of address: SocketAddress) -> AddressRefusal? {
        guard let numeric = NumericAddress(address) else { return .addressNotAllowed(address.plainText(withPort: false)) }
        let isAllowed = numeric.inner.allSatisfy { form in
            switch form.reach {
            case .elsewhere: self.allowsLocal || !self.isOwn(form)
            case .thisHost, .thisLink: self.allowsLocal
            case .nobody, .metadata: false
            }
        }
        return isAllowed ? nil : .addressNotAllowed(address.plainText(withPort: false))
    }

    /// Looks the host up and checks every address it has; throws when one of them may not be contacted. Blocks as long as the system's resolver
    /// does. What it returns is to be used, not the name again: the name may have other addresses by then.
    public func resolve(host: String, port: Int) throws(AddressRefusal) -> [SocketAddress] {
        let addresses = try Self.lookUp(host, port)
        for address in addresses {
            if let refusal = self.refusal(of: address) { throw refusal }
        }
        return addresses
    }

    /// As above, for a URL. When it is one that listens (udp, srt in listener mode) the addresses are those to listen on; none: all.
    public func resolve(_ source: SourceAddress) throws(AddressRefusal) -> [SocketAddress] {
        if let refusal = self.refusal(of: source) { throw refusal }
        guard source.listens else { return try self.resolve(host: source.host, port: source.port) }
        guard !source.host.isEmpty else { return [] }
        let addresses = try Self.lookUp(source.host, source.port)
        for address in addresses {
            if let refusal = self.refusal(ofListeningOn: address) { throw refusal }
        }
        return addresses
    }

    /// Listening contacts nobody, so any address will do; loopback still reaches only what runs on this host.
    private func refusal(ofListeningOn address: SocketAddress) -> AddressRefusal? {
        guard !self.allowsLocal, let numeric = NumericAddress(address), numeric.inner.contains(where: \.isLoopback) else { return nil }
        return .addressNotAllowed(address.plainText(withPort: false))
    }

    private func isOwn(_ address: NumericAddress) -> Bool {
        self.ownAddresses().contains { NumericAddress($0) == address }
    }

    private static func lookUp(_ host: String, _ port: Int) throws(AddressRefusal) -> [SocketAddress] {
        do throws(HostLookup.Failure) {
            return try HostLookup.addresses(host: host, port: port)
        } catch {
            throw .nameNotFound(host)
        }
    }

    /// RFC 6761 §6.3: these names mean this host, whatever a name server says.
    private static func isLocalName(_ host: String) -> Bool {
        var name = host.lowercased()[...]
        if name.hasSuffix(".") { name.removeLast() }
        return name == "localhost" || name.hasSuffix(".localhost")
    }
}
