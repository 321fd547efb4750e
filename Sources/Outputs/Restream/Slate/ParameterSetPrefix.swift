import Media
import NIOCore

/// Puts a track's parameter sets before the first keyframe of it, beside their place in the configuration: a peer that keeps to the first configuration it was
/// told in a session, as FFmpeg's parsers do, finds those of another encoder there. A value without I/O.
struct ParameterSetPrefix {
    private var sets: [[UInt8]] = []

    /// The pictures that follow are of this track. Nothing is put before those of codecs that carry what they need themselves.
    mutating func begin(_ track: Track?) {
        self.sets = []
        guard let track else { return }
        do throws(MediaError) {
            switch track.codec {
            case .h264:
                let record = try AVCConfiguration(record: track.configuration)
                self.sets = record.sequenceParameterSets + record.pictureParameterSets
            case .hevc:
                let record = try HEVCConfiguration(record: track.configuration)
                self.sets = record.videoParameterSets + record.sequenceParameterSets + record.pictureParameterSets
            case .av1, .vp8, .vp9, .aac, .opus, .mp3, .vorbis: break
            }
        } catch {
            return  // a record that we cannot read goes to the peer as it is, and nothing with it
        }
    }

    /// The frame, with the sets before it if it is the one they belong to.
    mutating func pass(_ frame: EncodedFrame) -> EncodedFrame {
        guard !self.sets.isEmpty, frame.kind == .video, frame.isKeyframe else { return frame }
        defer { self.sets = [] }
        var passed = frame
        var payload = ByteBuffer()
        payload.reserveCapacity(self.sets.reduce(frame.payload.readableBytes) { $0 + $1.count + 4 })
        for set in self.sets {
            payload.writeInteger(UInt32(set.count))
            payload.writeBytes(set)
        }
        payload.writeImmutableBuffer(frame.payload)
        passed.payload = payload
        return passed
    }
}
