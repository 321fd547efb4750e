import Foundation
import Glibc
import Testing

/// An HTTP server of the files in a folder. Folders in front of a path say how badly it serves them; `http_files.py` lists them.
struct FileServer {
    struct Request: Decodable, Equatable {
        let method: String
        let path: String
        let range: String?
        let status: Int
    }

    let port: Int
    let child: Child
    private let lab: Lab

    static func start(in lab: Lab, folder: URL, port: Int = 0) async throws -> FileServer {
        let peer = try await PythonPeer.start("http_files.py", [folder.path, "--port", "\(port)"], in: lab)
        return FileServer(port: peer.port, child: peer.child, lab: lab)
    }

    /// `path` without its first slash: `clip.mp4`, `slow=2.5/norange/clip.mp4`.
    func url(_ path: String) -> String { "http://127.0.0.1:\(self.port)/\(path)" }

    /// What leads to `target` by a redirect.
    func redirect(to target: String, status: Int = 302) throws -> String {
        let encoded = try #require(target.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        return self.url("to=\(status)/\(encoded)")
    }

    /// What was asked so far, in the order of the answers.
    func requests() async throws -> [Request] {
        let answer = try await HTTPAnswer.fetch("GET", self.url("requests"), in: self.lab)
        return try JSONDecoder().decode([Request].self, from: answer.body)
    }

    func vanish() async throws {
        self.child.send(SIGKILL)
        try await self.child.waitForExit()
    }
}
