import ArgumentParser

/// The command line.
@main
struct Martlet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract: "A self-hosted broadcast server.",
        discussion: """
            Settings come from the file given with --config, then from environment variables (MARTLET_ and the key in upper snake case, such as \
            MARTLET_HTTP_PORT), then from flags; each overrides what came before. config/martlet.yaml lists every key.
            """,
        version: "martlet \(MartletVersion.name)",
        subcommands: [ServeCommand.self, CheckConfigCommand.self, HealthCommand.self, CertificateCommand.self],
        defaultSubcommand: ServeCommand.self)
}
