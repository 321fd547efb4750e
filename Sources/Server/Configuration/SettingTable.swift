import AV

/// The one table of settings. The file, the environment, the flags, `check-config` and the tests of `config/martlet.yaml` all go by it.
enum SettingTable {
    static let environmentPrefix = "MARTLET_"

    static let all: [SettingDescriptor] =
        Self.general + Self.http + Self.https + Self.rtmp + Self.srt + Self.publish + Self.recording + Self.webm + Self.retention + Self.previews
        + Self.renditions
        + Self.vods + Self.endpoints + Self.sources + Self.playlists
        + Self.hls + Self.other

    private static let byPath = Dictionary(uniqueKeysWithValues: Self.all.map { ($0.path, $0) })
    /// `http`, `rtmp`, …: the parts of the file that hold keys.
    static let sections = Set(Self.all.compactMap { row in row.path.split(separator: ".").dropLast().first.map { String($0) } })

    static subscript(path: String) -> SettingDescriptor? { Self.byPath[path] }

    private static let general: [SettingDescriptor] = [
        .init("dataDir", \.dataDir, .path, "Where the database, recordings and live segments are kept."),
        .init("app", \.app, .appName, "The first part of media URLs: rtmp://HOST/{app}/{id}."),
        .init("appAliases", \.appAliases, .list(of: .appName, atMost: 32), "Further names that are served like app."),
        .init("serverName", \.serverName, .optionalHost, "The host name in URLs shown to clients; empty: the address they reached."),
    ]

    private static let http: [SettingDescriptor] = [
        .init("http.host", \.http.host, .host, "Address that HTTP listens on: REST API, HLS, recordings, health."),
        .init("http.port", \.http.port, .integer(0...65_535, meaning: "where 0 lets the system choose"), "HTTP port."),
        .init("http.maxConnections", \.http.maxConnections, .integer(1...1_000_000), "HTTP connections at one time; further ones are closed."),
        .init(
            "http.trustedProxies", \.http.trustedProxies, .list(of: .addressBlock, atMost: 256),
            "Reverse proxies whose X-Forwarded-For header is believed."),
    ]

    private static let https: [SettingDescriptor] = [
        .init("https.port", \.https.port, .integer(0...65_535, meaning: "where 0 lets the system choose"), "HTTPS port."),
        .init(
            "https.certificate", \.https.certificate, .optionalPath,
            "PEM file with the server's certificate and those that vouch for it; empty: no HTTPS and no RTMPS."),
        .init("https.key", \.https.key, .optionalPath, "PEM file with the certificate's private key."),
        .init("https.redirect", \.https.redirect, .boolean, "Whether clients of the plain HTTP port are sent to the HTTPS port."),
        .init(
            "https.hsts", \.https.hsts, .duration(.zero ... .seconds(63_072_000)),
            "How long browsers are to come back by HTTPS alone; 0: nothing is said."),
        .init("rtmps.port", \.rtmps.port, .integer(0...65_535, meaning: "where 0 lets the system choose"), "RTMPS port."),
    ]

    private static let rtmp: [SettingDescriptor] = [
        .init("rtmp.host", \.rtmp.host, .host, "Address that RTMP listens on."),
        .init("rtmp.port", \.rtmp.port, .integer(0...65_535, meaning: "where 0 lets the system choose"), "RTMP port."),
        .init("rtmp.maxConnections", \.rtmp.maxConnections, .integer(1...1_000_000), "RTMP connections at one time; further ones are closed."),
        .init(
            "rtmp.mergeWindow", \.rtmp.mergeWindow, .duration(.zero ... .milliseconds(350)),
            "Longest time a viewer's bytes wait to be sent together with the next ones."),
        .init("rtmp.chunkSize", \.rtmp.chunkSize, .integer(128...65_536), "Bytes in an outgoing chunk."),
        .init("rtmp.play", \.rtmp.play, .boolean, "Whether viewers may watch over RTMP."),
        .init(
            "rtmp.idleTimeout", \.rtmp.idleTimeout, .duration(.seconds(1) ... .seconds(3600)),
            "A publisher that sends nothing, or a viewer that takes nothing, for this long is closed."),
        .init(
            "rtmp.handshakeTimeout", \.rtmp.handshakeTimeout, .duration(.seconds(1) ... .seconds(60)),
            "A connection that has not asked to publish or play by then is closed."),
        .init(
            "rtmp.takeoverSilence", \.rtmp.takeoverSilence, .duration(.milliseconds(500) ... .seconds(60)),
            "A publisher silent for this long is replaced by one that asks for the same id."),
    ]

    private static let srt: [SettingDescriptor] = [
        .init("srt.enabled", \.srt.enabled, .boolean, "Whether SRT is offered."),
        .init("srt.host", \.srt.host, .host, "Address that SRT listens on."),
        .init("srt.port", \.srt.port, .integer(0...65_535, meaning: "where 0 lets the system choose"), "SRT port, UDP."),
        .init("srt.maxConnections", \.srt.maxConnections, .integer(1...10_000), "SRT publishers and viewers at one time; further ones are refused."),
        .init(
            "srt.latency", \.srt.latency, .duration(.milliseconds(20) ... .seconds(10)),
            "Time that lost packets have to come again; a peer may ask for more."),
        .init(
            "srt.passphrase", \.srt.passphrase, .passphrase,
            "What SRT peers must know where the broadcast has none of its own; empty: nothing is encrypted."),
        .init(
            "srt.idleTimeout", \.srt.idleTimeout, .duration(.seconds(1) ... .seconds(600)),
            "A peer that is not heard of, or a publisher that sends no media, for this long is closed."),
        .init("srt.play", \.srt.play, .boolean, "Whether viewers may watch over SRT."),
    ]

    private static let publish: [SettingDescriptor] = [
        .init(
            "publish.acceptOnlyRegistered", \.publish.acceptOnlyRegistered, .boolean, "Whether only ids made through the REST API may be published."),
        .init("publish.maxHeight", \.publish.maxHeight, .integer(0...16_384, meaning: "where 0 is no limit"), "Tallest picture accepted, in pixels."),
        .init(
            "publish.maxBitrate", \.publish.maxBitrate, .integer(0...1_000_000_000, meaning: "where 0 is no limit"),
            "Highest bitrate accepted, in bits per second."),
    ]

    private static let recording: [SettingDescriptor] = [
        .init("recording.mp4", \.recording.mp4, .boolean, "Whether every stream is recorded as mp4 whose broadcast does not say otherwise."),
        .init("recording.webm", \.recording.webm, .boolean, "Whether every stream is recorded as webm whose broadcast does not say otherwise."),
        .init(
            "recording.minimumFreeSpace", \.recording.minimumFreeSpace, .size(0...1_000_000_000_000_000),
            "With less free disk space no recording starts and running ones are ended."),
        .init(
            "recording.sufficientFreeSpace", \.recording.sufficientFreeSpace, .size(0...1_000_000_000_000_000),
            "Once it was less, recordings start when this much is free again; 0: a quarter more than minimumFreeSpace."),
    ]

    private static let webm: [SettingDescriptor] = [
        .init("webm.codec", \.webm.codec, .choice, "What pictures of webm recordings become that WebM cannot hold."),
        .init(
            "webm.bitrate", \.webm.bitrate, .integer(0...100_000_000, meaning: "where 0 is what suits the picture's size"),
            "Of those pictures, in bits per second."),
        .init(
            "webm.quality", \.webm.quality, .integer(0...63, meaning: "where 0 holds the bit rate"),
            "Of those pictures, lower is better; then the bit rate is the most there may be."),
        .init("webm.audioBitrate", \.webm.audioBitrate, .integer(16_000...510_000), "Of sound that becomes Opus, in bits per second."),
        .init("webm.speed", \.webm.speed, .integer(0...16), "libvpx's cpu-used: the higher, the less CPU time and quality."),
        .init("webm.threads", \.webm.threads, .integer(1...16), "Threads of each encoder."),
        .init(
            "webm.maximum", \.webm.maximum, .integer(0...1_000, meaning: "where 0 encodes none"),
            "Recordings whose pictures are encoded at one time; further ones are refused."),
    ]

    private static let retention: [SettingDescriptor] = [
        .init(
            "retention.maximumAge", \.retention.maximumAge, .duration(.zero ... .seconds(315_360_000)),
            "Recordings are removed when they are older; 0: none is."),
        .init(
            "retention.maximumSize", \.retention.maximumSize, .size(0...1_000_000_000_000_000_000),
            "The oldest recordings are removed when all together are larger; 0: none is."),
        .init(
            "retention.minimumFreeSpace", \.retention.minimumFreeSpace, .size(0...1_000_000_000_000_000),
            "The oldest recordings are removed when less disk space is free; 0: none is."),
    ]

    private static let previews: [SettingDescriptor] = [
        .init("previews.generate", \.previews.generate, .boolean, "Whether pictures of all live streams are written, again and again."),
        .init(
            "previews.period", \.previews.period, .duration(.seconds(1) ... .seconds(3600)),
            "Time between two pictures of a stream; one that was asked for counts as new for so long."),
        .init("previews.height", \.previews.height, .evenInteger(16...2_160), "How high pictures are at most, in pixels."),
        .init("previews.format", \.previews.format, .choice, "Of the pictures that are written."),
        .init("previews.posters", \.previews.posters, .boolean, "Whether recordings get a poster."),
    ]

    private static let renditions: [SettingDescriptor] = [
        .init(
            "renditions.ladder", \.renditions.ladder, .list(of: .ladderRung, atMost: 16),
            "Renditions of every stream whose broadcast does not name its own."),
        .init("renditions.preset", \.renditions.preset, .choice, "x264's preset: the quicker, the less CPU time and quality."),
        .init("renditions.threads", \.renditions.threads, .integer(1...16), "Threads of each encoder."),
        .init(
            "renditions.maximum", \.renditions.maximum, .integer(0...1_000, meaning: "where 0 makes none"),
            "Renditions made at one time; further ones are refused."),
    ]

    private static let vods: [SettingDescriptor] = [
        .init("vods.maxUploadSize", \.vods.maxUploadSize, .size(1...1_000_000_000_000_000), "Bytes that one uploaded file may have."),
        .init(
            "vods.importDirectories", \.vods.importDirectories, .list(of: .absolutePath, atMost: 64),
            "Directories of this host, on local disks, below which others may be made part of the library; empty: none."),
    ]

    private static let endpoints: [SettingDescriptor] = [
        .init(
            "endpoints.republishLimit", \.endpoints.republishLimit, .integer(-1...1_000_000, meaning: "where -1 is for ever"),
            "How often a lost destination is tried again before it counts as failed."),
        .init(
            "endpoints.healthCheckPeriod", \.endpoints.healthCheckPeriod, .duration(.milliseconds(100) ... .seconds(3600)),
            "How often destinations are looked at; never more rarely than every 2.5 s."),
        .init(
            "endpoints.graceWindow", \.endpoints.graceWindow, .duration(.zero ... .seconds(3600)),
            "After a stream's end its destinations stay connected for this long, in case the publisher comes back; 0: not at all."),
        .init(
            "endpoints.slate", \.endpoints.slate, .optionalPath(endings: LoopEncoder.pictureEndings + LoopEncoder.clipEndings),
            "Picture or clip that destinations are sent while their stream is away; empty: none."),
        .init(
            "endpoints.slateAfter", \.endpoints.slateAfter, .duration(.milliseconds(500) ... .seconds(300)),
            "Destinations get nothing of their stream for this long until the backup or the slate stands in for it."),
        .init(
            "endpoints.slateLimit", \.endpoints.slateLimit, .duration(.seconds(1) ... .seconds(86_400)),
            "How long after a stream's end the backup or the slate is sent; then, or after graceWindow, the destination is closed."),
        .init(
            "endpoints.slateAfterGoodbye", \.endpoints.slateAfterGoodbye, .boolean,
            "Whether that holds for publishers that said goodbye, too; if not, they are waited for no longer than graceWindow."),
        .init(
            "endpoints.trustedCertificates", \.endpoints.trustedCertificates, .optionalPath,
            "PEM file with certificate authorities that RTMPS destinations are believed by besides the system's; empty: none."),
    ]

    private static let sources: [SettingDescriptor] = [
        .init(
            "sources.retryDelay", \.sources.retryDelay, .duration(.milliseconds(100) ... .seconds(3600)),
            "Time until a lost source is opened again; it doubles with every failure."),
        .init(
            "sources.longestRetryDelay", \.sources.longestRetryDelay, .duration(.milliseconds(100) ... .seconds(86_400)),
            "What that time grows to at most."),
        .init(
            "sources.openTimeout", \.sources.openTimeout, .duration(.seconds(1) ... .seconds(120)),
            "Time a source has to answer and to show what it sends."),
        .init(
            "sources.readTimeout", \.sources.readTimeout, .duration(.seconds(1) ... .seconds(600)),
            "A source that sends nothing for this long is lost."),
        .init(
            "sources.startAutomatically", \.sources.startAutomatically, .boolean,
            "Whether all cameras and stream sources start with the server; if not, those that ran."),
        .init(
            "sources.allowLocalAddresses", \.sources.allowLocalAddresses, .boolean,
            "Whether users' URLs may lead to this host itself and its link-local network."),
        .init("sources.rtspTransport", \.sources.rtspTransport, .choice, "How RTSP media is carried where the URL does not say it."),
        .init(
            "sources.transcodeAudio", \.sources.transcodeAudio, .boolean,
            "Whether sound that HLS and RTMP cannot carry becomes AAC; if not, it is left out."),
        .init("sources.maximum", \.sources.maximum, .integer(1...10_000), "Sources and playlists pulled at one time; further ones are refused."),
    ]

    private static let playlists: [SettingDescriptor] = [
        .init("playlists.normalize", \.playlists.normalize, .boolean, "Whether the items of playlists are re-encoded to one format."),
        .init("playlists.width", \.playlists.width, .evenInteger(16...7_680), "Its width, in pixels."),
        .init("playlists.height", \.playlists.height, .evenInteger(16...4_320), "Its height, in pixels."),
        .init("playlists.frameRate", \.playlists.frameRate, .integer(1...120), "Its frames a second."),
        .init("playlists.videoBitrate", \.playlists.videoBitrate, .integer(50_000...100_000_000), "Its picture's bits per second."),
        .init("playlists.audioBitrate", \.playlists.audioBitrate, .integer(16_000...512_000), "Its sound's bits per second."),
        .init(
            "playlists.startWithin", \.playlists.startWithin, .duration(.zero ... .seconds(86_400)),
            "A planned start that was missed is made up for within this time."),
    ]

    private static let hls: [SettingDescriptor] = [
        .init("hls.mode", \.hls.mode, .choice, "Whether packaging begins with the first request or with the stream."),
        .init(
            "hls.segmentDuration", \.hls.segmentDuration, .duration(.milliseconds(500) ... .seconds(30)),
            "What a segment's length aims at; it ends at a keyframe."),
        .init(
            "hls.partDuration", \.hls.partDuration, .duration(.zero ... .seconds(2)),
            "Length of the parts of low-latency playlists; 0: there are none."),
        .init(
            "hls.dvrWindow", \.hls.dvrWindow, .duration(.zero ... .seconds(604_800)),
            "How far back playlists reach that ask for it, from disk; 0: no further than others."),
        .init("hls.listSize", \.hls.listSize, .integer(3...10_000), "Segments in a playlist."),
        .init(
            "hls.deleteOnEnd", \.hls.deleteOnEnd, .boolean,
            "Whether a stream's segments are removed some time after its end; those of a rendition that ends while its source goes on always are."),
        .init(
            "hls.idleTimeout", \.hls.idleTimeout, .duration(.seconds(5) ... .seconds(86_400)),
            "On demand: packaging ends this long after the last request."),
        .init(
            "hls.memoryPerStream", \.hls.memoryPerStream, .size(100_000...1_000_000_000), "Recent segments kept in memory; older ones are on disk."),
    ]

    private static let other: [SettingDescriptor] = [
        .init("hub.groupCacheSize", \.hub.groupCacheSize, .size(100_000...1_000_000_000), "Recent frames kept per stream for viewers who join."),
        .init("log.level", \.log.level, .choice, "The least important messages that are logged."),
        .init("log.format", \.log.format, .choice, "One line of text, or one JSON object, per message."),
        .init("api.allow", \.api.allow, .list(of: .addressBlock, atMost: 256), "Addresses that may call the REST API without a token."),
        .init("api.token", \.api.token, .bearerToken, "Bearer token that opens the REST API from anywhere; empty: none does."),
        .init("api.tokenFile", \.api.tokenFile, .optionalPath, "File that holds the token, in place of api.token."),
        .init("metrics.allow", \.metrics.allow, .list(of: .addressBlock, atMost: 256), "Addresses that may read /metrics without the API's token."),
    ]
}
