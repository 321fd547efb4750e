/// Who may call the REST API: addresses that are let in as they are, and whoever knows the token.
public struct AccessRule: Sendable {
    private let isAllowed: @Sendable (String) -> Bool
    private let isTrustedProxy: @Sendable (String) -> Bool
    private let token: [UInt8]

    /// - Parameters:
    ///   - isAllowed: whether a numeric address may call without a token.
    ///   - isTrustedProxy: whether what this address says in `X-Forwarded-For` is believed.
    ///   - token: empty when there is none; then only addresses count.
    public init(
        isAllowed: @escaping @Sendable (String) -> Bool, isTrustedProxy: @escaping @Sendable (String) -> Bool = { _ in false }, token: String = ""
    ) {
        self.isAllowed = isAllowed
        self.isTrustedProxy = isTrustedProxy
        self.token = Array(token.utf8)
    }

    /// - Parameters:
    ///   - remoteAddress: of the connection, without port.
    ///   - forwardedFor: the values of `X-Forwarded-For`, in order.
    ///   - authorization: the value of `Authorization`: `Bearer` and the token, or the token alone.
    ///   - origin: the value of `Origin`, which browsers send for pages of other sites.
    ///   - authority: host and port that were asked for.
    public func allows(
        remoteAddress: String?, forwardedFor: [String], authorization: String?, origin: String? = nil, authority: String? = nil
    ) -> Bool {
        if let authorization, self.knowsToken(authorization) { return true }
        // Any page that a browser on an allowed address shows could call: for pages from elsewhere the address is no proof.
        if let origin, !Self.isSameSite(origin, authority) { return false }
        guard let client = self.clientAddress(remoteAddress: remoteAddress, forwardedFor: forwardedFor) else { return false }
        return self.isAllowed(client)
    }

    /// Who is at the far end. Walks from the connection outwards as long as each hop is a proxy that is trusted; what lies beyond the first that is
    /// not could have been written by anybody.
    public func clientAddress(remoteAddress: String?, forwardedFor: [String]) -> String? {
        guard var client = remoteAddress else { return nil }
        var hops = forwardedFor.flatMap { $0.split(separator: ",") }.map { Self.bare($0) }
        while self.isTrustedProxy(client), let hop = hops.popLast() { client = hop }
        return client
    }

    /// An origin is a scheme, `://`, and host and port, or `null`.
    private static func isSameSite(_ origin: String, _ authority: String?) -> Bool {
        guard let authority, let colon = origin.firstIndex(of: ":"), origin[colon...].hasPrefix("://") else { return false }
        return origin[colon...].dropFirst(3).lowercased() == authority.lowercased()
    }

    /// Some proxies add a port.
    private static func bare(_ hop: Substring) -> String {
        let text = hop.filter { $0 != " " && $0 != "\t" && $0 != "\"" }
        if text.hasPrefix("[") { return String(text.dropFirst().prefix { $0 != "]" }) }
        return text.count(where: { $0 == ":" }) == 1 ? String(text.prefix { $0 != ":" }) : String(text)
    }

    private func knowsToken(_ authorization: String) -> Bool {
        guard !self.token.isEmpty else { return false }
        let prefix = "bearer "
        let given = authorization.lowercased().hasPrefix(prefix) ? authorization.dropFirst(prefix.count).drop { $0 == " " } : authorization[...]
        return Self.areEqual(Array(given.utf8), self.token)
    }

    /// Takes as long for a nearly right guess as for a wrong one; only the length shows.
    private static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for (mine, theirs) in zip(left, right) { difference |= mine ^ theirs }
        return difference == 0
    }
}
