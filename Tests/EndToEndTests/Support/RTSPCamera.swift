import Foundation
import Glibc

/// GStreamer's RTSP server as a camera. Every client is shown the film from its beginning, in real time.
struct RTSPCamera {
    enum Video: String { case h264, hevc, vp8, none }
    /// `latm`: AAC as MP4A-LATM.
    enum Audio: String { case aac, latm, pcma, pcmu, l16, opus, none }
    enum Transport: String { case tcp, udp, any }

    let port: Int
    let child: Child

    /// - Parameters:
    ///   - film: whose video is passed on as it is, and so is AAC for `aac` and `latm`; other audio is made from it. nil: a test picture and a tone.
    ///   - options: more of the script's options; `rtsp_server.py --help` lists them.
    ///   - port: given when one comes back where another was.
    static func start(
        in lab: Lab, video: Video = .h264, audio: Audio = .aac, film: URL? = nil, login: (user: String, password: String)? = nil,
        transport: Transport = .any, port: Int = 0, options: [String] = []
    ) async throws -> RTSPCamera {
        var arguments = ["--video", video.rawValue, "--audio", audio.rawValue, "--transport", transport.rawValue, "--port", "\(port)"]
        if let film { arguments += ["--file", film.path] }
        if let login { arguments += ["--user=\(login.user)", "--password=\(login.password)"] }
        let peer = try await PythonPeer.start("rtsp_server.py", arguments + options, in: lab)
        return RTSPCamera(port: peer.port, child: peer.child)
    }

    /// Without credentials.
    var url: String { "rtsp://127.0.0.1:\(self.port)/cam" }

    /// As when the camera's network is gone: nothing comes, nothing is refused.
    func freeze() { self.child.send(SIGSTOP) }
    func thaw() { self.child.send(SIGCONT) }

    func vanish() async throws {
        self.child.send(SIGKILL)
        try await self.child.waitForExit()
    }
}
