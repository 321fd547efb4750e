public import Media

/// What one platform takes, as its own pages for encoders say: where to push, and the limits that a stream should keep. Data only; nothing is
/// refused for it.
public struct PlatformPreset: Sendable, Equatable {
    /// Stable; in lower case.
    public var id: String
    public var name: String
    /// Where to push to, without the key; the first is the one to prefer.
    public var urls: [String]
    /// A URL's host that is one of these, or ends in `.` and one of these, is this platform's.
    public var hosts: [String]
    /// Seconds between keyframes that are asked for, and at most.
    public var keyframeInterval = 2.0
    public var longestKeyframeInterval = 4.0
    /// Bits per second.
    public var videoBitrate: Int
    public var audioBitrate: Int
    public var videoCodecs: [Codec] = [.h264]
    public var audioCodecs: [Codec] = [.aac]
    public var allowsBFrames = true
    /// Nothing is shown of pictures without sound.
    public var needsSound = true

    /// All that is known, the more particular hosts first.
    public static let all: [PlatformPreset] = [
        PlatformPreset(
            id: "youtube", name: "YouTube", urls: ["rtmps://a.rtmps.youtube.com:443/live2", "rtmp://a.rtmp.youtube.com/live2"],
            hosts: ["rtmps.youtube.com", "rtmp.youtube.com"], videoBitrate: 51_000_000, audioBitrate: 160_000, videoCodecs: [.h264, .hevc, .av1],
            audioCodecs: [.aac, .mp3]),
        PlatformPreset(
            id: "facebook", name: "Facebook Live", urls: ["rtmps://live-api-s.facebook.com:443/rtmp"], hosts: ["facebook.com"],
            videoBitrate: 6_000_000, audioBitrate: 128_000),
        PlatformPreset(
            id: "instagram", name: "Instagram Live", urls: ["rtmps://live-upload.instagram.com:443/rtmp"], hosts: ["instagram.com"],
            videoBitrate: 6_000_000, audioBitrate: 128_000),
        PlatformPreset(
            id: "kick", name: "Kick", urls: ["rtmps://fa723fc1b171.global-contribute.live-video.net:443/app"],
            hosts: ["fa723fc1b171.global-contribute.live-video.net"], longestKeyframeInterval: 2.5, videoBitrate: 8_000_000, audioBitrate: 160_000),
        PlatformPreset(
            id: "twitch", name: "Twitch",
            urls: ["rtmps://ingest.global-contribute.live-video.net:443/app", "rtmp://live.twitch.tv/app"],
            hosts: ["twitch.tv", "ingest.global-contribute.live-video.net", "contribute.live-video.net"], videoBitrate: 6_000_000,
            audioBitrate: 320_000),
        PlatformPreset(
            id: "ivs", name: "Amazon IVS", urls: [], hosts: ["global-contribute.live-video.net"], longestKeyframeInterval: 5, videoBitrate: 8_500_000,
            audioBitrate: 320_000, needsSound: false),
        PlatformPreset(
            id: "vimeo", name: "Vimeo", urls: ["rtmps://rtmp-global.cloud.vimeo.com:443/live", "rtmp://rtmp-global.cloud.vimeo.com/live"],
            hosts: ["cloud.vimeo.com"], videoBitrate: 20_000_000, audioBitrate: 320_000),
        PlatformPreset(
            id: "x", name: "X", urls: [], hosts: ["pscp.tv"], keyframeInterval: 3, longestKeyframeInterval: 3, videoBitrate: 12_000_000,
            audioBitrate: 128_000),
        PlatformPreset(
            id: "restream", name: "Restream.io", urls: ["rtmp://live.restream.io/live"], hosts: ["restream.io"], videoBitrate: 8_000_000,
            audioBitrate: 320_000, needsSound: false),
        PlatformPreset(
            id: "mux", name: "Mux", urls: ["rtmps://global-live.mux.com:443/app", "rtmp://global-live.mux.com:5222/app"],
            hosts: ["live.mux.com", "global-live.mux.com"],
            longestKeyframeInterval: 20, videoBitrate: 20_000_000, audioBitrate: 320_000, needsSound: false),
        PlatformPreset(
            id: "cloudflare", name: "Cloudflare Stream", urls: ["rtmps://live.cloudflare.com:443/live"], hosts: ["live.cloudflare.com"],
            longestKeyframeInterval: 10, videoBitrate: 12_000_000, audioBitrate: 320_000, needsSound: false),
    ]

    /// The platform that a URL leads to; nil when it is none of these, as most servers are.
    public static func of(url: String) -> PlatformPreset? {
        guard case .success(let target) = PushTarget.parse(url) else { return nil }
        let host = target.host.lowercased()
        return Self.all.first { preset in preset.hosts.contains { host == $0 || host.hasSuffix(".\($0)") } }
    }
}
