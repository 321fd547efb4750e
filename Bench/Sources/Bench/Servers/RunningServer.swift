import Glibc

/// A server started for one round, with its own directory and ports. Ended by `stop`, at the latest with this object.
final class RunningServer {
    /// How streams are named on it, and where HLS is made.
    static let app = "live"
    static let hlsApp = "hls"

    let kind: ServerKind
    let rtmpPort: UInt16
    /// Martlet only.
    let httpPort: UInt16
    /// The process that does the work: nginx's worker, Martlet itself.
    let meter: ProcessMeter
    /// Where nginx-rtmp writes its segments.
    let hlsDirectory: String
    private let process: ChildProcess
    private let directory: String

    /// - Parameter settings: further ones of Martlet's, as environment variables.
    /// - Throws: what the last of three tries came to; another process may have taken a port in between.
    static func start(_ kind: ServerKind, _ options: Options, settings: [String: String] = [:]) throws(LoadFailure) -> RunningServer {
        for _ in 0..<2 {
            do throws(LoadFailure) { return try RunningServer(kind, options, settings) } catch {
                if case .interrupted = error { throw error }
            }
        }
        return try RunningServer(kind, options, settings)
    }

    private init(_ kind: ServerKind, _ options: Options, _ settings: [String: String]) throws(LoadFailure) {
        self.kind = kind
        let ports = try Socket.freePorts(2)
        self.rtmpPort = ports[0]
        self.httpPort = ports[1]
        self.directory = "\(options.workDirectory)/server"
        // In memory, so that no disk is measured.
        self.hlsDirectory = "\(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : options.workDirectory)/martlet-bench-\(getpid())"
        Directory.remove(self.directory)
        try Directory.make(self.directory)
        let log = "\(options.workDirectory)/server.log"
        var isReady = false
        switch kind {
        case .nginx:
            try Directory.make(self.hlsDirectory)
            let configuration = Self.nginxConfiguration(port: self.rtmpPort, hls: self.hlsDirectory, module: options.nginxModule)
            try FileBytes.write(configuration, to: "\(self.directory)/nginx.conf")
            let command = [options.nginx, "-e", "stderr", "-p", self.directory, "-c", "\(self.directory)/nginx.conf"]
            self.process = try ChildProcess(command, log: log)
        case .ffmpeg, .web, .hello: throw .usage("\(kind) takes no publishers")
        case .martlet(let window):
            let environment = [
                "MARTLET_DATA_DIR": self.directory, "MARTLET_HTTP_HOST": "127.0.0.1", "MARTLET_HTTP_PORT": "\(self.httpPort)",
                "MARTLET_RTMP_HOST": "127.0.0.1", "MARTLET_RTMP_PORT": "\(self.rtmpPort)", "MARTLET_RTMP_MERGE_WINDOW": "\(window)ms",
                "MARTLET_HLS_MODE": "onDemand", "MARTLET_LOG_LEVEL": "warning",
                // No round measures it, and its usual port may be taken.
                "MARTLET_SRT_ENABLED": "false", "MARTLET_SRT_PORT": "0",
            ]
            self.process = try ChildProcess([options.martlet, "serve"], environment: environment.merging(settings) { $1 }, log: log)
        }
        var worker: pid_t?
        for _ in 0..<1500 where !isReady && self.process.isRunning {
            if Interruption.hasHappened { throw .interrupted }
            worker = kind == .nginx ? ChildProcess.child(of: self.process.identifier) : self.process.identifier
            isReady = worker != nil && Socket.accepts(port: self.rtmpPort) && (kind == .nginx || Socket.accepts(port: self.httpPort))
            if !isReady { usleep(10_000) }
        }
        guard isReady, let worker, self.process.isRunning else {
            self.process.stop()
            let text = (try? FileBytes.text(log)) ?? ""
            throw .server("\(kind) did not start: \(text.suffix(600))")
        }
        self.meter = ProcessMeter(identifier: worker)
    }

    deinit { self.stop() }

    func stop() {
        self.process.stop()
        Directory.remove(self.directory)
        if self.kind == .nginx { Directory.remove(self.hlsDirectory) }
    }

    /// One worker, nothing logged, nothing but RTMP: nginx-rtmp at its cheapest.
    private static func nginxConfiguration(port: UInt16, hls: String, module: String) -> String {
        """
        load_module \(module);
        daemon off;
        worker_processes 1;
        worker_rlimit_nofile 16384;
        \(geteuid() == 0 ? "user root;" : "")
        pid nginx.pid;
        error_log stderr error;
        events { worker_connections 8192; }
        rtmp {
            access_log off;
            server {
                listen 127.0.0.1:\(port);
                chunk_size 4096;
                application \(Self.app) { live on; }
                application \(Self.hlsApp) { live on; hls on; hls_path \(hls); hls_fragment 2s; hls_playlist_length 30s; }
            }
        }

        """
    }
}
