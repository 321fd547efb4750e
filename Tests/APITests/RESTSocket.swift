import API
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

/// How a test of the contract calls the API: the answer is the same.
enum Way: CaseIterable, Sendable {
    case inMemory
    case overASocket
}

/// Calls `/v2` and gets whatever comes.
struct Caller: Sendable {
    let send: @Sendable (HTTPRequest.Method, String, String?) async throws -> Reply

    func get(_ path: String) async throws -> Reply { try await self.send(.get, "/v2" + path, nil) }
    func post(_ path: String, _ body: String? = nil) async throws -> Reply { try await self.send(.post, "/v2" + path, body) }
    func put(_ path: String, _ body: String? = nil) async throws -> Reply { try await self.send(.put, "/v2" + path, body) }
    func delete(_ path: String) async throws -> Reply { try await self.send(.delete, "/v2" + path, nil) }
}

extension RESTStage {
    /// Runs a test against this stage, through the router or through a server on a port the kernel chose.
    func called(_ way: Way, _ body: @escaping @Sendable (Caller) async throws -> Void) async throws {
        switch way {
        case .inMemory:
            try await body(Caller { try await self.send($0, $1, body: $2) })
        case .overASocket:
            try await self.serve { base in try await body(Caller { try await Self.curl($0, base + $1, $2) }) }
        }
    }

    private func serve(_ body: @escaping @Sendable (String) async throws -> Void) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .error
        let router = Router(context: APIRequestContext.self)
        self.interface.addRoutes(to: router)
        let (ports, portFound) = AsyncStream<Int>.makeStream()
        let application = Application(
            router: router, server: .martlet(readyResponder: NobodyReady()),
            configuration: .init(address: .hostname("127.0.0.1", port: 0), serverName: nil),
            onServerRunning: { channel in
                portFound.yield(channel.localAddress?.port ?? 0)
                portFound.finish()
            },
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), logger: logger)
        let group = ServiceGroup(configuration: .init(services: [application], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await port in ports {
                do {
                    try await body("http://127.0.0.1:\(port)")
                } catch {
                    await group.triggerGracefulShutdown()
                    throw error
                }
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private static func curl(_ method: HTTPRequest.Method, _ url: String, _ body: String?) async throws -> Reply {
        var arguments = ["-sS", "-i", "--path-as-is", "-g", "-X", method.rawValue]
        if let body { arguments += ["-H", "Content-Type: application/json", "--data-binary", body] }
        let outcome = try await Tool.run("curl", arguments + [url])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let end = try #require(outcome.output.range(of: "\r\n\r\n"))
        var lines = outcome.output[..<end.lowerBound].components(separatedBy: "\r\n")
        let status = try #require(lines.removeFirst().split(separator: " ").dropFirst().first.flatMap { Int($0) })
        var headers = HTTPFields()
        for line in lines {
            let colon = try #require(line.firstIndex(of: ":"))
            headers.append(
                HTTPField(
                    name: try #require(HTTPField.Name(String(line[..<colon]))), value: line[colon...].dropFirst().trimmingCharacters(in: .whitespaces)))
        }
        return Reply(status: .init(code: status), headers: headers, body: String(outcome.output[end.upperBound...]))
    }
}

/// Leaves everything to the router.
private struct NobodyReady: ReadyResponder {
    func respond(to request: ReadyRequest, on eventLoop: any EventLoop) -> ReadyAnswer? { nil }
}
