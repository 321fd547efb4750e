public import Store

/// What a client may say about a broadcast, at creation or later. Nil leaves a member as it is; everything that is the server's own (status,
/// times, counters, `zombi`, addresses) is not here and so cannot be forged.
public struct BroadcastChanges: Sendable, Equatable {
    public var streamID: String?
    public var type: String?
    public var about = About()
    public var source = Source()
    public var schedule = Schedule()
    public var output = Output()
    /// The whole list; an empty one clears it.
    public var playListItems: [PlayListItem]?
    public var playListLoops: Bool?
    public var currentPlayIndex: Int?
    /// The whole list; an empty one clears it.
    public var endpoints: [Endpoint]?

    public init() {}

    public struct About: Sendable, Equatable {
        public var name, description, category, metaData, role, quality, latitude, longitude, altitude, mainTrackID: String?
        public var publish, publicStream, is360, isVirtual: Bool?

        public init() {}
    }

    public struct Source: Sendable, Equatable {
        public var streamURL, ipAddress, username, password: String?
        public var seekTime: Int64?
        public var startsWithViewers: Bool?
        /// 10 to 79 bytes; empty takes it away.
        public var srtPassphrase: String?
        /// A broadcast's id; empty takes it away.
        public var backupID: String?

        public init() {}
    }

    public struct Schedule: Sendable, Equatable {
        public var plannedStart, plannedEnd, expireDuration: Int64?
        public var maxIdleTime, subtracksLimit, webRTCViewerLimit, hlsViewerLimit, dashViewerLimit: Int?

        public init() {}
    }

    public struct Output: Sendable, Equatable {
        public var mp4, webM: Int?
        public var subFolder: String?
        /// Empty is taken as not given: clients send it for members they never set.
        public var hookURL: String?
        public var hls: HLSParameters?
        public var encoders: [EncoderSettings]?

        public init() {}
    }

    public struct Endpoint: Sendable, Equatable {
        public var url: String
        public var serviceID: String?
        public var resolutionHeight: Int
        /// Nil: yes, or as it is.
        public var isEnabled: Bool?
        /// Nil: as its platform needs, or as it is.
        public var addsSilence: Bool?

        public init(url: String, serviceID: String? = nil, resolutionHeight: Int = 0, isEnabled: Bool? = nil, addsSilence: Bool? = nil) {
            self.url = url
            self.serviceID = serviceID
            self.resolutionHeight = resolutionHeight
            self.isEnabled = isEnabled
            self.addsSilence = addsSilence
        }

        /// Writes what is wanted of an endpoint that is there.
        func apply(to record: inout EndpointRecord) {
            set(&record.isEnabled, self.isEnabled)
            set(&record.addsSilence, self.addsSilence)
            if !record.isEnabled, record.status != "created" { record.status = "finished" }
        }
    }
}

extension BroadcastChanges {
    /// Bytes of UTF-8 a single member may have.
    static let longestText = 64 << 10

    /// Refuses texts that SQLite would cut off at a NUL, and endless ones.
    func validateTexts(of id: String) throws(BroadcastError) {
        let items = self.playListItems ?? []
        let texts: [(String, String?)] = [
            ("name", self.about.name), ("description", self.about.description), ("category", self.about.category), ("metaData", self.about.metaData),
            ("role", self.about.role), ("quality", self.about.quality), ("latitude", self.about.latitude), ("longitude", self.about.longitude),
            ("altitude", self.about.altitude), ("mainTrackStreamId", self.about.mainTrackID), ("streamUrl", self.source.streamURL),
            ("ipAddr", self.source.ipAddress), ("username", self.source.username), ("password", self.source.password), ("type", self.type),
            ("subFolder", self.output.subFolder), ("listenerHookURL", self.output.hookURL), ("hlsParameters", self.output.hls?.hlsTime),
            ("hlsParameters", self.output.hls?.hlsListSize), ("hlsParameters", self.output.hls?.hlsPlayListType),
        ]
        let listed = items.flatMap { item in [item.streamUrl, item.type, item.name].map { ("playListItemList", $0) } }
        for (member, text) in texts + listed {
            guard let text else { continue }
            guard text.utf8.count <= Self.longestText, !text.utf8.contains(0) else { throw .textInvalid(member: member) }
        }
        // What libsrt takes (SRTO_PASSPHRASE).
        if let passphrase = self.source.srtPassphrase, !passphrase.isEmpty {
            guard (10...79).contains(passphrase.utf8.count), !passphrase.utf8.contains(0) else { throw .textInvalid(member: "srtPassphrase") }
        }
        // Nobody stands in for itself.
        if let backup = self.source.backupID, !backup.isEmpty, !StreamID.isValid(backup) || backup == id {
            throw .textInvalid(member: "backupStreamId")
        }
    }

    /// Refuses what no encoder could be asked for. 0 leaves a bit rate to the server.
    func validateEncoders() throws(BroadcastError) {
        guard let encoders = self.output.encoders else { return }
        let isValid = encoders.allSatisfy { encoder in
            (0...4_320).contains(encoder.height) && (0...200_000_000).contains(encoder.videoBitrate)
                && (0...512_000).contains(encoder.audioBitrate)
        }
        guard isValid, encoders.count <= Self.mostEncoders else { throw .textInvalid(member: "encoderSettingsList") }
    }

    private static let mostEncoders = 16

    /// Applies everything but the id, the type and the endpoints.
    func apply(to record: inout BroadcastRecord) {
        self.apply(about: &record.about)
        self.apply(source: &record.source)
        self.apply(schedule: &record.schedule, limits: &record.limits)
        self.apply(output: &record.output)
        if let items = self.playListItems {
            record.playlist.items = items.filter { !($0.streamUrl ?? "").isEmpty }
        }
        set(&record.playlist.loops, self.playListLoops)
        set(&record.playlist.currentIndex, self.currentPlayIndex.map { max(0, $0) })
    }

    private func apply(about record: inout BroadcastRecord.About) {
        set(&record.name, self.about.name)
        set(&record.description, self.about.description)
        set(&record.category, self.about.category)
        set(&record.metaData, self.about.metaData)
        set(&record.role, self.about.role)
        set(&record.quality, self.about.quality)
        set(&record.latitude, self.about.latitude)
        set(&record.longitude, self.about.longitude)
        set(&record.altitude, self.about.altitude)
        set(&record.mainTrackID, self.about.mainTrackID)
        set(&record.publish, self.about.publish)
        set(&record.publicStream, self.about.publicStream)
        set(&record.is360, self.about.is360)
        set(&record.isVirtual, self.about.isVirtual)
    }

    private func apply(source record: inout BroadcastRecord.Source) {
        set(&record.streamURL, self.source.streamURL)
        set(&record.ipAddress, self.source.ipAddress)
        set(&record.username, self.source.username)
        set(&record.password, self.source.password)
        set(&record.seekTime, self.source.seekTime)
        set(&record.startsWithViewers, self.source.startsWithViewers)
        if let passphrase = self.source.srtPassphrase { record.srtPassphrase = passphrase.isEmpty ? nil : passphrase }
        if let backup = self.source.backupID { record.backupID = backup.isEmpty ? nil : backup }
    }

    private func apply(schedule record: inout BroadcastRecord.Schedule, limits: inout BroadcastRecord.Limits) {
        set(&record.plannedStart, self.schedule.plannedStart)
        set(&record.plannedEnd, self.schedule.plannedEnd)
        set(&record.expireDuration, self.schedule.expireDuration)
        set(&record.maxIdleTime, self.schedule.maxIdleTime)
        set(&limits.subtracks, self.schedule.subtracksLimit)
        set(&limits.webRTCViewers, self.schedule.webRTCViewerLimit)
        set(&limits.hlsViewers, self.schedule.hlsViewerLimit)
        set(&limits.dashViewers, self.schedule.dashViewerLimit)
    }

    private func apply(output record: inout BroadcastRecord.Output) {
        set(&record.mp4, self.output.mp4.map { $0.signum() })
        set(&record.webM, self.output.webM.map { $0.signum() })
        set(&record.subFolder, self.output.subFolder)
        if let url = self.output.hookURL, !url.isEmpty { record.hookURL = url }
        set(&record.hls, self.output.hls)
        set(&record.encoders, self.output.encoders)
    }
}

private func set<Value>(_ member: inout Value, _ value: Value?) {
    if let value { member = value }
}

private func set<Value>(_ member: inout Value?, _ value: Value?) {
    if let value { member = value }
}
