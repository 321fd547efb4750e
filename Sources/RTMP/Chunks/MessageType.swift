/// The message type id of a chunk header (RTMP 1.0 §5.4, §7.1).
public struct MessageType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

    @inlinable public static var setChunkSize: Self { Self(rawValue: 1) }
    @inlinable public static var abort: Self { Self(rawValue: 2) }
    @inlinable public static var acknowledgement: Self { Self(rawValue: 3) }
    @inlinable public static var userControl: Self { Self(rawValue: 4) }
    @inlinable public static var windowAcknowledgementSize: Self { Self(rawValue: 5) }
    @inlinable public static var setPeerBandwidth: Self { Self(rawValue: 6) }
    @inlinable public static var audio: Self { Self(rawValue: 8) }
    @inlinable public static var video: Self { Self(rawValue: 9) }
    @inlinable public static var dataAMF3: Self { Self(rawValue: 15) }
    @inlinable public static var sharedObjectAMF3: Self { Self(rawValue: 16) }
    @inlinable public static var commandAMF3: Self { Self(rawValue: 17) }
    @inlinable public static var dataAMF0: Self { Self(rawValue: 18) }
    @inlinable public static var sharedObjectAMF0: Self { Self(rawValue: 19) }
    @inlinable public static var commandAMF0: Self { Self(rawValue: 20) }
    @inlinable public static var aggregate: Self { Self(rawValue: 22) }
}
