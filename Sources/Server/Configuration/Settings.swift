import AV
import Logging

/// Everything that can be set, with the built-in defaults. Read once at the start by `SettingsLoader`, then passed on by value.
///
/// What each key means, allows and is called in the file and the environment is in `SettingTable`; a new property needs a row there.
struct Settings: Sendable, Equatable {
    var dataDir = "./data"
    var app = "live"
    var appAliases = ["LiveApp", "WebRTCAppEE"]
    /// Empty: clients are shown the address they reached.
    var serverName = ""
    var http = HTTP()
    var https = HTTPS()
    var rtmp = RTMP()
    var rtmps = RTMPS()
    var srt = SRT()
    var publish = Publish()
    var recording = Recording()
    var renditions = Renditions()
    var webm = WebM()
    var retention = Retention()
    var previews = Previews()
    var vods = Vods()
    var endpoints = Endpoints()
    var sources = Sources()
    var playlists = Playlists()
    var hls = HLS()
    var hub = Hub()
    var log = Log()
    var api = API()
    var metrics = Metrics()

    struct HTTP: Sendable, Equatable {
        var host = "0.0.0.0"
        /// 0 lets the system choose.
        var port = 5080
        var maxConnections = 10_000
        /// Peers whose `X-Forwarded-For` is believed.
        var trustedProxies: [AddressBlock] = []
    }

    struct HTTPS: Sendable, Equatable {
        /// 0 lets the system choose. Opened when there is a certificate.
        var port = 5443
        /// PEM files; empty: no HTTPS and no RTMPS.
        var certificate = ""
        var key = ""
        /// Sends clients of the plain port here.
        var redirect = false
        /// How long browsers are to come back by HTTPS alone; zero: nothing is said.
        var hsts = Duration.zero
    }

    struct RTMPS: Sendable, Equatable {
        /// 0 lets the system choose. Opened when there is a certificate.
        var port = 1936
    }

    struct RTMP: Sendable, Equatable {
        var host = "0.0.0.0"
        /// 0 lets the system choose.
        var port = 1935
        var maxConnections = 10_000
        /// Longest time a viewer's bytes may wait to be sent together with the next ones.
        var mergeWindow = Duration.milliseconds(30)
        /// Bytes in an outgoing chunk.
        var chunkSize = 60_000
        var play = true
        var idleTimeout = Duration.seconds(15)
        var handshakeTimeout = Duration.seconds(10)
        /// A publisher silent for this long is replaced by one that asks for the same id.
        var takeoverSilence = Duration.seconds(3)
    }

    struct SRT: Sendable, Equatable {
        var enabled = true
        var host = "0.0.0.0"
        /// UDP; 0 lets the system choose.
        var port = 4200
        /// Publishers and viewers.
        var maxConnections = 1_000
        /// How long lost packets may take to come again; a peer may ask for more.
        var latency = Duration.milliseconds(120)
        /// What peers must know where the broadcast has none of its own; empty: nothing is encrypted.
        var passphrase = Secret("")
        var idleTimeout = Duration.seconds(5)
        var play = true
    }

    struct Publish: Sendable, Equatable {
        var acceptOnlyRegistered = false
        /// Pixels; 0 is no limit.
        var maxHeight = 0
        /// Bits per second; 0 is no limit.
        var maxBitrate = 0
    }

    struct Recording: Sendable, Equatable {
        /// Records every stream whose broadcast does not say otherwise.
        var mp4 = false
        /// The same, as webm.
        var webm = false
        /// Bytes; below it no recording starts and a running one is ended.
        var minimumFreeSpace = 100_000_000
        /// Bytes; from then on recordings start again. 0 is a quarter more than `minimumFreeSpace`.
        var sufficientFreeSpace = 0
    }

    struct WebM: Sendable, Equatable {
        enum Codec: String, Sendable, CaseIterable {
            case vp8
            case vp9
        }

        /// Of pictures that have to be encoded.
        var codec = Codec.vp8
        /// Bits per second; 0 is what suits the picture's size.
        var bitrate = 0
        /// 1 to 63; 0: the bit rate is held.
        var quality = 0
        /// Bits per second.
        var audioBitrate = 96_000
        /// 0 to 16; the higher, the quicker.
        var speed = 8
        /// Of each encoder.
        var threads = 1
        /// Recordings that are encoded at one time.
        var maximum = 4
    }

    struct Retention: Sendable, Equatable {
        /// Older recordings are removed; zero: none is.
        var maximumAge = Duration.zero
        /// Bytes of all recordings; 0 is no limit.
        var maximumSize = 0
        /// Bytes; the oldest recordings go when less is free. 0: none does.
        var minimumFreeSpace = 0
    }

    struct Previews: Sendable, Equatable {
        /// Writes pictures of all live streams.
        var generate = false
        /// Between two pictures of a stream.
        var period = Duration.seconds(5)
        /// Pixels.
        var height = 480
        /// Of the pictures that are written.
        var format = PictureFormat.png
        /// Makes a poster of every recording.
        var posters = true
    }

    struct Renditions: Sendable, Equatable {
        /// Of x264, from the quickest to the most careful.
        enum Preset: String, Sendable, CaseIterable {
            case ultrafast
            case superfast
            case veryfast
            case faster
            case fast
            case medium
        }

        /// Made of every stream whose broadcast does not name its own.
        var ladder: [LadderRung] = []
        var preset = Preset.veryfast
        /// Of each encoder.
        var threads = 2
        /// Renditions at one time, of all streams.
        var maximum = 16
    }

    struct Vods: Sendable, Equatable {
        /// Bytes of one uploaded file.
        var maxUploadSize = 10_000_000_000
        /// Directories of this host below which others may be imported; empty: none.
        var importDirectories: [String] = []
    }

    struct Endpoints: Sendable, Equatable {
        /// How often a lost destination is tried again; -1 is for ever.
        var republishLimit = -1
        var healthCheckPeriod = Duration.seconds(2)
        /// After a stream's end its destinations stay connected for so long, in case the publisher comes back; zero: not at all.
        var graceWindow = Duration.seconds(15)
        /// Picture or clip that destinations are sent while their stream is away; empty: none.
        var slate = ""
        /// Destinations get nothing of their stream for so long until something stands in for it.
        var slateAfter = Duration.seconds(2)
        /// Something stands in for so long at most, counted from the stream's end.
        var slateLimit = Duration.seconds(1800)
        /// The same for publishers that said goodbye; if not, nothing stands in for them longer than the grace window.
        var slateAfterGoodbye = false
        /// PEM file with certificate authorities that RTMPS destinations are believed by besides the system's; empty: none.
        var trustedCertificates = ""
    }

    struct Sources: Sendable, Equatable {
        enum RTSPTransport: String, Sendable, CaseIterable {
            case auto
            case tcp
            case udp
        }

        /// After a first failure; it doubles with every further one.
        var retryDelay = Duration.seconds(3)
        var longestRetryDelay = Duration.seconds(60)
        /// For connecting and finding out what is sent.
        var openTimeout = Duration.seconds(10)
        /// A source that sends nothing for so long is lost.
        var readTimeout = Duration.seconds(10)
        /// Starts all cameras and stream sources with the server.
        var startAutomatically = false
        /// This host, its link and its own addresses may be pulled from.
        var allowLocalAddresses = false
        var rtspTransport = RTSPTransport.auto
        /// Sound that HLS and RTMP cannot carry becomes AAC.
        var transcodeAudio = true
        /// Pulls at one time.
        var maximum = 500
    }

    struct Playlists: Sendable, Equatable {
        /// Every item is re-encoded to one format.
        var normalize = false
        /// Pixels.
        var width = 1280
        var height = 720
        /// Frames a second.
        var frameRate = 30
        /// Bits per second.
        var videoBitrate = 2_500_000
        var audioBitrate = 128_000
        /// A planned start that was missed is made up for within this time.
        var startWithin = Duration.seconds(600)
    }

    struct HLS: Sendable, Equatable {
        enum Mode: String, Sendable, CaseIterable {
            /// Packaging begins with the first request.
            case onDemand
            /// Packaging begins with the stream.
            case always
        }

        var mode = Mode.onDemand
        var segmentDuration = Duration.seconds(2)
        /// Parts of low-latency playlists; zero: there are none.
        var partDuration = Duration.milliseconds(500)
        /// Segments in a playlist.
        var listSize = 15
        /// How far back playlists can reach that ask for it; zero: no further than others.
        var dvrWindow = Duration.zero
        var deleteOnEnd = true
        /// On demand: packaging ends this long after the last request.
        var idleTimeout = Duration.seconds(60)
        /// Bytes of recent segments kept in memory; older ones are on disk.
        var memoryPerStream = 1 << 20
    }

    struct Hub: Sendable, Equatable {
        /// Bytes of recent frames kept for viewers who join.
        var groupCacheSize = 8_000_000
    }

    struct Log: Sendable, Equatable {
        enum Format: String, Sendable, CaseIterable {
            case text
            case json
        }

        var level = Logger.Level.info
        var format = Format.text
    }

    struct API: Sendable, Equatable {
        /// Addresses that may call the REST API without a token.
        var allow = AddressBlock.loopback
        /// Opens the REST API from anywhere; empty: no token does.
        var token = Secret("")
        /// Where the token is read from instead; after loading `token` holds what was read.
        var tokenFile = ""
    }

    struct Metrics: Sendable, Equatable {
        /// Addresses that may read `/metrics` without the API's token.
        var allow = AddressBlock.loopback
    }
}
