import Foundation
import Glibc
import Testing

/// `Peers/rtmp_target.py`: somebody else's RTMP server, with manners of a test's choice.
struct RTMPTarget {
    struct Session {
        let connection: Int
        let videos: Int
        let sounds: Int
        let startsAtKeyframe: Bool
        /// Milliseconds between pictures, each once, in order.
        let steps: [Int]
        let stepsBack: Int

        fileprivate init(_ json: JSON) {
            self.connection = Int(json["connection"].number ?? 0)
            self.videos = Int(json["videos"].number ?? 0)
            self.sounds = Int(json["sounds"].number ?? 0)
            self.startsAtKeyframe = json["startsAtKeyframe"].bool == true
            self.steps = json["steps"].items.map { Int($0.number ?? -1) }
            self.stepsBack = Int(json["stepsBack"].number ?? -1)
        }
    }

    let peer: PythonPeer

    /// `modes`: of the first connection, the second, …; the last one goes on.
    static func start(_ modes: String..., in lab: Lab) async throws -> RTMPTarget {
        RTMPTarget(peer: try await PythonPeer.start("rtmp_target.py", modes, in: lab))
    }

    func url(_ key: String = "key") -> String { "rtmp://127.0.0.1:\(self.peer.port)/live/\(key)" }

    private func events(_ name: String) throws -> [JSON] {
        let lines = try self.peer.child.output().split(separator: "\n", omittingEmptySubsequences: false).dropFirst().dropLast()
        return try lines.map { try JSON(Data($0.utf8)) }.filter { $0["event"].text == name }
    }

    /// How often somebody has begun to publish.
    func publishes() throws -> Int { try self.events("publish").count }

    /// Those that are over.
    func sessions() throws -> [Session] { try self.events("closed").map { Session($0) } }

    /// What the open ones have had so far, the newest word of each.
    func openSessions() async throws -> [Session] {
        let before = try self.events("open").count
        self.peer.child.send(SIGUSR1)
        let told = try await eventually("the target tells what it has") { () -> [JSON]? in
            let all = try self.events("open")
            return all.count > before ? Array(all.dropFirst(before)) : nil
        }
        return told.map { Session($0) }
    }
}
