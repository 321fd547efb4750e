public import NIOCore

/// One message, its fragments put together.
public enum WebSocketMessage: Sendable, Equatable {
    /// Valid UTF-8.
    case text(String)
    case binary(ByteBuffer)
}

/// Why a connection was, or is to be, closed (RFC 6455 §7.4).
public struct WebSocketCloseCode: Sendable, Hashable, RawRepresentable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let normal = Self(rawValue: 1000)
    public static let goingAway = Self(rawValue: 1001)
    public static let protocolError = Self(rawValue: 1002)
    public static let unacceptable = Self(rawValue: 1003)
    /// Never sent: the client gave none.
    public static let none = Self(rawValue: 1005)
    /// Never sent: the connection broke.
    public static let broken = Self(rawValue: 1006)
    public static let notUTF8 = Self(rawValue: 1007)
    public static let policy = Self(rawValue: 1008)
    public static let tooLarge = Self(rawValue: 1009)
    public static let serverFault = Self(rawValue: 1011)
    public static let tryAgainLater = Self(rawValue: 1013)

    /// Whether a peer may send it.
    var isSendable: Bool {
        switch self.rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
