/// The rule for broadcast ids, and new ones.
public enum StreamID {
    /// Characters; ids are part of file names and URLs.
    public static let longest = 256

    /// Literal segments of the API: a broadcast of that name could not be read back.
    static let reserved: Set<String> = [
        "count", "duration", "onvif-devices", "total-broadcast-statistics", "active-live-stream-count", "webrtc-send-low-level-stats",
        "webrtc-receive-low-level-stats", "create", "list", "bulk", "filter-list", "playlists", "validate-token", "conference-rooms",
    ]

    /// `A-Z a-z 0-9 - _ .`, 1 to 256 of them, no reserved word, and more than dots alone, which would name a directory.
    public static func isValid(_ id: String) -> Bool {
        let bytes = id.utf8
        guard !bytes.isEmpty, bytes.count <= Self.longest, !Self.reserved.contains(id) else { return false }
        var isOnlyDots = true
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "_"):
                isOnlyDots = false
            case UInt8(ascii: "."): break
            default: return false
            }
        }
        return !isOnlyDots
    }

    /// `count` letters and digits.
    static func random(_ count: Int) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
        return String(decoding: bytes, as: UTF8.self)
    }
}
