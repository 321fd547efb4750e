import Foundation
import Logging
import Testing

@testable import Server

@Suite struct SettingsLoaderTests {
    private func load(
        _ yaml: String = "", environment: [String: String] = [:], flags: [(String, String)] = []
    ) throws(SettingsError) -> LoadedSettings {
        try SettingsLoader.load(
            file: SettingsFile(name: "m.yaml", text: yaml), environment: environment,
            flags: flags.map { SettingsLoader.Flag(name: "--set \($0.0)", path: $0.0, value: $0.1) })
    }

    private func problems(_ yaml: String = "", environment: [String: String] = [:], flags: [(String, String)] = []) -> [String] {
        do {
            _ = try self.load(yaml, environment: environment, flags: flags)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func nothingSetMeansTheDefaults() throws {
        let loaded = try self.load()
        #expect(loaded.settings == Settings())
        #expect(loaded.source(of: "http.port") == .builtIn)
        #expect(loaded.warnings.isEmpty)
    }

    @Test func flagsOverrideTheEnvironmentAndThatTheFile() throws {
        let yaml = "http:\n  port: 1001\nrtmp:\n  port: 2001\nlog:\n  level: debug\n"
        let loaded = try self.load(
            yaml, environment: ["MARTLET_HTTP_PORT": "1002", "MARTLET_RTMP_PORT": "2002"], flags: [("http.port", "1003")])
        #expect(loaded.settings.http.port == 1003)
        #expect(loaded.settings.rtmp.port == 2002)
        #expect(loaded.settings.log.level == .debug)
        #expect(loaded.source(of: "http.port") == .flag("--set http.port"))
        #expect(loaded.source(of: "rtmp.port") == .environment(name: "MARTLET_RTMP_PORT"))
        #expect(loaded.source(of: "log.level") == .file(path: "m.yaml", line: 6))
    }

    @Test func theEnvironmentWritesListsWithCommas() throws {
        let loaded = try self.load(environment: ["MARTLET_API_ALLOW": "10.0.0.0/8, fd00::/8", "MARTLET_APP_ALIASES": ""])
        #expect(loaded.settings.api.allow.map(\.description) == ["10.0.0.0/8", "fd00::/8"])
        #expect(loaded.settings.appAliases.isEmpty)
    }

    @Test func allProblemsOfAllSourcesAreToldAtOnce() {
        let found = self.problems(
            "http:\n  port: 70000\n  hots: x\nhls:\n  mode: never\n",
            environment: ["MARTLET_RTMP_MERGE_WINDOW": "1s", "MARTLET_PUBLISH_MAX_HEIGHT": "tall"], flags: [("log.levle", "info")])
        #expect(
            found == [
                "m.yaml:2: http.port: 70000 is not allowed; allowed: a whole number from 0 to 65535, where 0 lets the system choose",
                "m.yaml:3: http.hots: there is no such setting; did you mean http.host?",
                "m.yaml:5: hls.mode: never is not allowed; allowed: one of onDemand, always",
                "environment variable MARTLET_PUBLISH_MAX_HEIGHT: publish.maxHeight: tall is not allowed; "
                    + "allowed: a whole number from 0 to 16384, where 0 is no limit",
                "environment variable MARTLET_RTMP_MERGE_WINDOW: rtmp.mergeWindow: 1s is not allowed; "
                    + "allowed: a duration from 0 to 350ms, such as 500ms, 2s, 1m or 1h",
                "--set log.levle: log.levle: there is no such setting; did you mean log.level?",
            ])
    }

    @Test func aWrongValueIsAProblemEvenWhenALaterSourceOverridesIt() {
        #expect(self.problems("http:\n  port: x\n", flags: [("http.port", "80")]).count == 1)
    }

    @Test(arguments: [
        "http:\n  port: \"5080\"\n", "http:\n  port: 5080.0\n", "http:\n  port: 0x50\n", "http:\n  port: [80]\n", "http:\n  port:\n",
        "http:\n  port: -1\n", "http:\n  port: +80\n", "http:\n  port: {a: 1}\n", "http:\n  port: 99999999999999999999\n",
        "recording:\n  mp4: yes\n", "recording:\n  mp4: 1\n", "recording:\n  mp4: \"true\"\n",
        "hls:\n  segmentDuration: 2\n", "hls:\n  segmentDuration: 2 s\n", "hls:\n  segmentDuration: 0\n", "hls:\n  listSize: 15s\n",
        "hub:\n  groupCacheSize: 8\n", "hub:\n  groupCacheSize: 8mb\n", "hub:\n  groupCacheSize: 99999999999999999999GB\n",
        "api:\n  allow: 127.0.0.1/33\n", "api:\n  allow: [localhost]\n", "api:\n  allow: [[127.0.0.1]]\n",
        "app: v2\n", "app: a/b\n", "app: \"\"\n", "app: ..\n", "appAliases: [ok, rest]\n", "dataDir: \"\"\n", "dataDir:\n",
        "serverName: \"a b\"\n", "http:\n  host: \"\"\n", "log:\n  level: loud\n", "log:\n  format: xml\n", "api:\n  token: \"two words\"\n",
    ])
    func aValueOfTheWrongTypeOrRangeStopsTheStart(yaml: String) throws {
        let found = self.problems(yaml)
        #expect(found.count == 1)
        #expect(try #require(found.first).contains("is not allowed; allowed: "))
    }

    @Test(arguments: [
        (
            "slate: a.gif",
            "endpoints.slate: a.gif is not allowed; allowed: a path that ends in one of png, jpg, jpeg, mp4, mov, mkv, webm, flv, or empty"
        ),
        ("slate: [a.png]", "endpoints.slate: [a.png] is not allowed; allowed: a path that ends"),
        ("slate: /nowhere/a.png", "endpoints.slate: /nowhere/a.png cannot be shown: "),
        ("slateAfter: 100ms", "endpoints.slateAfter: 100ms is not allowed; allowed: a duration from 500ms to 5m"),
        ("slateLimit: 2s", "endpoints.slateLimit: must be longer than endpoints.slateAfter ("),
        ("slateLimit: 48h", "endpoints.slateLimit: 48h is not allowed; allowed: a duration from 1s to 24h"),
        ("slateAfterGoodbye: maybe", "endpoints.slateAfterGoodbye: maybe is not allowed; allowed: true or false"),
    ])
    func aWrongSlateStopsTheStart(line: String, told: String) throws {
        let found = self.problems("endpoints:\n  \(line)\n")
        #expect(found.count == 1)
        #expect(try #require(found.first).hasPrefix("m.yaml:2: " + told), "\(found)")
    }

    @Test func aSlateMustBeAPicture() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "slate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        let text = folder.appending(path: "text.png")
        try Data("no picture".utf8).write(to: text)
        #expect(
            try #require(self.problems("endpoints:\n  slate: \(text.path)\n").first).hasPrefix(
                "m.yaml:2: endpoints.slate: \(text.path) cannot be shown: "))
        // One white point.
        let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4//8/AAX+Av4N70a4AAAAAElFTkSuQmCC"
        let picture = folder.appending(path: "white.PNG")
        try #require(Data(base64Encoded: png)).write(to: picture)
        #expect(try self.load("endpoints:\n  slate: \(picture.path)\n").settings.endpoints.slate == picture.path)
    }

    @Test func aWrongSecretIsNotShown() {
        let found = self.problems("api:\n  token: \"pass word\"\n", environment: ["MARTLET_API_TOKEN": "other word"])
        #expect(found.count == 2)
        #expect(!found.joined().contains("word"))
    }

    @Test func anUnknownVariableOnlyWarns() throws {
        let loaded = try self.load(environment: ["MARTLET_HTTP_PROT": "1", "HTTP_PORT": "2", "MARTLET": "3"])
        #expect(loaded.settings == Settings())
        #expect(
            loaded.warnings == [
                "environment variable MARTLET_HTTP_PROT: there is no such setting; it is ignored; did you mean MARTLET_HTTP_PORT?"
            ])
    }

    @Test func aFlagGivenTwiceIsRefused() {
        #expect(
            self.problems(flags: [("http.port", "1"), ("http.port", "2")])
                == ["--set http.port: http.port: set twice; first at --set http.port"])
    }

    @Test func onePortForTwoDoorsIsRefused() {
        #expect(
            self.problems("rtmp:\n  port: 5080\n") == ["m.yaml:2: rtmp.port: 5080 is http.port too (built-in default)"])
        #expect(self.problems("rtmp:\n  port: 0\nhttp:\n  port: 0\n").isEmpty)
    }

    @Test func aTokenIsReadFromItsFile() throws {
        let path = try TemporaryFile("a-long-token-from-a-file\n")
        let loaded = try self.load(environment: ["MARTLET_API_TOKEN_FILE": path.path])
        #expect(loaded.settings.api.token.reveal() == "a-long-token-from-a-file")
        #expect(loaded.warnings.isEmpty)
    }

    @Test func aTokenAndATokenFileAreOneTooMany() throws {
        let path = try TemporaryFile("a-long-token-from-a-file")
        let found = self.problems("api:\n  token: abcdefghijklmnopq\n", environment: ["MARTLET_API_TOKEN_FILE": path.path])
        #expect(
            found == ["environment variable MARTLET_API_TOKEN_FILE: api.tokenFile: api.token is set too (m.yaml:2); set one of them"])
    }

    @Test(arguments: ["", "\n", "two words\n", "one\ntwo\n", String(repeating: "x", count: 5000)])
    func aTokenFileWithoutATokenIsRefused(text: String) throws {
        let path = try TemporaryFile(text)
        #expect(self.problems(environment: ["MARTLET_API_TOKEN_FILE": path.path]).count == 1)
    }

    @Test func aTokenFileThatIsMissingIsRefused() {
        #expect(self.problems(environment: ["MARTLET_API_TOKEN_FILE": "/nonexistent/token"]).count == 1)
    }

    @Test func aShortTokenWarns() throws {
        let loaded = try self.load(environment: ["MARTLET_API_TOKEN": "short"])
        #expect(loaded.settings.api.token.reveal() == "short")
        #expect(loaded.warnings.count == 1)
        #expect(!loaded.warnings.joined().contains("\"short\""))
    }

    @Test func theReportShowsValuesAndSourcesButNoSecret() throws {
        let loaded = try self.load("hls:\n  mode: always\n", environment: ["MARTLET_API_TOKEN": "correct-horse-battery"])
        let lines = SettingsReport.text(loaded).split(separator: "\n")
        #expect(lines.count == SettingTable.all.count)
        #expect(lines.contains { $0.hasPrefix("hls.mode = always ") && $0.hasSuffix("# m.yaml:2") })
        #expect(lines.contains { $0.hasPrefix("api.token = *** ") && $0.hasSuffix("# environment variable MARTLET_API_TOKEN") })
        #expect(!SettingsReport.text(loaded).contains("correct-horse"))
    }
}

/// A file that is gone after the test.
final class TemporaryFile: Sendable {
    let path = FileManager.default.temporaryDirectory.path + "/martlet-\(UUID().uuidString)"

    init(_ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: self.path))
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: self.path)
        } catch {
            Issue.record("\(self.path) could not be removed: \(error)")
        }
    }
}
