public import Media

/// The playlist of playlists (RFC 8216 §4.3.4). EXT-X-INDEPENDENT-SEGMENTS is left to the media playlists, as here it would promise it for all time.
public struct MultivariantPlaylist: Sendable {
    public struct Variant: Sendable {
        public var uri: String
        /// Peak bits per second.
        public var bandwidth: Int
        public var averageBandwidth: Int?
        public var tracks: [Track]
        /// Frames per second; nil takes what the video track's bitstream says.
        public var frameRate: Double?

        public init(uri: String, bandwidth: Int, averageBandwidth: Int?, tracks: [Track], frameRate: Double? = nil) {
            self.uri = uri
            self.bandwidth = bandwidth
            self.averageBandwidth = averageBandwidth
            self.tracks = tracks
            self.frameRate = frameRate
        }
    }

    public var variants: [Variant]

    public init(variants: [Variant]) { self.variants = variants }

    /// `query`, without question mark, is put behind every URI, after a query the URI may have already.
    public func render(query: String = "") -> String {
        var text = "#EXTM3U\n#EXT-X-VERSION:7\n"
        for variant in self.variants {
            text += "#EXT-X-STREAM-INF:\(Self.attributes(of: variant).joined(separator: ","))\n"
            let separator = query.isEmpty ? "" : variant.uri.contains("?") ? "&" : "?"
            text += "\(variant.uri)\(separator)\(query)\n"
        }
        return text
    }

    private static func attributes(of variant: Variant) -> [String] {
        var attributes = ["BANDWIDTH=\(max(1, variant.bandwidth))"]
        if let average = variant.averageBandwidth { attributes.append("AVERAGE-BANDWIDTH=\(max(1, average))") }
        var codecs: [String] = []
        for track in variant.tracks where !codecs.contains(track.codecParameter) { codecs.append(track.codecParameter) }
        if !codecs.isEmpty { attributes.append("CODECS=\"\(codecs.joined(separator: ","))\"") }
        if let video = variant.tracks.lazy.compactMap(\.video).first {
            if video.width > 0, video.height > 0 { attributes.append("RESOLUTION=\(video.shownWidth)x\(video.shownHeight)") }
            if let rate = variant.frameRate ?? video.frameRate { attributes.append("FRAME-RATE=\(DecimalFormat.thousandths(rate))") }
        }
        return attributes
    }
}
