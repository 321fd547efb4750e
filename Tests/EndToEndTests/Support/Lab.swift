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

    /// - Parameter isAlone: no other test runs meanwhile; for those in which the server must keep up with pictures as they come.
    static func run(alone isAlone: Bool = false, _ work: (Lab) async throws -> Void) async throws {
        let places = isAlone ? LabDoor.places : 1
        await LabDoor.enter(places)
        defer { LabDoor.leave(places) }
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

    /// For what needs a machine that keeps up, which one with other tests to run may not do: what was too slow among them is done again alone.
    /// - Parameter work: told whether no other test runs; false when it was too slow and others do.
    static func runAmongOthersOrAlone(_ work: (_ lab: Lab, _ isAlone: Bool) async throws -> Bool) async throws {
        for isAlone in [false, true] {
            var isDone = false
            try await Self.run(alone: isAlone) { lab in isDone = try await work(lab, isAlone) }
            if isDone { return }
        }
        Issue.record("it was not done even alone")
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
    func run(_ name: String, _ command: [String], within limit: Duration = .seconds(120)) async throws -> (output: String, errors: String) {
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
    static let places = 3

    private struct State {
        var free = places
        /// In the order of coming, so that one that wants all places is not passed for ever by those that want one.
        var waiting: [(places: Int, continuation: CheckedContinuation<Void, Never>)] = []

        /// Those whose turn it is.
        mutating func admit() -> [CheckedContinuation<Void, Never>] {
            var admitted: [CheckedContinuation<Void, Never>] = []
            while let first = self.waiting.first, first.places <= self.free {
                self.free -= first.places
                admitted.append(self.waiting.removeFirst().continuation)
            }
            return admitted
        }
    }

    private static let state = Mutex(State())

    static func enter(_ places: Int) async {
        await withCheckedContinuation { continuation in
            self.admit { $0.waiting.append((places, continuation)) }
        }
    }

    static func leave(_ places: Int) { self.admit { $0.free += places } }

    private static func admit(after change: (inout sending State) -> Void) {
        let admitted = self.state.withLock { state in
            change(&state)
            return state.admit()
        }
        for continuation in admitted { continuation.resume() }
    }
}
