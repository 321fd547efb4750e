import ArgumentParser
import Logging

/// `martlet serve`: runs the server until it is told to stop.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the server (the default).",
        discussion: "Runs until SIGTERM or SIGINT, then finishes recordings, closes connections and exits with 0.")

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let loaded = try self.options.load()
        let settings = loaded.settings
        let output = LogOutput.standardError
        LoggingSystem.bootstrap { label in
            MartletLogHandler(label: label, format: settings.log.format, level: settings.log.level, output: output)
        }
        defer { output.flush() }
        let logger = Logger(label: "martlet")
        for warning in loaded.warnings { logger.warning("A setting should be looked at", metadata: ["setting": "\(warning)"]) }
        do {
            try await MartletServer(settings: settings, logger: logger).run()
        } catch {
            logger.critical("The server stopped", metadata: ["error": "\(error)"])
            throw ExitCode(1)
        }
    }
}
