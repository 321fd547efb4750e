public import Media

/// Single pictures out of keyframes: a decoder for each, freed at once. Computes; belongs on a thread for work that blocks.
public enum StillPicture {
    /// Decodes a keyframe by itself.
    /// - Throws: `invalidData` when there is no picture in it, `unsupported` for codecs that this build of FFmpeg does not have.
    public static func decode(_ keyframe: EncodedFrame, of track: Track, into frame: borrowing DecodedFrame) throws(AVFailure) {
        let decoder = try Decoder(CodecParameters(track))
        let packet = try Packet(
            payload: keyframe.payload, streamIndex: 0, decodeTime: 0, presentationTime: 0, duration: 0, isKeyframe: true)
        try Self.decode(packet, with: decoder, into: frame)
    }

    /// The picture that one packet makes.
    static func decode(_ packet: borrowing Packet, with decoder: Decoder, into frame: borrowing DecodedFrame) throws(AVFailure) {
        try decoder.send(packet)
        // Decoders hold pictures back until they know their order.
        try decoder.finish()
        guard try decoder.receive(into: frame), frame.width > 0, frame.height > 0 else {
            throw AVFailure(cause: .invalidData, operation: "decode", text: "no picture in a keyframe")
        }
    }

    /// A keyframe as a picture file, upright and in its shape, at most `height` pixels high, and never higher than it is.
    public static func encode(
        _ keyframe: EncodedFrame, of track: Track, as format: PictureFormat, height: Int
    ) throws(AVFailure) -> [UInt8] {
        let frame = try DecodedFrame()
        try self.decode(keyframe, of: track, into: frame)
        let turn = frame.turn(told: track.video?.turn ?? .none)
        let size = frame.pictureSize(turn: turn, heightLimit: height)
        let canvas = try PictureCanvas(size, as: format)
        try canvas.draw(frame, size: size, turn: turn)
        return try canvas.encoded()
    }
}
