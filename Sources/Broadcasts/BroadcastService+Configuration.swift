public import NIOCore
public import Outputs

extension BroadcastService {
    /// The settings of everything in this room.
    public struct Configuration: Sendable {
        /// The application's name in URLs, and further names for it.
        public var app: String
        public var appAliases: [String]
        /// Host name in the URLs given to clients; empty for the address the client reached.
        public var serverName: String
        /// This host's address; shown as a broadcast's origin when known.
        public var hostAddress: String
        /// Absolute path; recordings lie below its `streams/`.
        public var dataDirectory: String
        /// Refuses publishers whose broadcast nobody created.
        public var acceptOnlyRegistered: Bool
        /// Pixels; a publisher whose picture is higher is sent away. 0 for no limit.
        public var maxHeight: Int
        /// Bits per second; a publisher that stays above for some seconds is sent away. 0 for no limit.
        public var maxBitrate: Int
        /// Records every stream whose broadcast does not say otherwise.
        public var recordMP4: Bool
        /// The same, as webm.
        public var recordWebM = false
        /// The renditions of every stream whose broadcast does not name its own.
        public var renditions: [RenditionSetting]
        /// Bytes; with less free no recording starts.
        public var recordingLowSpace: Int64
        /// Bytes; after that, they start again when so much is free. 0 is a quarter more.
        public var recordingSufficientSpace: Int64
        /// After it a recording that broke off is begun anew; longer each time while it does not last.
        public var recordingPause = TimeAmount.seconds(10)
        public var retention: RetentionRules
        /// Makes a poster of every recording.
        public var makesPosters: Bool
        /// Pixels.
        public var posterHeight: Int
        /// Attempts after a failed one until an endpoint is given up; negative for never.
        public var republishLimit: Int
        public var healthCheckPeriod: TimeAmount
        /// After a stream's end its destinations stay connected for so long, in case the publisher comes back; zero: not at all.
        public var graceWindow = TimeAmount.zero
        /// Destinations get nothing of their stream for so long until something stands in for it.
        public var slateAfter = TimeAmount.seconds(2)
        /// Something stands in for so long at most, counted from the stream's end.
        public var slateLimit = TimeAmount.minutes(30)
        /// The same for publishers that said goodbye; if not, nothing stands in for them longer than the grace window.
        public var slateAfterGoodbye = false
        /// Lets RTMP players in.
        public var rtmpPlay: Bool
        /// Lets SRT viewers in.
        public var srtPlay = true
        /// Where SRT is offered, for the URLs that are shown; nil: it is not, or nobody knows the port beforehand.
        public var srtPort: Int?
        public var sources: Sources
        public var library = VodLibrary.Configuration()

        public init(
            app: String = "live", appAliases: [String] = [], serverName: String = "", hostAddress: String = "", dataDirectory: String,
            acceptOnlyRegistered: Bool = false, maxHeight: Int = 0, maxBitrate: Int = 0, recordMP4: Bool = false, renditions: [RenditionSetting] = [],
            recordingLowSpace: Int64 = 0, recordingSufficientSpace: Int64 = 0, retention: RetentionRules = .init(), makesPosters: Bool = false,
            posterHeight: Int = 480,
            republishLimit: Int = -1, healthCheckPeriod: TimeAmount = .seconds(2), rtmpPlay: Bool = true, sources: Sources = .init()
        ) {
            self.app = app
            self.appAliases = appAliases
            self.serverName = serverName
            self.hostAddress = hostAddress
            self.dataDirectory = dataDirectory
            self.acceptOnlyRegistered = acceptOnlyRegistered
            self.maxHeight = maxHeight
            self.maxBitrate = maxBitrate
            self.recordMP4 = recordMP4
            self.renditions = renditions
            self.recordingLowSpace = recordingLowSpace
            self.recordingSufficientSpace = recordingSufficientSpace
            self.retention = retention
            self.makesPosters = makesPosters
            self.posterHeight = posterHeight
            self.republishLimit = republishLimit
            self.healthCheckPeriod = healthCheckPeriod
            self.rtmpPlay = rtmpPlay
            self.sources = sources
        }

        /// Absolute; holds the pictures of VoDs.
        public var vodPictureDirectory: String { Self.vodPictureDirectory(below: self.dataDirectory) }

        static func vodPictureDirectory(below dataDirectory: String) -> String { dataDirectory + "/previews/vods" }

        func isOurs(app: String) -> Bool { app == self.app || self.appAliases.contains(app) }
    }
}

extension BroadcastService.Configuration {
    /// What is pulled, and when.
    public struct Sources: Sendable {
        /// Starts all cameras and stream sources with the server, wanted or not, but those that wait for viewers.
        public var startsAutomatically: Bool
        /// Pulls at one time, at least 1.
        public var maximum: Int
        /// How long the new URL or credentials of a running source, or an item's duration, may be looked at.
        public var probeTimeout: Duration
        /// A playlist whose planned start was missed starts late if the server is back within this time.
        public var startWithin: TimeAmount
        /// Playlists are re-encoded to one format.
        public var normalisesPlaylists: Bool

        public init(
            startsAutomatically: Bool = false, maximum: Int = 500, probeTimeout: Duration = .seconds(10), startWithin: TimeAmount = .minutes(10),
            normalisesPlaylists: Bool = false
        ) {
            self.startsAutomatically = startsAutomatically
            self.maximum = max(1, maximum)
            self.probeTimeout = probeTimeout
            self.startWithin = startWithin
            self.normalisesPlaylists = normalisesPlaylists
        }
    }
}
