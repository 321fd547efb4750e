import CFFmpeg
import Media

/// Copies packets from files into another without decoding.
public enum Remux {
    /// What comes out: a plain file with its index in front.
    public enum Format: String, Sendable {
        case mp4
        case webM = "webm"

        var options: [String: String] {
            switch self {
            case .mp4: ["movflags": "+faststart", "avoid_negative_ts": "disabled"]
            case .webM: ["cues_to_front": "1", "avoid_negative_ts": "disabled"]
            }
        }
    }

    public struct Result: Sendable, Equatable {
        public var packets: Int
        /// Packets that FFmpeg called damaged or that had no time; left out.
        public var skipped: Int
    }

    /// Writes a plain file with the index in front (`faststart`). Its time starts at zero; streams of codecs that Martlet does not carry are left out.
    /// The source must give every packet a decode time, as mp4 does, or be of codecs that decode in the order of showing, as WebM is. The
    /// sink's file is read once more at the end, so it must stay in place until this returns.
    public static func faststart(
        from source: String, to sink: any ByteSink, path: String, format: Format = .mp4, interrupt: Interrupt = Interrupt(),
        onProgress: (Double) -> Void = { _ in }
    ) throws(AVFailure) -> Result {
        try self.join([source], to: sink, path: path, format: format, interrupt: interrupt, onProgress: onProgress)
    }

    /// The same of several files with the same tracks, one after the other without a gap.
    /// - Parameter onProgress: told now and then how much of the sources has been copied, 0…1; the index is moved to the front after that.
    public static func join(
        _ sources: [String], to sink: any ByteSink, path: String, format: Format = .mp4, interrupt: Interrupt = Interrupt(),
        onProgress: (Double) -> Void = { _ in }
    ) throws(AVFailure) -> Result {
        var result = Result(packets: 0, skipped: 0)
        var muxer: Muxer?
        // Microseconds; where the next source begins.
        var end: Int64 = 0
        for (place, source) in sources.enumerated() {
            let demuxer = try Demuxer(path: source, interrupt: interrupt)
            let (indices, streams) = Self.carried(demuxer)
            guard !streams.isEmpty else { throw AVFailure(cause: .invalidData, operation: "remux", text: "no stream to copy") }
            let output: Muxer
            if let present = muxer {
                guard present.streamCount == streams.count else {
                    throw AVFailure(cause: .invalidData, operation: "remux", text: "the files have different streams")
                }
                output = present
            } else {
                output = try Muxer(
                    format: format.rawValue, streams: streams, sink: sink, path: path, options: format.options, interrupt: interrupt)
                muxer = output
            }
            let start = demuxer.startTime?.microseconds ?? 0
            var clocks = streams.indices.map { index in
                StreamClock(from: streams[index].timescale, to: output.timescale(of: index), startMicroseconds: start - end)
            }
            while true {
                let packet = try Packet()
                guard try demuxer.read(into: packet) else { break }
                guard let index = indices[packet.streamIndex] else { continue }
                guard clocks[index].stamp(packet) else {
                    result.skipped += 1
                    continue
                }
                packet.raw.pointee.stream_index = Int32(index)
                try output.writeInterleaved(packet)
                result.packets += 1
                if result.packets.isMultiple(of: 256) { onProgress((Double(place) + demuxer.share) / Double(sources.count)) }
            }
            end = max(end, clocks.map(\.endMicroseconds).max() ?? end)
        }
        guard let muxer, result.packets > 0 else { throw AVFailure(cause: .invalidData, operation: "remux", text: "no packet to copy") }
        try muxer.finish()
        return result
    }

    /// The streams that are copied, and their places by those in the source.
    private static func carried(_ demuxer: Demuxer) -> (indices: [Int: Int], streams: [CodecParameters]) {
        var indices: [Int: Int] = [:]
        var streams: [CodecParameters] = []
        for (index, stream) in demuxer.streams.enumerated() where stream.codec != nil {
            indices[index] = streams.count
            streams.append(stream)
        }
        return (indices, streams)
    }

    /// Moves packet times from one clock to another, and to the common zero, with rising decode times whatever the file claims.
    private struct StreamClock {
        private let from: AVRational
        private let to: AVRational
        private let start: Int64
        private var last: Int64?
        private var end: Int64 = 0

        init(from: Int32, to: Int32, startMicroseconds: Int64) {
            self.from = AVRational(num: 1, den: from)
            self.to = AVRational(num: 1, den: to)
            // Rounded down, so that nothing is shown before zero.
            self.start = av_rescale_q_rnd(startMicroseconds, shim_time_base_q(), self.from, AV_ROUND_DOWN)
        }

        /// When what was stamped is over.
        var endMicroseconds: Int64 { av_rescale_q(self.end, self.to, shim_time_base_q()) }

        /// False when the packet is of no use.
        mutating func stamp(_ packet: borrowing Packet) -> Bool {
            guard !packet.isCorrupt, packet.byteCount > 0, let decode = packet.decodeTime else { return false }
            let presentation = packet.presentationTime ?? decode
            var dts = av_rescale_q(decode - self.start, self.from, self.to)
            let pts = av_rescale_q(presentation - self.start, self.from, self.to)
            if let last = self.last, dts <= last { dts = last + 1 }
            self.last = dts
            packet.raw.pointee.dts = dts
            packet.raw.pointee.pts = max(pts, dts)
            packet.raw.pointee.duration = av_rescale_q(packet.duration, self.from, self.to)
            packet.raw.pointee.pos = -1
            self.end = max(self.end, max(pts, dts) + packet.raw.pointee.duration)
            return true
        }
    }
}

extension Demuxer {
    /// How much of the file has been read, 0…1.
    fileprivate var share: Double {
        guard let io = self.context?.pointee.pb else { return 0 }
        let size = avio_size(io)
        // What avio_tell is: a macro for this.
        return size > 0 ? Double(avio_seek(io, 0, SEEK_CUR)) / Double(size) : 0
    }
}
