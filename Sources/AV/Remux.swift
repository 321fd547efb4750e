import CFFmpeg
import Media

/// Copies packets from one file into another without decoding.
public enum Remux {
    public struct Result: Sendable, Equatable {
        public var packets: Int
        /// Packets that FFmpeg called damaged or that had no time; left out.
        public var skipped: Int
    }

    /// Writes a plain mp4 with the index in front (`faststart`). Its time starts at zero; streams of codecs that Martlet does not carry are left out.
    /// The source must give every packet a decode time, as mp4 does. The sink's file is read once more at the end, so
    /// it must stay in place until this returns.
    public static func faststart(
        from source: String, to sink: any ByteSink, path: String, interrupt: Interrupt = Interrupt()
    ) throws(AVFailure) -> Result {
        let demuxer = try Demuxer(path: source, interrupt: interrupt)
        var indices: [Int: Int] = [:]
        var streams: [CodecParameters] = []
        for (index, stream) in demuxer.streams.enumerated() where stream.codec != nil {
            indices[index] = streams.count
            streams.append(stream)
        }
        guard !streams.isEmpty else { throw AVFailure(cause: .invalidData, operation: "remux", text: "no stream to copy") }
        let muxer = try Muxer(
            format: "mp4", streams: streams, sink: sink, path: path,
            options: ["movflags": "+faststart", "avoid_negative_ts": "disabled"], interrupt: interrupt)
        let start = demuxer.startTime?.microseconds ?? 0
        var clocks = streams.indices.map { index in
            StreamClock(from: streams[index].timescale, to: muxer.timescale(of: index), startMicroseconds: start)
        }
        var result = Result(packets: 0, skipped: 0)
        while true {
            let packet = try Packet()
            guard try demuxer.read(into: packet) else { break }
            guard let index = indices[packet.streamIndex] else { continue }
            guard clocks[index].stamp(packet) else {
                result.skipped += 1
                continue
            }
            packet.raw.pointee.stream_index = Int32(index)
            try muxer.writeInterleaved(packet)
            result.packets += 1
        }
        guard result.packets > 0 else { throw AVFailure(cause: .invalidData, operation: "remux", text: "no packet to copy") }
        try muxer.finish()
        return result
    }

    /// Moves packet times from one clock to another, and to the common zero, with rising decode times whatever the file claims.
    private struct StreamClock {
        private let from: AVRational
        private let to: AVRational
        private let start: Int64
        private var last: Int64?

        init(from: Int32, to: Int32, startMicroseconds: Int64) {
            self.from = AVRational(num: 1, den: from)
            self.to = AVRational(num: 1, den: to)
            // Rounded down, so that nothing is shown before zero.
            self.start = av_rescale_q_rnd(startMicroseconds, shim_time_base_q(), self.from, AV_ROUND_DOWN)
        }

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
            return true
        }
    }
}
