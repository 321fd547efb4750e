import CFFmpeg
import Media
import NIOCore

/// The video stream that is passed through: its track as far as it is known, and what turns its packets into frames.
struct VideoFeed {
    let index: Int
    let codec: Codec
    /// nil until the bitstream has told.
    private(set) var track: Track? {
        didSet { self.hasNewTrack = true }
    }
    /// Set by the packet in hand.
    private var hasNewTrack = false
    /// Frames go out from the first keyframe on.
    private(set) var hasStarted = false
    /// Packets that could not be used: before the first keyframe, or damaged.
    private(set) var skipped = 0
    /// How many packets since the last one that held a picture of the codec.
    private(set) var damagedInARow = 0
    /// Keyframes shown before this do not start it.
    private let startsAt: MediaTime?
    /// What the container says of its pictures.
    private let turn: PictureTurn
    /// It was in the middle of a group of pictures when reading began.
    private(set) var joinedLate = false
    private var rewriter: NALRewriter
    private var clock: PacketClock
    private var start: UntimedStart

    init(index: Int, codec: Codec, stream: AVStream, turn: PictureTurn, startsAt: MediaTime? = nil) {
        self.index = index
        self.codec = codec
        self.startsAt = startsAt
        self.turn = turn
        let found = StreamTrack.video(codec, stream.codecpar.pointee)
        self.track = found.track?.turned(turn)
        self.rewriter = NALRewriter(codec: codec, lengthSize: found.lengthSize)
        let rate = stream.avg_frame_rate.num > 0 ? stream.avg_frame_rate : stream.r_frame_rate
        let step = rate.num > 0 && rate.den > 0 ? 1_000_000 * Int64(rate.den) / Int64(rate.num) : 40_000
        let reordering = min(max(Int(stream.codecpar.pointee.video_delay), 0), 16)
        self.clock = PacketClock(
            numerator: stream.time_base.num, denominator: stream.time_base.den, usualStep: MediaTime(microseconds: step), reordering: reordering)
        self.start = UntimedStart(step: MediaTime(microseconds: step), reordering: reordering)
    }

    /// The packet as a frame, unless there is none in it or it has to be skipped. Whether the track is another one from it on.
    mutating func take(_ packet: borrowing Packet, slab: PayloadSlab, into output: inout [EncodedFrame]) -> Bool {
        let hasTime = packet.presentationTime != nil || packet.decodeTime != nil
        let (decode, offset) = self.clock.stamp(packet)
        self.hasNewTrack = false
        if packet.hasNewExtradata { self.adopt(packet.newExtradata()) }
        do throws(MediaError) {
            guard let (payload, isKeyframe) = try self.payload(of: packet, slab: slab) else { return self.hasNewTrack }
            self.damagedInARow = 0
            if !self.hasStarted {
                guard isKeyframe, self.track != nil, self.startsAt.map({ decode + offset >= $0 }) ?? true else {
                    self.skipped += 1
                    self.joinedLate = true
                    return self.hasNewTrack
                }
                self.hasStarted = true
            }
            let frame = EncodedFrame(
                track: .video, kind: .video, isKeyframe: isKeyframe, decodeTime: decode, compositionOffset: offset, payload: payload)
            self.start.take(frame, hasTime: hasTime, into: &output)
            return self.hasNewTrack
        } catch {
            self.skipped += 1
            self.damagedInARow += 1
            return self.hasNewTrack
        }
    }

    /// The end of the input.
    mutating func finish(into output: inout [EncodedFrame]) { self.start.finish(into: &output) }

    private mutating func payload(
        of packet: borrowing Packet, slab: PayloadSlab
    ) throws(MediaError) -> (payload: ByteBuffer, isKeyframe: Bool)? {
        let bytes = packet.bytes
        guard !bytes.isEmpty else { return nil }
        switch self.codec {
        case .h264, .hevc:
            let unit = try self.rewriter.rewrite(bytes, into: slab)
            if !unit.newParameterSets.isEmpty { try self.adopt(parameterSets: unit.newParameterSets) }
            guard unit.payload.readableBytes > 0 else { return nil }
            guard unit.hasPicture else { throw .invalidValue }
            // FFmpeg also marks recovery points (H.264 without IDR pictures), where decoders do start.
            return (unit.payload, unit.isRandomAccessPoint || (self.codec == .h264 && packet.isKeyframe))
        case .av1:
            // The temporal delimiter is the first unit or not there (AV1 specification §7.5).
            let start = bytes.count >= 2 && bytes[0] == 0x12 && bytes[1] == 0 ? 2 : 0
            let payload = slab.copy(UnsafeRawBufferPointer(rebasing: bytes[start...]))
            if packet.isKeyframe { try self.refresh(by: payload) }
            return payload.readableBytes > 0 ? (payload, packet.isKeyframe) : nil
        case .vp8, .vp9:
            let payload = slab.copy(bytes)
            let isKeyframe = self.codec == .vp8 ? try VP8KeyframeHeader.isKeyframe(payload) : try VP9KeyframeHeader.isKeyframe(payload)
            if isKeyframe { try self.refresh(by: payload) }
            return (payload, isKeyframe)
        case .aac, .opus, .mp3, .vorbis:
            return nil
        }
    }

    private mutating func adopt(parameterSets sets: [[UInt8]]) throws(MediaError) {
        guard let track = self.track else {
            self.track = try StreamTrack.track(self.codec, parameterSets: sets).turned(self.turn)
            return
        }
        if let changed = try track.refreshed(byParameterSets: sets) { self.track = changed }
    }

    private mutating func refresh(by payload: ByteBuffer) throws(MediaError) {
        if let track = self.track {
            if let changed = try track.refreshed(byKeyframe: payload) { self.track = changed }
        } else if self.codec == .av1, let header = try AV1SequenceHeader(temporalUnit: payload) {
            self.track = try Track(id: .video, codec: .av1, configuration: AV1Configuration(sequenceHeader: header).record).turned(self.turn)
        }
    }

    /// A container's new configuration in mid-stream (FLV's sequence header, a second sample description).
    private mutating func adopt(_ extradata: [UInt8]) {
        guard !extradata.isEmpty else { return }
        let found = StreamTrack.nalOrRecord(self.codec, extradata)
        guard let track = found.track else { return }
        self.track = track.turned(self.turn)
        self.rewriter = NALRewriter(codec: self.codec, lengthSize: found.lengthSize)
    }
}
