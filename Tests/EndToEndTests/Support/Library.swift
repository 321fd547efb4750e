import Foundation
import Testing

/// What the tests of the VoD library ask of a server.
extension MartletProcess {
    /// Sends a file as curl's `-F` does.
    func upload(_ file: URL, as name: String, metadata: String? = nil, options: [String] = [], limit: Int = 60) async throws -> HTTPAnswer {
        let stem = self.lab.path("upload-\(UUID().uuidString)").path
        let child = try await self.lab.start("curl", self.uploadCommand(file, name, metadata, options + ["--max-time", "\(limit)"], stem))
        let exit = try await child.waitForExit(within: .seconds(limit + 30))
        try #require(exit == .code(0), "\(child.lastWords)")
        let figures = try child.output().split(separator: " ").map { Double($0) }
        return HTTPAnswer(
            status: Int(try #require(figures.first ?? nil)), headers: [:], body: FileManager.default.contents(atPath: stem + ".body") ?? Data(),
            seconds: try #require(figures.last ?? nil))
    }

    /// The same, slowly, and without waiting for it.
    func startUpload(_ file: URL, as name: String, bytesPerSecond: Int) async throws -> Child {
        let stem = self.lab.path("upload-\(UUID().uuidString)").path
        return try await self.lab.start("curl-slow", self.uploadCommand(file, name, nil, ["--limit-rate", "\(bytesPerSecond)"], stem))
    }

    private func uploadCommand(_ file: URL, _ name: String, _ metadata: String?, _ options: [String], _ stem: String) throws -> [String] {
        let escaped = try #require(name.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        var command = ["curl", "-sS", "-o", stem + ".body", "-w", "%{http_code} %{time_total}", "-F", "file=@\(file.path)"] + options
        if let metadata { command += ["-F", "metadata=\(metadata)"] }
        return command + [self.url("/v2/vods/create?name=\(escaped)")]
    }

    func vod(_ id: String) async throws -> JSON { try await self.get("/v2/vods/\(id)").json() }

    /// Files below `streams/`, folders left out.
    func libraryFiles() throws -> [String] {
        let streams = self.data.appending(path: "streams")
        return try FileManager.default.subpathsOfDirectory(atPath: streams.path).filter { path in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: streams.appending(path: path).path, isDirectory: &isFolder) && !isFolder.boolValue
        }
    }

    /// Waits until its files do not grow any more: what it writes of what it has is on the disk. Pictures that are encoded first may take a while.
    func waitUntilNothingIsWritten() async throws {
        var last: [String: Int] = [:]
        var quietLooks = 0
        try await eventually("no file of the library grows", every: .milliseconds(500)) { () -> Bool in
            var sizes: [String: Int] = [:]
            for path in try self.libraryFiles() {
                let file = try FileManager.default.attributesOfItem(atPath: self.data.appending(path: "streams/\(path)").path)
                sizes[path] = file[.size] as? Int ?? 0
            }
            quietLooks = sizes == last ? quietLooks + 1 : 0
            last = sizes
            return quietLooks >= 6
        }
    }

    /// Kilobytes of a line of /proc/PID/status.
    func memory(_ line: String) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(self.child.pid)/status", encoding: .utf8)
        let found = try #require(status.split(separator: "\n").first { $0.hasPrefix(line + ":") })
        return try #require(found.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) })
    }
}
