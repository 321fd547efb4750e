import Media
import NIOCore

/// Enhanced RTMP audio bodies, `ExAudioTagHeader` and `ExAudioTagBody` of the specification.
enum EnhancedAudioParser {
    static func parse(_ first: UInt8, _ body: inout ByteBuffer) throws(FLVError) -> FLVAudio {
        var prelude = try EnhancedPrelude(packetType: first & 0x0F, &body)
        let (layout, rawLayout) = try prelude.readLayout(multitrack: EnhancedPrelude.multitrack.audio, &body)
        guard let layout else { return .ignored(.multitrackType(rawLayout)) }
        let shared = layout == .manyTracksManyCodecs ? nil : try body.readFourCC()
        if layout == .single, let shared { return Self.unit(prelude, shared, track: 0, body) }
        var tracks: [FLVAudio] = []
        while let next = try EnhancedPrelude.nextTrack(layout, shared: shared, &body) {
            tracks.append(Self.unit(prelude, next.fourCC, track: next.track, next.data))
            if layout == .oneTrack { break }
        }
        return layout == .oneTrack ? tracks.first ?? .ignored(.empty) : .tracks(tracks)
    }

    private static func unit(_ prelude: EnhancedPrelude, _ fourCC: FourCC, track: UInt8, _ data: ByteBuffer) -> FLVAudio {
        guard let codec = fourCC.codec, codec.kind == .audio else { return .ignored(.fourCC(fourCC.rawValue)) }
        switch prelude.packetType {
        case 0: return data.readableBytes > 0 ? .configuration(codec, track: track, record: data) : .ignored(.empty)
        case 1:
            guard data.readableBytes > 0 else { return .ignored(.empty) }
            return .frame(FLVAudio.Frame(codec: codec, track: track, nanoseconds: prelude.nanoseconds, data: data))
        case 2: return .endOfSequence(codec, track: track)
        case 4: return .multichannel(codec, track: track, layout: data)
        default: return .ignored(.packetType(prelude.packetType))
        }
    }
}
