import Foundation
import Glibc
import Testing

/// Debian's nginx with its RTMP module, as somebody else's server.
struct NginxRTMP {
    let lab: Lab
    let port: Int
    let child: Child
    /// Where it writes down what is published to it, when it does.
    let recordings: URL

    /// `port` is given when one comes back where another was.
    static func start(in lab: Lab, port: Int? = nil, records: Bool = false) async throws -> NginxRTMP {
        let port = try port ?? freePort()
        let prefix = lab.path("nginx-\(UUID().uuidString)")
        let recordings = prefix.appending(path: "recordings")
        try FileManager.default.createDirectory(at: recordings, withIntermediateDirectories: true)
        let record = records ? "record all; record_path \(recordings.path); record_unique on;" : ""
        let configuration = """
            load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
            daemon off;
            master_process off;
            pid \(prefix.path)/nginx.pid;
            error_log stderr notice;
            events { worker_connections 64; }
            rtmp { server { listen 127.0.0.1:\(port); application live { live on; \(record) } } }
            """
        let file = prefix.appending(path: "nginx.conf")
        try Data(configuration.utf8).write(to: file)
        let child = try await lab.start("nginx", ["nginx", "-e", "stderr", "-p", prefix.path, "-c", file.path])
        try await eventually("nginx listens") { () -> HeldConnection? in
            try #require(child.exit == nil, "nginx ended: \(child.lastWords)")
            return try HeldConnection(to: port)
        }
        return NginxRTMP(lab: lab, port: port, child: child, recordings: recordings)
    }

    func stop() async throws {
        self.child.send(SIGTERM)
        try await self.child.waitForExit()
    }

    /// One file for each publish of that name there has been.
    func recorded(_ key: String) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: self.recordings, includingPropertiesForKeys: nil)
            .filter { $0.lastPathComponent.hasPrefix(key + "-") }
    }

    func url(_ key: String) -> String { "rtmp://127.0.0.1:\(self.port)/live/\(key)" }
}
