import ArgumentParser
import Testing

@testable import Server

@Suite struct CommandLineTests {
    @Test func serveIsTheDefault() throws {
        #expect(try Martlet.parseAsRoot(["--http-port", "8080"]) is ServeCommand)
        #expect(try Martlet.parseAsRoot([]) is ServeCommand)
        #expect(try Martlet.parseAsRoot(["serve"]) is ServeCommand)
        #expect(try Martlet.parseAsRoot(["check-config"]) is CheckConfigCommand)
        #expect(try Martlet.parseAsRoot(["health"]) is HealthCommand)
    }

    @Test func everyFlagNamesASetting() throws {
        let command = try #require(
            try Martlet.parseAsRoot([
                "serve", "--config", "m.yaml", "--http-port", "1", "--rtmp-port", "2", "--data-dir", "/d", "--log-level", "debug", "--set",
                "api.token=a=b", "--set", "serverName=",
            ]) as? ServeCommand)
        #expect(command.options.config == "m.yaml")
        #expect(
            command.options.flags == [
                .init(name: "--http-port", path: "http.port", value: "1"), .init(name: "--rtmp-port", path: "rtmp.port", value: "2"),
                .init(name: "--data-dir", path: "dataDir", value: "/d"), .init(name: "--log-level", path: "log.level", value: "debug"),
                .init(name: "--set api.token", path: "api.token", value: "a=b"), .init(name: "--set serverName", path: "serverName", value: ""),
            ])
        for flag in command.options.flags { #expect(SettingTable[flag.path] != nil, "\(flag.path)") }
    }

    @Test func aFlagGivenTwiceReachesTheLoaderTwice() throws {
        let command = try #require(try Martlet.parseAsRoot(["--http-port", "1", "--http-port", "2", "--set", "http.port=3"]) as? ServeCommand)
        #expect(command.options.flags.map(\.value) == ["1", "2", "3"])
        #expect(throws: SettingsError.self) { try SettingsLoader.load(file: nil as String?, environment: [:], flags: command.options.flags) }
    }

    @Test(arguments: [["--set", "http.port"], ["--no-such-flag"], ["serve", "extra"], ["--http-port"]]) func aWrongCommandLineIsRefused(
        arguments: [String]
    ) {
        #expect(throws: (any Error).self) { try Martlet.parseAsRoot(arguments) }
    }

    @Test func helpAndVersionAreThere() {
        let help = Martlet.helpMessage()
        for word in ["serve", "check-config", "health", "--version"] { #expect(help.contains(word), "\(word)") }
        #expect(ServeCommand.helpMessage().contains("--set <key=value>"))
        #expect(Martlet.configuration.version == "martlet \(MartletVersion.name)")
    }
}
