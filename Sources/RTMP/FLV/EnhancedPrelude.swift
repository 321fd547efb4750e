import NIOCore

/// What enhanced audio and video messages have in common in front of their tracks: ModEx headers, the multitrack header, the FourCC.
struct EnhancedPrelude {
    var packetType: UInt8
    /// Added to the message's timestamp by a ModEx header of type 0.
    var nanoseconds: UInt32 = 0

    /// How the tracks of a multitrack message are laid out.
    enum Layout: Equatable {
        case single
        case oneTrack
        case manyTracks
        case manyTracksManyCodecs
    }

    static let multitrack: (video: UInt8, audio: UInt8) = (6, 5)
    static let modEx: UInt8 = 7

    /// Reads the ModEx headers, which may follow each other; unknown ones are skipped, as the specification asks.
    init(packetType: UInt8, _ body: inout ByteBuffer) throws(FLVError) {
        self.packetType = packetType
        while self.packetType == Self.modEx {
            guard let short = body.readInteger(as: UInt8.self) else { throw .truncated }
            var size = Int(short) + 1
            if size == 256 {
                guard let long = body.readInteger(as: UInt16.self) else { throw .truncated }
                size = Int(long) + 1
            }
            guard var data = body.readSlice(length: size), let next = body.readInteger(as: UInt8.self) else { throw .truncated }
            if next >> 4 == 0, let high = data.readInteger(as: UInt16.self), let low = data.readInteger(as: UInt8.self) {
                self.nanoseconds = min(999_999, UInt32(high) << 8 | UInt32(low))
            }
            self.packetType = next & 0x0F
        }
    }

    /// Reads the multitrack header when this is a multitrack message. nil for a layout of a later version.
    mutating func readLayout(multitrack: UInt8, _ body: inout ByteBuffer) throws(FLVError) -> (layout: Layout?, raw: UInt8) {
        guard self.packetType == multitrack else { return (.single, 0) }
        guard let byte = body.readInteger(as: UInt8.self) else { throw .truncated }
        self.packetType = byte & 0x0F
        switch byte >> 4 {
        case 0: return (.oneTrack, 0)
        case 1: return (.manyTracks, 1)
        case 2: return (.manyTracksManyCodecs, 2)
        case let other: return (nil, other)
        }
    }

    /// Reads the next track of the message: its codec, number and bytes. nil when there is none left.
    static func nextTrack(
        _ layout: Layout, shared: FourCC?, _ body: inout ByteBuffer
    ) throws(FLVError) -> (fourCC: FourCC, track: UInt8, data: ByteBuffer)? {
        guard body.readableBytes > 0 else { return nil }
        var fourCC = shared
        if layout == .manyTracksManyCodecs { fourCC = try body.readFourCC() }
        guard let fourCC, let track = body.readInteger(as: UInt8.self) else { throw .truncated }
        var length = body.readableBytes
        if layout != .oneTrack {
            guard let high = body.readInteger(as: UInt16.self), let low = body.readInteger(as: UInt8.self) else { throw .truncated }
            length = Int(high) << 8 | Int(low)
        }
        guard let data = body.readSlice(length: length) else {
            throw .trackLengthOutOfRange(claimed: length, available: body.readableBytes)
        }
        return (fourCC, track, data)
    }
}

extension ByteBuffer {
    mutating func readFourCC() throws(FLVError) -> FourCC {
        guard let value = self.readInteger(as: UInt32.self) else { throw .truncated }
        return FourCC(rawValue: value)
    }

    /// A big-endian signed 24-bit number: gortmplib@211799a, composition times below zero are real.
    mutating func readInt24() -> Int32? {
        guard let high = self.readInteger(as: Int16.self) else { return nil }
        guard let low = self.readInteger(as: UInt8.self) else {
            self.moveReaderIndex(to: self.readerIndex - 2)
            return nil
        }
        return Int32(high) << 8 | Int32(low)
    }
}
