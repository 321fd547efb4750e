import CFFmpeg

/// Looks at a file that somebody brought: whether it is media of the kind it is said to be, and whether it goes on to its end.
public enum FileCheck {
    /// Packets that are looked at for one of sound or picture; subtitles and data may come first.
    private static let mostPackets = 10_000

    /// Blocks, at most about as long as `limit`.
    ///
    /// - Parameters:
    ///   - path: absolute.
    ///   - formats: FFmpeg's names of the containers it may be. Lists of other files (`hls`, `concat`, `sdp`) are none: FFmpeg would open what they
    ///     name.
    ///   - interrupt: ends the look early; used for nothing else.
    /// - Throws: `invalidData` also for an mp4 whose index names bytes that the file does not have, `unsupported` when there is neither sound nor
    ///   picture in it.
    public static func run(
        path: String, formats: [String], within limit: Duration, interrupt: Interrupt = Interrupt()
    ) throws(AVFailure) -> MediaProbe {
        interrupt.arm(within: limit)
        defer { interrupt.disarm() }
        let demuxer = try Demuxer(path: path, options: ["format_whitelist": formats.joined(separator: ",")], interrupt: interrupt)
        guard demuxer.streams.contains(where: { $0.isVideoOrAudio }) else {
            throw AVFailure(cause: .unsupported, operation: "check file", text: "neither video nor audio in it")
        }
        guard demuxer.holdsWhatItsIndexNames else {
            throw AVFailure(cause: .invalidData, operation: "check file", text: "it ends before its media does")
        }
        let packet = try Packet()
        for _ in 0..<Self.mostPackets {
            guard try demuxer.read(into: packet) else { break }
            guard demuxer.streams.indices.contains(packet.streamIndex) else { continue }
            if demuxer.streams[packet.streamIndex].isVideoOrAudio, !packet.isCorrupt { return MediaProbe(demuxer) }
        }
        throw AVFailure(cause: .invalidData, operation: "check file", text: "nothing in it can be read")
    }
}

extension Demuxer {
    /// An mp4 whose index comes first says where its last sample lies, which a file that was cut off does not reach. True for all others.
    fileprivate var holdsWhatItsIndexNames: Bool {
        guard self.formatName.hasPrefix("mov"), let context = self.context, let io = context.pointee.pb else { return true }
        let size = avio_size(io)
        guard size > 0 else { return true }
        for index in 0..<Int(context.pointee.nb_streams) {
            guard let stream = context.pointee.streams[index] else { continue }
            let count = avformat_index_get_entries_count(stream)
            guard count > 0, let last = avformat_index_get_entry(stream, count - 1) else { continue }
            if last.pointee.pos >= size { return false }
        }
        return true
    }
}
