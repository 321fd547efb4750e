import Foundation
import Synchronization
import Testing

/// One test's room: a directory, and the processes that work in it. Both go when the test ends; when it fails, what the processes wrote is printed.
final class Lab: Sendable {
    let directory: URL
    private let children = Mutex<[Child]>([])
    private let servers = Mutex<[MartletProcess]>([])
    private let counts = Mutex<[String: Int]>([:])

    private init() throws {
        self.directory = FileManager.default.temporaryDirectory.appending(path: "martlet-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
    }

    static func run(_ work: (Lab) async throws -> Void) async throws {
        await LabDoor.enter()
        defer { LabDoor.leave() }
        let lab = try Lab()
        do {
            try await work(lab)
            for server in lab.servers.withLock({ $0 }) {
                try #require(
                    server.isStoppedByTest || server.child.exit == nil, "the server ended by itself: \(String(describing: server.child.exit))")
            }
        } catch {
            lab.printLogs(error)
            try await lab.close()
            throw error
        }
        try await lab.close()
    }

    /// A file or folder of this test.
    func path(_ name: String) -> URL { self.directory.appending(path: name) }

    func start(_ name: String, _ command: [String], environment: [String: String]? = nil) async throws -> Child {
        let number = self.counts.withLock { counts in
            counts[name, default: 0] += 1
            return counts[name, default: 1]
        }
        let child = try await Child.start(
            "\(name)-\(number)", command, environment: environment ?? ProcessInfo.processInfo.environment, directory: self.directory)
        self.children.withLock { $0.append(child) }
        return child
    }

    /// Runs a tool to its end and gives what it wrote.
    @discardableResult
    func run(_ name: String, _ command: [String], within limit: Duration = .seconds(60)) async throws -> (output: String, errors: String) {
        let child = try await self.start(name, command)
        let exit = try await child.waitForExit(within: limit)
        let (output, errors) = (try child.output(), try child.errors())
        try #require(exit == .code(0), "\(command.joined(separator: " ")) ended with \(exit): \(errors.suffix(2000))")
        return (output, errors)
    }

    func add(_ server: MartletProcess) { self.servers.withLock { $0.append(server) } }

    private func close() async throws {
        let children = self.children.withLock { $0 }
        for child in children { child.send(SIGKILL) }
        for child in children { try await child.waitForExit() }
        try FileManager.default.removeItem(at: self.directory)
    }

    /// Tools whose failure is told by the test itself.
    private static let quiet = ["curl", "decode", "ffprobe"]

    private func printLogs(_ error: any Error) {
        var text = "\n===== \(error)\n"
        for child in self.children.withLock({ $0 }) where !Self.quiet.contains(where: { child.name.hasPrefix($0) }) {
            for (kind, file) in [("out", child.outputFile), ("err", child.errorFile)] {
                guard let data = FileManager.default.contents(atPath: file.path), !data.isEmpty, !data.contains(0) else { continue }
                text += "----- \(child.name) \(kind), exit \(String(describing: child.exit))\n\(String(decoding: data.suffix(6000), as: UTF8.self))\n"
            }
        }
        FileHandle.standardError.write(Data(text.utf8))
    }
}

/// Lets few tests in at a time: each of them waits for real time to pass more than it computes, yet real time needs a processor that keeps up.
private enum LabDoor {
    private static let places = 3

    private struct State {
        var free = places
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private static let state = Mutex(State())

    static func enter() async {
        await withCheckedContinuation { continuation in
            let isFree = self.state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    static func leave() {
        let next = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
