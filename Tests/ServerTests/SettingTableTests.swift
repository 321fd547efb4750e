import Testing

@testable import Server

@Suite struct SettingTableTests {
    /// The keys and variables that scripts, containers and documentation elsewhere rely on.
    @Test(arguments: [
        ("dataDir", "MARTLET_DATA_DIR", "./data"),
        ("app", "MARTLET_APP", "live"),
        ("appAliases", "MARTLET_APP_ALIASES", "[LiveApp, WebRTCAppEE]"),
        ("serverName", "MARTLET_SERVER_NAME", "\"\""),
        ("http.host", "MARTLET_HTTP_HOST", "0.0.0.0"),
        ("http.port", "MARTLET_HTTP_PORT", "5080"),
        ("rtmp.port", "MARTLET_RTMP_PORT", "1935"),
        ("rtmp.mergeWindow", "MARTLET_RTMP_MERGE_WINDOW", "30ms"),
        ("srt.port", "MARTLET_SRT_PORT", "4200"),
        ("srt.passphrase", "MARTLET_SRT_PASSPHRASE", "\"\""),
        ("srt.latency", "MARTLET_SRT_LATENCY", "120ms"),
        ("log.level", "MARTLET_LOG_LEVEL", "info"),
        ("log.format", "MARTLET_LOG_FORMAT", "text"),
        ("api.allow", "MARTLET_API_ALLOW", "[127.0.0.0/8, ::1]"),
        ("api.token", "MARTLET_API_TOKEN", "\"\""),
        ("api.tokenFile", "MARTLET_API_TOKEN_FILE", "\"\""),
        ("publish.acceptOnlyRegistered", "MARTLET_PUBLISH_ACCEPT_ONLY_REGISTERED", "false"),
        ("publish.maxHeight", "MARTLET_PUBLISH_MAX_HEIGHT", "0"),
        ("publish.maxBitrate", "MARTLET_PUBLISH_MAX_BITRATE", "0"),
        ("recording.mp4", "MARTLET_RECORDING_MP4", "false"),
        ("endpoints.republishLimit", "MARTLET_ENDPOINTS_REPUBLISH_LIMIT", "-1"),
        ("endpoints.healthCheckPeriod", "MARTLET_ENDPOINTS_HEALTH_CHECK_PERIOD", "2s"),
        ("hls.mode", "MARTLET_HLS_MODE", "onDemand"),
        ("hls.segmentDuration", "MARTLET_HLS_SEGMENT_DURATION", "2s"),
        ("hls.listSize", "MARTLET_HLS_LIST_SIZE", "15"),
        ("hls.deleteOnEnd", "MARTLET_HLS_DELETE_ON_END", "true"),
    ])
    func theAgreedKeysExist(path: String, variable: String, defaultText: String) throws {
        let row = try #require(SettingTable[path])
        #expect(row.environmentName == variable)
        #expect(row.defaultText == defaultText)
    }

    @Test func noTwoSettingsShareAPathOrAVariable() {
        #expect(Set(SettingTable.all.map(\.path)).count == SettingTable.all.count)
        #expect(Set(SettingTable.all.map(\.environmentName)).count == SettingTable.all.count)
    }

    @Test func everySettingSaysWhatItDoesAndWhatItAllows() {
        for row in SettingTable.all {
            #expect(row.summary.hasSuffix("."), "\(row.path)")
            #expect(!row.allowed.isEmpty, "\(row.path)")
        }
    }

    /// A default that its own type would refuse could not be written into a file.
    @Test func everyDefaultIsAllowed() {
        for row in SettingTable.all {
            var settings = Settings()
            let text = row.defaultText
            let raw: RawSetting =
                if text == "\"\"" {
                    .scalar("", isQuoted: true)
                } else if text.hasPrefix("[") {
                    .scalar(String(text.dropFirst().dropLast()), isQuoted: false)
                } else {
                    .scalar(text, isQuoted: false)
                }
            #expect(row.assign(raw, &settings), "\(row.path): \(text)")
            #expect(settings == Settings(), "\(row.path)")
        }
    }

    /// Every property must have a row, or it could not be set. Counted with reflection, which a forgotten row cannot escape.
    @Test func everyPropertyHasARow() {
        var leaves = 0
        for child in Mirror(reflecting: Settings()).children {
            let isSection = SettingTable.sections.contains(child.label ?? "")
            leaves += isSection ? Mirror(reflecting: child.value).children.count : 1
        }
        #expect(leaves == SettingTable.all.count)
    }
}
