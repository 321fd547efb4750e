import Foundation
import Testing

/// A script of `Tests/EndToEndTests/Peers/`, which says on its first line at which port it is to be reached.
struct PythonPeer {
    let port: Int
    let child: Child

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Peers")

    static func path(of script: String) -> String { Self.folder.appending(path: script).path }

    static func start(_ script: String, _ arguments: [String], in lab: Lab) async throws -> PythonPeer {
        // Debian's own Python, which has Debian's modules.
        let name = script.replacing(".py", with: "")
        let child = try await lab.start(name, ["/usr/bin/python3", Self.path(of: script)] + arguments)
        // Some load GStreamer or start a browser first, while other tests compute.
        let port = try await eventually("\(script) names its port") { () -> Int? in
            try #require(child.exit == nil, "\(script) ended: \(child.lastWords)")
            return try child.output().split(separator: "\n", omittingEmptySubsequences: false).dropLast().first.flatMap { Int($0) }
        }
        return PythonPeer(port: port, child: child)
    }
}
