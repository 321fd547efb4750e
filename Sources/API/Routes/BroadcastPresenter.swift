import Broadcasts

/// Makes what is shown of a broadcast: what is known of it, and how this server is reached.
struct BroadcastPresenter: Sendable {
    let app: String
    /// Empty: the name the client reached.
    let serverName: String
    let hostAddress: String
    let srtPort: Int?

    func show(_ view: BroadcastView, to call: APICall) -> BroadcastDTO {
        let host =
            if !self.serverName.isEmpty { self.serverName } else if let host = call.host { host } else if !self.hostAddress.isEmpty {
                self.hostAddress
            } else { "127.0.0.1" }
        return BroadcastDTO(view: view, app: self.app, host: host, srtPort: self.srtPort)
    }

    /// The host of an authority without its port; nil when it holds anything a host name or address cannot.
    static func host(ofAuthority authority: String?) -> String? {
        guard let authority, !authority.isEmpty, authority.utf8.count <= 255 else { return nil }
        let host: Substring
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[...end]
        } else {
            host = authority.prefix { $0 != ":" }
        }
        let isPlain = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"): true
            default: false
            }
        }
        return isPlain && !host.isEmpty ? String(host) : nil
    }
}
