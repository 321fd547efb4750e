import CFFmpeg

/// Looks at a file that somebody brought: whether it is media of the kind it is said to be, whether it goes on to its end, and whether its beginning can
/// be decoded. Never reads the whole of it.
public enum FileCheck {
    /// Packets that are looked at for one of sound or picture; subtitles and data may come first.
    private static let mostPackets = 10_000
    /// Keyframes that may be damaged before one can be decoded.
    private static let mostKeyframes = 3
    /// Packets of sound alone before the first sound, and of pictures before the first keyframe: decoders want some of them first.
    private static let mostLeading = 50

    /// Blocks, at most about as long as `limit`.
    ///
    /// - Parameters:
    ///   - path: absolute.
    ///   - formats: FFmpeg's names of the containers it may be. Lists of other files (`hls`, `concat`, `sdp`) are none: FFmpeg would open what they
    ///     name.
    ///   - interrupt: ends the look early; used for nothing else.
    ///   - onProgress: how much of the look is done, 0…1.
    /// - Throws: `invalidData` also for a file that ends before its media does, as far as its index or its header tells, and for one whose first
    ///   keyframes, or sounds where there are no pictures, cannot be decoded; `unsupported` when there is neither sound nor picture in it.
    public static func run(
        path: String, formats: [String], within limit: Duration, interrupt: Interrupt = Interrupt(), onProgress: (Double) -> Void = { _ in }
    ) throws(AVFailure) -> MediaProbe {
        interrupt.arm(within: limit)
        defer { interrupt.disarm() }
        let demuxer = try Demuxer(path: path, options: ["format_whitelist": formats.joined(separator: ",")], interrupt: interrupt)
        onProgress(0.5)
        guard demuxer.streams.contains(where: { $0.isVideoOrAudio }) else {
            throw AVFailure(cause: .unsupported, operation: "check file", text: "neither video nor audio in it")
        }
        guard demuxer.holdsWhatItsIndexNames, try ContainerEnd.isThere(path, formatName: demuxer.formatName) else {
            throw Self.broken("it ends before its media does")
        }
        onProgress(0.7)
        var probe = MediaProbe(demuxer)
        probe.hasPicture = try Self.decodeBeginning(of: demuxer)
        onProgress(1)
        return probe
    }

    private static func broken(_ text: String) -> AVFailure { AVFailure(cause: .invalidData, operation: "check file", text: text) }

    /// What can be made of a packet.
    private enum Look {
        case decoded
        /// It is damaged, or the decoder wants another one first.
        case nothing
        /// This build of FFmpeg has no decoder for it.
        case unknown
    }

    /// Whether there is a picture in it, which has been decoded then.
    private static func decodeBeginning(of demuxer: Demuxer) throws(AVFailure) -> Bool {
        let pictures = Set(demuxer.streams.indices.filter { demuxer.isMovingPicture($0) })
        let packet = try Packet()
        let frame = try DecodedFrame()
        var decoders: [Int: Decoder] = [:]
        // Of those that were tried.
        var failed = 0
        // Pictures that need others, which a file without a keyframe may begin with.
        var leading = 0
        var hasMedia = false
        for _ in 0..<Self.mostPackets {
            guard try demuxer.read(into: packet) else { break }
            let index = packet.streamIndex
            guard demuxer.streams.indices.contains(index), demuxer.streams[index].isVideoOrAudio, !packet.isCorrupt else { continue }
            hasMedia = true
            let look: Look
            if !pictures.contains(index) {
                guard pictures.isEmpty, demuxer.isSound(index) else { continue }
                look = try Self.next(packet, demuxer.streams[index], &decoders[index], into: frame)
            } else if packet.isKeyframe {
                look = try Self.picture(packet, demuxer.streams[index], into: frame)
            } else {
                guard leading < Self.mostLeading else { continue }
                leading += 1
                look = try Self.next(packet, demuxer.streams[index], &decoders[index], into: frame)
                if look == .nothing { continue }
            }
            switch look {
            case .decoded: return !pictures.isEmpty
            case .unknown: return false
            case .nothing: failed += 1
            }
            if failed >= (pictures.isEmpty ? Self.mostLeading : Self.mostKeyframes) { break }
        }
        guard hasMedia else { throw Self.broken("nothing in it can be read") }
        guard failed == 0, leading == 0 else {
            throw Self.broken(pictures.isEmpty ? "its sound cannot be decoded" : "its pictures cannot be decoded")
        }
        return false
    }

    private static func picture(
        _ packet: borrowing Packet, _ stream: CodecParameters, into frame: borrowing DecodedFrame
    ) throws(AVFailure) -> Look {
        do throws(AVFailure) {
            try StillPicture.decode(packet, with: Decoder(stream), into: frame)
            return .decoded
        } catch {
            return try Self.look(of: error)
        }
    }

    private static func next(
        _ packet: borrowing Packet, _ stream: CodecParameters, _ decoder: inout Decoder?, into frame: borrowing DecodedFrame
    ) throws(AVFailure) -> Look {
        do throws(AVFailure) {
            let present: Decoder
            if let decoder { present = decoder } else { present = try Decoder(stream) }
            decoder = present
            try present.send(packet)
            return try present.receive(into: frame) ? .decoded : .nothing
        } catch {
            return try Self.look(of: error)
        }
    }

    private static func look(of failure: AVFailure) throws(AVFailure) -> Look {
        switch failure.cause {
        case .unsupported: return .unknown
        case .outOfMemory, .cancelled, .timedOut: throw failure
        default: return .nothing
        }
    }
}

extension Demuxer {
    /// Not the cover of a record.
    fileprivate func isMovingPicture(_ index: Int) -> Bool {
        guard let stream = self.stream(index), self.streams[index].raw.pointee.codec_type == AVMEDIA_TYPE_VIDEO else { return false }
        return stream.disposition & AV_DISPOSITION_ATTACHED_PIC == 0
    }

    fileprivate func isSound(_ index: Int) -> Bool { self.streams[index].raw.pointee.codec_type == AVMEDIA_TYPE_AUDIO }

    /// An mp4 whose index comes first says where its last samples lie, which a file that was cut off does not reach. True for all others.
    fileprivate var holdsWhatItsIndexNames: Bool {
        guard self.formatName.hasPrefix("mov"), let context = self.context, let io = context.pointee.pb else { return true }
        let size = avio_size(io)
        guard size > 0 else { return true }
        for index in self.streams.indices where self.streams[index].isVideoOrAudio {
            guard index < Int(context.pointee.nb_streams), let stream = context.pointee.streams[index] else { continue }
            let count = avformat_index_get_entries_count(stream)
            guard count > 0, let last = avformat_index_get_entry(stream, count - 1) else { continue }
            if last.pointee.pos > size - Int64(last.pointee.size) { return false }
        }
        return true
    }
}
