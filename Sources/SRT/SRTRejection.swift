import CSRT

/// Why a connection is turned away, as the caller is told in the handshake: libsrt's own reasons below 1000, those of the access control guidelines
/// from 1000 on (AccessControl.md, "Rejection codes"), which follow HTTP's.
public struct SRTRejection: Sendable, Hashable, CustomStringConvertible {
    public let code: Int32

    public init(code: Int32) {
        self.code = code
    }

    public static let badRequest = SRTRejection(code: SRT_REJX_BAD_REQUEST)
    public static let unauthorized = SRTRejection(code: SRT_REJX_UNAUTHORIZED)
    public static let overload = SRTRejection(code: SRT_REJX_OVERLOAD)
    public static let forbidden = SRTRejection(code: SRT_REJX_FORBIDDEN)
    public static let notFound = SRTRejection(code: SRT_REJX_NOTFOUND)
    public static let badMode = SRTRejection(code: SRT_REJX_BAD_MODE)
    public static let conflict = SRTRejection(code: SRT_REJX_CONFLICT)
    public static let unsupportedMedia = SRTRejection(code: SRT_REJX_NOTSUP_MEDIA)
    public static let internalError = SRTRejection(code: SRT_REJX_ISE)
    public static let unavailable = SRTRejection(code: SRT_REJX_DOWN)
    /// The passphrases differ.
    public static let badSecret = SRTRejection(code: Int32(SRT_REJ_BADSECRET.rawValue))
    /// One side has a passphrase and the other has none.
    public static let unsecure = SRTRejection(code: Int32(SRT_REJ_UNSECURE.rawValue))
    public static let timeout = SRTRejection(code: Int32(SRT_REJ_TIMEOUT.rawValue))

    /// What a caller may make of it.
    public enum Kind: Sendable {
        /// It is not wanted, or not as it introduced itself: the answer will be the same.
        case refusal
        /// Another time it may be let in.
        case temporary
        /// The two do not speak the same.
        case incompatible
    }

    public var kind: Kind {
        switch self.code {
        case Int32(SRT_REJ_SYSTEM.rawValue), Int32(SRT_REJ_RESOURCE.rawValue), Int32(SRT_REJ_BACKLOG.rawValue), Int32(SRT_REJ_IPE.rawValue),
            Int32(SRT_REJ_CLOSE.rawValue), Int32(SRT_REJ_TIMEOUT.rawValue):
            .temporary
        case Int32(SRT_REJ_ROGUE.rawValue), Int32(SRT_REJ_VERSION.rawValue), Int32(SRT_REJ_RDVCOOKIE.rawValue),
            Int32(SRT_REJ_MESSAGEAPI.rawValue)...Int32(SRT_REJ_GROUP.rawValue):
            .incompatible
        // As with HTTP, 5xx is the server's own trouble.
        case Self.overload.code, 1500..<2000: .temporary
        default: .refusal
        }
    }

    private static let words: [SRTRejection: String] = [
        .badRequest: "bad request", .unauthorized: "unauthorized", .overload: "overload", .forbidden: "forbidden", .notFound: "not found",
        .badMode: "bad mode", .conflict: "conflict", .unsupportedMedia: "unsupported media", .internalError: "internal error",
        .unavailable: "unavailable",
    ]

    public var description: String {
        if let words = Self.words[self] { return "\(words) (\(self.code))" }
        guard self.code >= 0, self.code < 1000 else { return "rejected (\(self.code))" }
        return "\(String(cString: srt_rejectreason_str(self.code))) (\(self.code))"
    }
}
