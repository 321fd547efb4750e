public import Media
public import NIOCore

/// What the body of a video message says. All bytes are slices of the message.
public enum FLVVideo: Sendable, Equatable {
    /// The codec's configuration record, in the form `Media.Track` keeps it.
    case configuration(Codec, track: UInt8, record: ByteBuffer)
    case frame(Frame)
    case endOfSequence(Codec, track: UInt8)
    /// AMF-coded metadata of enhanced RTMP, e.g. `colorInfo`.
    case metadata(ByteBuffer)
    /// A multitrack message, in its order; never nested.
    case tracks([FLVVideo])
    /// Well-formed, but nothing Martlet carries.
    case ignored(Reason)

    public struct Frame: Sendable, Equatable {
        public var codec: Codec
        /// 0 where the message is not a multitrack one.
        public var track: UInt8
        public var isKeyframe: Bool
        /// Milliseconds from decoding to presentation; negative in some streams.
        public var compositionTime: Int32
        /// Added to the message's timestamp, from a ModEx header; 0...999,999.
        public var nanoseconds: UInt32
        public var data: ByteBuffer
    }

    public enum Reason: Sendable, Equatable {
        case empty
        /// Seek markers and the like, frame type 5.
        case command
        /// A legacy codec number.
        case codec(UInt8)
        /// A FourCC nobody registered with us.
        case fourCC(UInt32)
        /// A packet type of a later version, or AV1's MPEG-2 TS descriptor.
        case packetType(UInt8)
        case multitrackType(UInt8)
    }

    /// Reads the body of a message of type 9: legacy FLV (E.4.3.1, with HEVC as codec 12, a common extension) and enhanced RTMP v1 and v2.
    public static func parse(_ payload: ByteBuffer) throws(FLVError) -> FLVVideo {
        var body = payload
        guard let first = body.readInteger(as: UInt8.self) else { return .ignored(.empty) }
        if first & 0x80 != 0 { return try EnhancedVideoParser.parse(first, &body) }
        guard first >> 4 != 5 else { return .ignored(.command) }
        switch first & 0x0F {
        case 7: return try Self.legacy(.h264, isKeyframe: first >> 4 == 1, &body)
        case 12: return try Self.legacy(.hevc, isKeyframe: first >> 4 == 1, &body)
        case let codec: return .ignored(.codec(codec))
        }
    }

    private static func legacy(_ codec: Codec, isKeyframe: Bool, _ body: inout ByteBuffer) throws(FLVError) -> FLVVideo {
        guard let packetType = body.readInteger(as: UInt8.self) else { throw .truncated }
        // Some encoders end the sequence with two bytes.
        if packetType == 2 { return .endOfSequence(codec, track: 0) }
        guard let compositionTime = body.readInt24() else { throw .truncated }
        guard body.readableBytes > 0 else { return .ignored(.empty) }
        switch packetType {
        case 0: return .configuration(codec, track: 0, record: body)
        case 1:
            return .frame(
                Frame(codec: codec, track: 0, isKeyframe: isKeyframe, compositionTime: compositionTime, nanoseconds: 0, data: body))
        default: return .ignored(.packetType(packetType))
        }
    }
}
