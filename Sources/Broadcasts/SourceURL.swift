import Store

/// The rules for addresses that frames are pulled from.
enum SourceURL {
    static let longest = 4096

    /// What `streamSource` and `VoD` may pull: one of these schemes and something after it.
    static func isValid(_ url: String) -> Bool {
        Self.rest(of: url, after: ["http://", "https://", "rtmp://", "rtmps://", "rtsp://", "rtsps://", "udp://", "srt://"]) != nil
    }

    /// A camera: a URL, or a host with an optional port, path and query. A bare word is taken for a mistake; names need a dot.
    static func isValidCamera(_ address: String) -> Bool {
        if Self.rest(of: address, after: ["http://", "https://", "rtmp://", "rtmps://", "srt://", "rtsp://", "rtsps://", "udp://"]) != nil {
            return true
        }
        guard Self.isClean(address), !address.contains("://") else { return false }
        let host = Self.host(of: address)
        return Self.isIPv4(host) || Self.isIPv6(host) || Self.isName(host)
    }

    /// Whether a camera's address says where its stream is. `http(s)://host:port` alone, as a bare host, is where to ask for it by ONVIF.
    static func isPullableCamera(_ address: String) -> Bool {
        guard Self.isValid(address) else { return false }
        guard let rest = Self.rest(of: address, after: ["http://", "https://"]) else { return true }
        let path = rest.drop { $0 != "/" && $0 != "?" }.prefix { $0 != "?" }
        return path.utf8.count > 1 && !path.lowercased().hasPrefix("/onvif")
    }

    /// A live stream over HTTP comes at its own pace; a file comes as fast as the network lets it.
    static func looksLikeFile(_ url: String) -> Bool {
        guard Self.rest(of: url, after: ["http://", "https://"]) != nil else { return false }
        let path = url.prefix { $0 != "?" && $0 != "#" }.lowercased()
        return [".mp4", ".m4v", ".webm", ".mkv", ".mov", ".flv"].contains { path.hasSuffix($0) }
    }

    /// Whether an item is to be paced: what comes over these protocols is, unless its type says that it is live.
    static func endsByItself(_ url: String, type: String?) -> Bool {
        guard Self.rest(of: url, after: ["http://", "https://"]) != nil else { return false }
        return ![BroadcastType.streamSource.rawValue, BroadcastType.ipCamera.rawValue, BroadcastType.liveStream.rawValue].contains(type ?? "")
    }

    /// Whether it can be opened a second time, to be looked at, without getting into its own way: who listens for one caller, or is bound to one
    /// port, has no room for that.
    static func canBeTried(_ url: String) -> Bool {
        Self.rest(of: url, after: ["http://", "https://", "rtmp://", "rtmps://", "rtsp://", "rtsps://"]) != nil
    }

    /// Contract 1.1: such a stream source is a VoD.
    static func makesVod(_ url: String) -> Bool {
        let lowered = url.lowercased()
        return lowered.hasPrefix("http") && ["mp4", "webm", "flv"].contains { lowered.hasSuffix($0) }
    }

    private static func rest(of url: String, after schemes: [String]) -> Substring? {
        guard Self.isClean(url) else { return nil }
        let lowered = url.lowercased()
        guard let scheme = schemes.first(where: { lowered.hasPrefix($0) }) else { return nil }
        let rest = url.dropFirst(scheme.count)
        guard let first = rest.utf8.first, first != UInt8(ascii: "/"), first != UInt8(ascii: "?") else { return nil }
        return rest
    }

    /// No control characters, no blanks at the ends, not endless.
    static func isClean(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= Self.longest else { return false }
        return !text.utf8.contains { $0 < 0x20 || $0 == 0x7F } && text.first != " " && text.last != " "
    }

    private static func host(of address: String) -> String {
        let head = address.prefix { $0 != "/" && $0 != "?" }
        if head.hasPrefix("[") { return String(head.dropFirst().prefix { $0 != "]" }) }
        // More than one colon without brackets can only be an IPv6 address.
        return head.count(where: { $0 == ":" }) > 1 ? String(head) : String(head.prefix { $0 != ":" })
    }

    private static func isIPv4(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { $0.utf8.allSatisfy { (48...57).contains($0) } && UInt8($0) != nil }
    }

    private static func isIPv6(_ host: String) -> Bool {
        host.contains(":") && host.utf8.count <= 45 && host.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
    }

    private static func isName(_ host: String) -> Bool {
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count > 1, host.utf8.count <= 253, labels.contains(where: { $0.contains { $0.isLetter } }) else { return false }
        return labels.allSatisfy { label in
            !label.isEmpty && label.utf8.count <= 63
                && label.utf8.allSatisfy { byte in
                    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "-")
                }
        }
    }
}
