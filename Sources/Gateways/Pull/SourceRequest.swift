import AV
import Egress
import NIOCore

/// What libavformat is asked for a source's URL: instructions to us taken out of it, checked addresses in place of names where the protocol does
/// not need the name, and only the protocols that belong to its scheme.
struct SourceRequest {
    /// Query items of RTSP URLs that are for us.
    private static let instructions: Set<String> = ["allowed_media_types", "rtsp_transport", "transport"]

    let source: SourceAddress
    private let configuration: Puller.Configuration
    let wantsVideo: Bool
    let wantsAudio: Bool
    private let transport: Puller.RTSPTransport

    init(_ source: SourceAddress, configuration: Puller.Configuration) {
        self.configuration = configuration
        guard source.scheme == .rtsp || source.scheme == .rtsps else {
            (self.source, self.wantsVideo, self.wantsAudio, self.transport) = (source, true, true, configuration.rtspTransport)
            return
        }
        let types = source.queryValue("allowed_media_types")?.lowercased() ?? ""
        let namesVideo = types.contains("video")
        let namesAudio = types.contains("audio")
        // One that names neither is no wish at all.
        self.wantsVideo = namesVideo || !namesAudio
        self.wantsAudio = namesAudio || !namesVideo
        let wished = source.queryValue("rtsp_transport") ?? source.queryValue("transport")
        self.transport = wished.flatMap { Puller.RTSPTransport(rawValue: $0.lowercased()) } ?? configuration.rtspTransport
        self.source = source.removingQuery(Self.instructions)
    }

    /// The name is only needed where a server tells its hosts apart by it, or a certificate names it.
    var pinsAddress: Bool {
        switch self.source.scheme {
        case .rtsp, .rtmp, .srt, .udp: true
        case .rtsps, .rtmps, .http, .https: false
        }
    }

    /// - Parameter address: to use in place of the host.
    func request(pinnedTo address: SocketAddress?, openTimeout: Duration) -> InputRequest {
        let pinned = address.map { self.source.replacingHost(with: $0) } ?? self.source
        return InputRequest(
            url: pinned.text, protocols: self.protocols, options: self.options, analyzeDuration: self.configuration.analyzeDuration,
            openTimeout: openTimeout, readTimeout: self.configuration.readTimeout)
    }

    private var protocols: [String] {
        switch self.source.scheme {
        case .rtsp: ["rtp", "udp", "tcp"]
        case .rtsps: ["rtp", "udp", "tcp", "tls"]
        case .rtmp: ["rtmp", "tcp"]
        case .rtmps: ["rtmps", "tcp", "tls"]
        // HLS: playlists that refer to https, and segments encrypted with AES-128 (RFC 8216 §4.3.2.4).
        case .http, .https: ["http", "https", "tcp", "tls", "crypto"]
        case .srt: ["srt"]
        case .udp: ["udp"]
        }
    }

    /// Deadlines besides the interrupt's, which not all waits ask; reconnecting is ours alone.
    private var options: [String: String] {
        // Later than the interrupt's, which say what it was.
        let latest = max(self.configuration.openTimeout, self.configuration.readTimeout) + .seconds(1)
        let microseconds = "\(latest.milliseconds * 1_000)"
        switch self.source.scheme {
        case .rtsp, .rtsps:
            var options = ["timeout": microseconds, "allowed_media_types": self.mediaTypes, "user_agent": "Martlet"]
            switch self.transport {
            case .tcp: options["rtsp_transport"] = "tcp"
            case .udp: options["rtsp_transport"] = "udp"
            case .auto:
                options["rtsp_transport"] = "udp+tcp"
                options["rtsp_flags"] = "prefer_tcp"
            }
            return options
        case .rtmp, .rtmps:
            return ["rw_timeout": microseconds, "rtmp_live": "any", "rtmp_tcurl": self.tcURL]
        case .http, .https:
            // An address that the environment's proxy contacts is not one we have seen.
            return ["rw_timeout": microseconds, "user_agent": "Martlet", "http_proxy": ""]
        case .srt:
            return ["timeout": microseconds, "connect_timeout": "\(latest.milliseconds)"]
        case .udp:
            return ["timeout": microseconds, "overrun_nonfatal": "1"]
        }
    }

    private var mediaTypes: String {
        self.wantsVideo && self.wantsAudio ? "video+audio" : (self.wantsVideo ? "video" : "audio")
    }

    /// The connect command's `tcUrl` (RTMP 1.0 §7.2.1.1) with the name in it, which servers choose their virtual host by. What is the application
    /// is libavformat's rule, for it sends that beside it: one part of the path, or two when three or more follow each other.
    private var tcURL: String {
        let path = self.source.pathAndQuery.drop { $0 == "/" }
        let parts = path.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        let application: Substring
        switch parts.count {
        case 0, 1: application = ""
        case 2: application = parts[0]
        default:
            let isStreamName = parts[1].contains(":")
            application = parts[0] == "ondemand" || isStreamName ? parts[0] : path[..<parts[1].endIndex]
        }
        let host = self.source.host.contains(":") ? "[\(self.source.host)]" : self.source.host
        let port = self.source.port == self.source.scheme.defaultPort ? "" : ":\(self.source.port)"
        return "\(self.source.scheme.rawValue)://\(host)\(port)/\(application)"
    }
}

extension Duration {
    var milliseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        return overflow ? (seconds < 0 ? Int64.min / 2_000_000 : Int64.max / 2_000_000) : whole + attoseconds / 1_000_000_000_000_000
    }
}
