import Broadcasts
import Media
import NIOCore
import Streams

/// The contract's viewer statistics (1.12), of one broadcast or of all.
struct StatisticsDTO: JSONWritable {
    var viewers: ViewerStatistics
    var isTotal: Bool

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("totalRTMPWatchersCount", self.viewers.rtmp)
            writer.member("totalHLSWatchersCount", self.viewers.hls)
            writer.member("totalWebRTCWatchersCount", self.viewers.webRTC)
            writer.member("totalDASHWatchersCount", self.viewers.dash)
            if self.isTotal { writer.member("activeLiveStreamCount", self.viewers.activeLiveStreams) }
        }
    }
}

/// The contract's BasicStreamInfo (1.13): what comes in, as published, or a rendition of it.
struct StreamInfoDTO: JSONWritable {
    var snapshot: StreamSnapshot

    func write(to writer: inout JSONWriter) {
        let video = self.snapshot.tracks.first { $0.kind == .video }
        writer.object { writer in
            writer.member("videoHeight", video?.video?.shownHeight ?? 0)
            writer.member("videoWidth", video?.video?.shownWidth ?? 0)
            // The hub counts what a publisher sends in one sum; sound is a small part of it where there are pictures.
            writer.member("videoBitrate", self.snapshot.videoBitrate)
            writer.member("audioBitrate", self.snapshot.audioBitrate)
            writer.member("videoCodec", video.map { Self.name(of: $0.codec) } ?? "NOVIDEO")
            self.writeHealth(to: &writer)
            if let transport = self.snapshot.transport { writer.member("transport", TransportDTO(figures: transport)) }
        }
    }

    private func writeHealth(to writer: inout JSONWriter) {
        let health = self.snapshot.health
        writer.member("bitrate1s", health.bitrateOfLastSecond)
        writer.member("bitrate10s", self.snapshot.bitrate)
        writer.member("bitrate60s", health.bitrateOfLastMinute)
        writer.member("fps", (self.snapshot.frameRate * 100).rounded() / 100)
        writer.member("keyframeIntervalMs", self.snapshot.keyframeInterval?.milliseconds ?? 0)
        writer.member("avSkewMs", health.skew?.milliseconds)
        writer.member("hasBFrames", health.hasReorderedPictures)
        writer.member("timestampRepairs", self.snapshot.timestampRepairs)
        writer.member("droppedFrames", self.snapshot.droppedFrames)
        writer.member("ingestGaps", health.gaps)
        writer.member("ingestGapMs", health.gapTime.nanoseconds / 1_000_000)
        writer.member("speed", (self.snapshot.speed * 1000).rounded() / 1000)
    }

    private static func name(of codec: Codec) -> String {
        switch codec {
        case .h264: "H264"
        case .hevc: "H265"
        case .av1: "AV1"
        case .vp8: "VP8"
        case .vp9: "VP9"
        case .aac, .opus, .mp3, .vorbis: "NOVIDEO"
        }
    }
}
