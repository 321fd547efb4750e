/// What is stored of a broadcast: what its owner wants, and how its last run went. What happens right now is asked of the running stream.
public struct BroadcastRecord: Sendable, Equatable {
    /// `A-Z a-z 0-9 - _ .`, at most 256 characters.
    public var id: String
    public var type: BroadcastType
    /// As last written, when a run began or ended.
    public var status: BroadcastStatus
    /// Milliseconds since 1970, as all times here unless said otherwise.
    public var createdAt: Int64
    /// Made by a publisher nobody had registered; removed when it leaves.
    public var isZombi: Bool
    public var about: About
    public var source: Source
    public var playlist: Playlist
    public var schedule: Schedule
    public var limits: Limits
    public var output: Output
    public var run: Run
    /// In the order in which they were added.
    public var endpoints: [EndpointRecord]

    public init(id: String, type: BroadcastType = .liveStream, createdAt: Int64, isZombi: Bool = false) {
        self.id = id
        self.type = type
        self.status = .created
        self.createdAt = createdAt
        self.isZombi = isZombi
        self.about = About()
        self.source = Source()
        self.playlist = Playlist()
        self.schedule = Schedule()
        self.limits = Limits()
        self.output = Output()
        self.run = Run()
        self.endpoints = []
    }
}

extension BroadcastRecord {
    /// What the client says about it; the server does nothing with most of it.
    public struct About: Sendable, Equatable {
        public var name: String?
        public var description: String?
        public var category: String?
        public var metaData: String?
        public var role: String?
        public var quality: String?
        public var latitude: String?
        public var longitude: String?
        public var altitude: String?
        public var publish = true
        public var publicStream = true
        public var is360 = false
        /// A main track: a room that holds other broadcasts.
        public var isVirtual = false
        public var mainTrackID: String?

        public init() {}
    }

    /// Where frames come from.
    public struct Source: Sendable, Equatable {
        public var streamURL: String?
        public var ipAddress: String?
        public var username: String?
        public var password: String?
        /// Milliseconds into a pulled file.
        public var seekTime: Int64 = 0
        /// Starts with the first viewer, stops with the last.
        public var startsWithViewers = false
        /// It was started and not stopped since; what was wanted comes back after a restart.
        public var isWanted = false
        /// What SRT peers must know; nil: what the server's settings say.
        public var srtPassphrase: String?
        /// The broadcast that stands in at the destinations while this one is away; it need not exist.
        public var backupID: String?

        public init() {}
    }

    public struct Playlist: Sendable, Equatable {
        /// Nil when none was ever given.
        public var items: [PlayListItem]?
        public var status: String?
        public var loops = true
        public var currentIndex: Int = 0

        public init() {}
    }

    public struct Schedule: Sendable, Equatable {
        /// Seconds since 1970, 0 for none.
        public var plannedStart: Int64 = 0
        /// The `plannedStart` that has been seen to, or had passed when it was given: it does not start the playlist again.
        public var plannedStartDone: Int64 = 0
        /// Seconds since 1970, 0 for none.
        public var plannedEnd: Int64 = 0
        /// Publishing is refused so many milliseconds after `createdAt`; 0 for never.
        public var expireDuration: Int64 = 0
        /// Seconds without a publisher until its owner is told; 0 for never.
        public var maxIdleTime: Int = 0

        public init() {}
    }

    /// -1 is no limit.
    public struct Limits: Sendable, Equatable {
        public var subtracks: Int = -1
        public var webRTCViewers: Int = -1
        public var hlsViewers: Int = -1
        public var dashViewers: Int = -1

        public init() {}
    }

    /// What becomes of its frames.
    public struct Output: Sendable, Equatable {
        /// 1 on, -1 off, 0 as the server's setting.
        public var mp4: Int = 0
        /// As `mp4`.
        public var webM: Int = 0
        /// Below the streams directory; may contain `%m` (main track) and `%s` (this id).
        public var subFolder: String?
        public var hookURL: String?
        public var hls: HLSParameters?
        public var encoders: [EncoderSettings]?

        public init() {}
    }

    /// How the last run went, or began.
    public struct Run: Sendable, Equatable {
        public var publishType: String?
        public var startedAt: Int64 = 0
        public var updatedAt: Int64 = 0
        public var absoluteStart: Int64 = 0
        /// Milliseconds.
        public var duration: Int64 = 0
        public var receivedBytes: Int64 = 0
        /// Bits per second.
        public var bitrate: Int64 = 0
        /// Media time per wall time.
        public var speed: Double = 0
        public var width: Int = 0
        public var height: Int = 0
        public var userAgent: String = "N/A"
        public var remoteIP: String?

        public init() {}
    }
}
