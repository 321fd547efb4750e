import Media
import NIOCore

/// Enhanced RTMP video bodies, `ExVideoTagHeader` and `ExVideoTagBody` of the specification.
enum EnhancedVideoParser {
    static func parse(_ first: UInt8, _ body: inout ByteBuffer) throws(FLVError) -> FLVVideo {
        let frameType = first >> 4 & 0x07
        var prelude = try EnhancedPrelude(packetType: first & 0x0F, &body)
        if frameType == 5, prelude.packetType != 4 { return .ignored(.command) }
        let (layout, rawLayout) = try prelude.readLayout(multitrack: EnhancedPrelude.multitrack.video, &body)
        guard let layout else { return .ignored(.multitrackType(rawLayout)) }
        let shared = layout == .manyTracksManyCodecs ? nil : try body.readFourCC()
        let header = Header(packetType: prelude.packetType, isKeyframe: frameType == 1, nanoseconds: prelude.nanoseconds)
        if layout == .single, let shared { return try header.unit(shared, track: 0, body) }
        var tracks: [FLVVideo] = []
        while let next = try EnhancedPrelude.nextTrack(layout, shared: shared, &body) {
            tracks.append(try header.unit(next.fourCC, track: next.track, next.data))
            if layout == .oneTrack { break }
        }
        return layout == .oneTrack ? tracks.first ?? .ignored(.empty) : .tracks(tracks)
    }

    private struct Header {
        var packetType: UInt8
        var isKeyframe: Bool
        var nanoseconds: UInt32

        func unit(_ fourCC: FourCC, track: UInt8, _ data: ByteBuffer) throws(FLVError) -> FLVVideo {
            if self.packetType == 4 { return .metadata(data) }
            guard let codec = fourCC.codec, codec.kind == .video else { return .ignored(.fourCC(fourCC.rawValue)) }
            switch self.packetType {
            case 0: return data.readableBytes > 0 ? .configuration(codec, track: track, record: data) : .ignored(.empty)
            case 1:
                var data = data
                var compositionTime: Int32 = 0
                if codec == .h264 || codec == .hevc {
                    guard let time = data.readInt24() else { throw .truncated }
                    compositionTime = time
                }
                return self.frame(codec, track, compositionTime, data)
            case 2: return .endOfSequence(codec, track: track)
            case 3: return self.frame(codec, track, 0, data)
            default: return .ignored(.packetType(self.packetType))
            }
        }

        private func frame(_ codec: Codec, _ track: UInt8, _ compositionTime: Int32, _ data: ByteBuffer) -> FLVVideo {
            guard data.readableBytes > 0 else { return .ignored(.empty) }
            return .frame(
                FLVVideo.Frame(
                    codec: codec, track: track, isKeyframe: self.isKeyframe, compositionTime: compositionTime, nanoseconds: self.nanoseconds,
                    data: data))
        }
    }
}
