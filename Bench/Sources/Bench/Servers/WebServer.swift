import Glibc

/// A web server that Martlet is measured beside: nginx with files in memory, or Hummingbird's hello world.
final class WebServer {
    let meter: ProcessMeter
    let port: UInt16
    /// nginx only: HTTP/2 by prior knowledge, and TLS.
    let http2Port: UInt16
    let securePort: UInt16
    /// What nginx serves.
    let root: String
    private let process: ChildProcess

    static func nginx(_ options: Options, certificate: Certificate) throws(LoadFailure) -> WebServer {
        let ports = try Socket.freePorts(3)
        let root = "\(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : options.workDirectory)/martlet-bench-web-\(getpid())"
        try Directory.make(root)
        let configuration = "\(options.workDirectory)/web.conf"
        try FileBytes.write(Self.configuration(ports: ports, root: root, certificate, directory: options.workDirectory), to: configuration)
        let log = "\(options.workDirectory)/web.log"
        let process = try ChildProcess([options.nginx, "-e", "stderr", "-p", options.workDirectory, "-c", configuration], log: log)
        return try WebServer(process, ports: ports, root: root, log: log) { ChildProcess.child(of: process.identifier) }
    }

    static func hello(_ options: Options) throws(LoadFailure) -> WebServer {
        let ports = try Socket.freePorts(1)
        let log = "\(options.workDirectory)/hello.log"
        let process = try ChildProcess([options.hello, "\(ports[0])"], log: log)
        return try WebServer(process, ports: ports, root: "", log: log) { process.identifier }
    }

    private init(_ process: ChildProcess, ports: [UInt16], root: String, log: String, worker: () -> pid_t?) throws(LoadFailure) {
        self.process = process
        self.root = root
        (self.port, self.http2Port, self.securePort) = (ports[0], ports.count > 1 ? ports[1] : 0, ports.count > 2 ? ports[2] : 0)
        var found: pid_t?
        for _ in 0..<1500 where found == nil && process.isRunning {
            if Interruption.hasHappened { throw .interrupted }
            if Socket.accepts(port: ports[0]) { found = worker() }
            if found == nil { usleep(10_000) }
        }
        guard let found, process.isRunning else {
            process.stop()
            throw .server("the web server did not start: \(((try? FileBytes.text(log)) ?? "").suffix(600))")
        }
        self.meter = ProcessMeter(identifier: found)
    }

    deinit { self.stop() }

    func stop() {
        self.process.stop()
        if !self.root.isEmpty { Directory.remove(self.root) }
    }

    /// One worker, nothing logged, files sent by sendfile(2): nginx at its cheapest, as it comes with Debian. Encrypted without the kernel's help.
    private static func configuration(ports: [UInt16], root: String, _ certificate: Certificate, directory: String) -> String {
        """
        daemon off;
        worker_processes 1;
        worker_rlimit_nofile 16384;
        \(geteuid() == 0 ? "user root;" : "")
        pid web.pid;
        error_log stderr error;
        events { worker_connections 8192; }
        http {
            access_log off;
            sendfile on;
            tcp_nopush on;
            keepalive_timeout 600;
            keepalive_requests 1000000000;
            client_body_temp_path \(directory)/web-temp; proxy_temp_path \(directory)/web-temp; fastcgi_temp_path \(directory)/web-temp;
            uwsgi_temp_path \(directory)/web-temp; scgi_temp_path \(directory)/web-temp;
            types { application/vnd.apple.mpegurl m3u8; video/iso.segment m4s; video/mp4 mp4; }
            root \(root);
            ssl_certificate \(certificate.path);
            ssl_certificate_key \(certificate.key);
            ssl_protocols TLSv1.3;
            server { listen 127.0.0.1:\(ports[0]); }
            server { listen 127.0.0.1:\(ports[1]) http2; }
            server { listen 127.0.0.1:\(ports[2]) ssl; }
        }

        """
    }
}

/// The pair of files all servers use, made for the occasion.
struct Certificate {
    let path: String
    let key: String

    init(_ options: Options) throws(LoadFailure) {
        let directory = "\(options.workDirectory)/certificate"
        Directory.remove(directory)
        try Directory.make(directory)
        self.path = "\(directory)/certificate.pem"
        self.key = "\(directory)/key.pem"
        let log = "\(options.workDirectory)/certificate.log"
        let command = ["/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        let process = try ChildProcess(command + ["-subj", "/CN=localhost", "-keyout", self.key, "-out", self.path], log: log)
        for _ in 0..<500 where process.isRunning { usleep(10_000) }
        guard access(self.path, R_OK) == 0, access(self.key, R_OK) == 0 else { throw .server("no certificate: \(log)") }
    }
}
