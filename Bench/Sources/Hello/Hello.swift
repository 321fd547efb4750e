import Hummingbird
import Logging

/// Hummingbird's hello world: the least a request through it costs.
@main
enum Hello {
    static func main() async throws {
        guard CommandLine.arguments.count == 2, let port = Int(CommandLine.arguments[1]) else { return print("usage: Hello PORT") }
        let router = Router()
        router.get("/hello") { _, _ in "Hello, world!" }
        var logger = Logger(label: "hello")
        logger.logLevel = .warning
        try await Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), logger: logger).runService()
    }
}
