public import Media
public import NIOCore

/// What the body of an audio message says. All bytes are slices of the message.
public enum FLVAudio: Sendable, Equatable {
    /// AudioSpecificConfig or the Opus identification header, as `Media.Track` keeps it.
    case configuration(Codec, track: UInt8, record: ByteBuffer)
    case frame(Frame)
    case endOfSequence(Codec, track: UInt8)
    /// Enhanced RTMP's channel layout, behind its FourCC.
    case multichannel(Codec, track: UInt8, layout: ByteBuffer)
    /// A multitrack message, in its order; never nested.
    case tracks([FLVAudio])
    /// Well-formed, but nothing Martlet carries.
    case ignored(Reason)

    public struct Frame: Sendable, Equatable {
        public var codec: Codec
        /// 0 where the message is not a multitrack one.
        public var track: UInt8
        /// Added to the message's timestamp, from a ModEx header; 0...999,999.
        public var nanoseconds: UInt32
        public var data: ByteBuffer
    }

    public enum Reason: Sendable, Equatable {
        case empty
        /// A legacy sound format, e.g. 11 for Speex.
        case soundFormat(UInt8)
        case fourCC(UInt32)
        case packetType(UInt8)
        case multitrackType(UInt8)
    }

    /// Reads the body of a message of type 8: legacy FLV (E.4.2.1) and enhanced RTMP v2.
    public static func parse(_ payload: ByteBuffer) throws(FLVError) -> FLVAudio {
        var body = payload
        guard let first = body.readInteger(as: UInt8.self) else { return .ignored(.empty) }
        switch first >> 4 {
        case 10:
            guard let packetType = body.readInteger(as: UInt8.self) else { throw .truncated }
            guard body.readableBytes > 0 else { return .ignored(.empty) }
            switch packetType {
            case 0: return .configuration(.aac, track: 0, record: body)
            case 1: return .frame(Frame(codec: .aac, track: 0, nanoseconds: 0, data: body))
            default: return .ignored(.packetType(packetType))
            }
        case 2, 14:
            guard body.readableBytes > 0 else { return .ignored(.empty) }
            return .frame(Frame(codec: .mp3, track: 0, nanoseconds: 0, data: body))
        case 9: return try EnhancedAudioParser.parse(first, &body)
        case let format: return .ignored(.soundFormat(format))
        }
    }
}
