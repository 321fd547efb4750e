import Foundation
import Synchronization
import Testing

/// A running server on ports of the kernel's choice, with a data directory that outlives it so that another one can be started there.
final class MartletProcess: Sendable {
    let lab: Lab
    let child: Child
    let data: URL
    let http: Int
    let rtmp: Int
    /// nil where it is switched off.
    let srt: Int?
    private let stopped = Mutex(false)

    private init(lab: Lab, child: Child, data: URL, http: Int, rtmp: Int, srt: Int?) {
        self.lab = lab
        self.child = child
        self.data = data
        self.http = http
        self.rtmp = rtmp
        self.srt = srt
    }

    /// `MARTLET_BIN`, or the debug build of the package this file is in.
    static func binary() throws -> String {
        let path: String
        if let given = ProcessInfo.processInfo.environment["MARTLET_BIN"] {
            path = given
        } else {
            path = try Self.repository().appending(path: ".build/debug/martlet").path
        }
        try #require(
            FileManager.default.isExecutableFile(atPath: path), "no server at \(path): build it with `swift build`, or name it in MARTLET_BIN")
        return path
    }

    /// The folder of the package this file is in.
    static func repository() throws -> URL {
        var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        while !FileManager.default.fileExists(atPath: folder.appending(path: "Package.swift").path) {
            try #require(folder.path != "/", "no package around \(#filePath)")
            folder.deleteLastPathComponent()
        }
        return folder
    }

    /// Starts the command with only the settings given here, whatever the surrounding environment says.
    static func spawn(
        in lab: Lab, data: URL, settings: [String: String] = [:], arguments: [String] = [], wrapper: [String] = []
    ) async throws -> Child {
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MARTLET_") }
        environment["MARTLET_DATA_DIR"] = data.path
        environment["MARTLET_HTTP_HOST"] = "127.0.0.1"
        environment["MARTLET_HTTP_PORT"] = "0"
        environment["MARTLET_RTMP_HOST"] = "127.0.0.1"
        environment["MARTLET_RTMP_PORT"] = "0"
        environment["MARTLET_SRT_HOST"] = "127.0.0.1"
        environment["MARTLET_SRT_PORT"] = "0"
        environment["MARTLET_LOG_FORMAT"] = "json"
        environment.merge(settings) { _, given in given }
        return try await lab.start("martlet", wrapper + [Self.binary(), "serve"] + arguments, environment: environment)
    }

    /// `wrapper` is a command that ends with becoming the one given behind it.
    static func start(
        in lab: Lab, data: URL? = nil, settings: [String: String] = [:], wrapper: [String] = []
    ) async throws -> MartletProcess {
        let data = data ?? lab.path("data")
        let child = try await Self.spawn(in: lab, data: data, settings: settings, wrapper: wrapper)
        let line = try await eventually("the server listens") {
            try #require(child.exit == nil, "the server did not start: \(child.lastWords)")
            return try Self.lines(of: child).first { $0["message"].text == "Listening" && $0["rtmp"].text != nil }
        }
        func port(_ door: String) throws -> Int {
            let address = try #require(line[door].text)
            return try #require(address.split(separator: ":").last.flatMap { Int($0) })
        }
        let server = MartletProcess(
            lab: lab, child: child, data: data, http: try port("http"), rtmp: try port("rtmp"), srt: line["srt"].text == nil ? nil : try port("srt"))
        lab.add(server)
        return server
    }

    var isStoppedByTest: Bool { self.stopped.withLock { $0 } }

    /// As a service manager does it. The server promises to be gone within ten seconds; processors are shared here, so it gets a minute.
    func stop() async throws {
        self.stopped.withLock { $0 = true }
        self.child.send(SIGTERM)
        let exit = try await self.child.waitForExit(within: .seconds(60))
        try #require(exit == .code(0), "after SIGTERM")
    }

    /// As a power failure does it.
    func kill() async throws {
        self.stopped.withLock { $0 = true }
        self.child.send(SIGKILL)
        try await self.child.waitForExit()
    }

    /// A new server on the same data.
    func restarted(settings: [String: String] = [:]) async throws -> MartletProcess {
        try await Self.start(in: self.lab, data: self.data, settings: settings)
    }

    /// What it has logged so far, line by line.
    func log() throws -> [JSON] { try Self.lines(of: self.child) }

    private static func lines(of child: Child) throws -> [JSON] {
        // The last line may not have been written to its end.
        let whole = try Data(contentsOf: child.errorFile)
        return try whole.prefix((whole.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1).split(separator: UInt8(ascii: "\n")).map { try JSON(Data($0)) }
    }

    // MARK: Addresses

    func rtmpURL(_ id: String) -> String { "rtmp://127.0.0.1:\(self.rtmp)/live/\(id)" }
    func url(_ path: String) -> String { "http://127.0.0.1:\(self.http)\(path)" }
    func playlistURL(_ id: String) -> String { self.url("/live/streams/\(id).m3u8") }

    // MARK: Calls

    @discardableResult
    func call(_ method: String, _ path: String, body: String? = nil, headers: [String] = []) async throws -> HTTPAnswer {
        try await HTTPAnswer.fetch(method, self.url(path), headers: headers, body: body, in: self.lab)
    }

    func get(_ path: String, headers: [String] = []) async throws -> HTTPAnswer { try await self.call("GET", path, headers: headers) }

    func broadcast(_ id: String) async throws -> JSON { try await self.get("/v2/broadcasts/\(id)").json() }

    func waitUntil(_ id: String, is status: String, within limit: Duration = .seconds(120)) async throws {
        try await eventually("\(id) is \(status)", within: limit) { try await self.broadcast(id)["status"].text == status ? () : nil }
    }

    @discardableResult
    func record(_ id: String, _ isOn: Bool, query: String = "") async throws -> JSON {
        let answer = try await self.call("PUT", "/v2/broadcasts/\(id)/recording/\(isOn)\(query)")
        try #require(answer.status == 200)
        return try answer.json()
    }

    /// The recordings' entries, oldest first, when there are `count` of them. Those without a file are still being finished, and are left out.
    func vods(of id: String, count: Int, within limit: Duration = .seconds(120)) async throws -> [JSON] {
        try await eventually("\(count) recordings of \(id)", within: limit) {
            let list = try await self.get("/v2/vods/list/0/50?streamId=\(id)&sort_by=date&order_by=asc").json().items.filter {
                $0["filePath"] != .null
            }
            return list.count >= count ? list : nil
        }
    }

    func endpoint(of id: String) async throws -> JSON { try await self.broadcast(id)["endPointList"][0] }
}

extension MartletProcess {
    /// The value of a metric without labels, or the sum over all of them.
    func metric(_ name: String) async throws -> Double {
        let lines = try await self.get("/metrics").text.split(separator: "\n").filter { line in
            line.hasPrefix("martlet_\(name)") && [" ", "{"].contains(line.dropFirst("martlet_\(name)".count).first)
        }
        try #require(!lines.isEmpty, "no metric \(name)")
        return try lines.reduce(0) { try $0 + #require($1.split(separator: " ").last.flatMap { Double($0) }) }
    }
}
