import ArgumentParser
import Foundation

/// `martlet health`: asks a running server on this machine whether it is well. For container health checks, where there is no curl.
struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Ask the server on this machine whether it is well.",
        discussion: "Takes the same settings as serve, to know the port. Exits with 0 when GET /healthz answers 200 within five seconds.")

    @OptionGroup var options: SettingsOptions

    func run() throws {
        let http = try self.options.load().settings.http
        do {
            try HealthProbe(host: http.host, port: http.port).check()
        } catch {
            FileHandle.standardError.write(Data("martlet: \(error)\n".utf8))
            throw ExitCode(1)
        }
    }
}
