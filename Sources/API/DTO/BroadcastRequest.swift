import Broadcasts
import Store

/// The Broadcast object as clients send it. Members that a client may not set, and unknown ones, are not looked at; null counts as not given.
struct BroadcastRequest: Decodable {
    var changes = BroadcastChanges()

    private enum Key: String, CodingKey {
        case streamId, type, name, description, category, metaData, role, quality, latitude, longitude, altitude, mainTrackStreamId
        case publish, publicStream, is360, virtual
        case streamUrl, ipAddr, username, password, seekTimeInMs, autoStartStopEnabled, srtPassphrase, backupStreamId
        case plannedStartDate, plannedEndDate, expireDurationMS, maxIdleTime
        case subtracksLimit, webRTCViewerLimit, hlsViewerLimit, dashViewerLimit
        case mp4Enabled, webMEnabled, subFolder, listenerHookURL, hlsParameters, encoderSettingsList
        case playListItemList, playlistLoopEnabled, currentPlayIndex, endPointList
    }

    init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: Key.self)
        func text(_ key: Key) throws -> String? { try members.decodeIfPresent(String.self, forKey: key) }
        func flag(_ key: Key) throws -> Bool? { try members.decodeIfPresent(Bool.self, forKey: key) }
        func number(_ key: Key) throws -> Int? { try members.decodeIfPresent(Int.self, forKey: key) }
        func long(_ key: Key) throws -> Int64? { try members.decodeIfPresent(Int64.self, forKey: key) }

        self.changes.streamID = try text(.streamId)
        self.changes.type = try text(.type)

        self.changes.about.name = try text(.name)
        self.changes.about.description = try text(.description)
        self.changes.about.category = try text(.category)
        self.changes.about.metaData = try text(.metaData)
        self.changes.about.role = try text(.role)
        self.changes.about.quality = try text(.quality)
        self.changes.about.latitude = try text(.latitude)
        self.changes.about.longitude = try text(.longitude)
        self.changes.about.altitude = try text(.altitude)
        self.changes.about.mainTrackID = try text(.mainTrackStreamId)
        self.changes.about.publish = try flag(.publish)
        self.changes.about.publicStream = try flag(.publicStream)
        self.changes.about.is360 = try flag(.is360)
        self.changes.about.isVirtual = try flag(.virtual)

        self.changes.source.streamURL = try text(.streamUrl)
        self.changes.source.ipAddress = try text(.ipAddr)
        self.changes.source.username = try text(.username)
        self.changes.source.password = try text(.password)
        self.changes.source.seekTime = try long(.seekTimeInMs)
        self.changes.source.startsWithViewers = try flag(.autoStartStopEnabled)
        self.changes.source.srtPassphrase = try text(.srtPassphrase)
        self.changes.source.backupID = try text(.backupStreamId)

        self.changes.schedule.plannedStart = try long(.plannedStartDate)
        self.changes.schedule.plannedEnd = try long(.plannedEndDate)
        self.changes.schedule.expireDuration = try long(.expireDurationMS)
        self.changes.schedule.maxIdleTime = try number(.maxIdleTime)
        self.changes.schedule.subtracksLimit = try number(.subtracksLimit)
        self.changes.schedule.webRTCViewerLimit = try number(.webRTCViewerLimit)
        self.changes.schedule.hlsViewerLimit = try number(.hlsViewerLimit)
        self.changes.schedule.dashViewerLimit = try number(.dashViewerLimit)

        self.changes.output.mp4 = try number(.mp4Enabled)
        self.changes.output.webM = try number(.webMEnabled)
        self.changes.output.subFolder = try text(.subFolder)
        self.changes.output.hookURL = try text(.listenerHookURL)
        self.changes.output.hls = try members.decodeIfPresent(HLSParameters.self, forKey: .hlsParameters)
        self.changes.output.encoders = try members.decodeIfPresent([EncoderRequest].self, forKey: .encoderSettingsList)?.map(\.settings)

        self.changes.playListItems = try members.decodeIfPresent([PlayListItemRequest].self, forKey: .playListItemList)?.map(\.item)
        self.changes.playListLoops = try flag(.playlistLoopEnabled)
        self.changes.currentPlayIndex = try number(.currentPlayIndex)
        self.changes.endpoints = try members.decodeIfPresent([EndpointRequest].self, forKey: .endPointList)?.map(\.endpoint)
    }
}

/// The Endpoint object as clients send it, under either name of its URL.
struct EndpointRequest: Decodable {
    var endpointUrl: String?
    var rtmpUrl: String?
    var endpointServiceId: String?
    var resolutionHeight: Int?
    var enabled: Bool?
    var silentAudio: Bool?

    var endpoint: BroadcastChanges.Endpoint {
        .init(
            url: self.url ?? "", serviceID: self.endpointServiceId, resolutionHeight: self.resolutionHeight ?? 0, isEnabled: self.enabled,
            addsSilence: self.silentAudio)
    }

    var url: String? { [self.endpointUrl, self.rtmpUrl].lazy.compactMap { $0 }.first { !$0.isEmpty } }
}

private struct PlayListItemRequest: Decodable {
    var streamUrl: String?
    var type: String?
    var name: String?
    var durationInMs: Int64?
    var seekTimeInMs: Int64?

    var item: PlayListItem {
        PlayListItem(
            streamUrl: self.streamUrl, type: self.type, name: self.name, durationInMs: self.durationInMs ?? 0, seekTimeInMs: self.seekTimeInMs ?? 0)
    }
}

private struct EncoderRequest: Decodable {
    var height: Int?
    var videoBitrate: Int?
    var audioBitrate: Int?
    var forceEncode: Bool?
    var forceSameResolutionEncode: Bool?

    var settings: EncoderSettings {
        EncoderSettings(
            height: self.height ?? 0, videoBitrate: self.videoBitrate ?? 0, audioBitrate: self.audioBitrate ?? 0,
            forceEncode: self.forceEncode ?? true, forceSameResolutionEncode: self.forceSameResolutionEncode ?? false)
    }
}
