import Foundation
import Glibc
import Testing

/// `srt-live-transmit` as somebody else's SRT server: it lets one caller in, writes what that sends to a file, and ends when it goes.
struct SRTReceiver {
    let lab: Lab
    let port: Int
    let child: Child

    /// `port` is given when one comes back where another was; `options` are those of its URL.
    static func start(in lab: Lab, port: Int? = nil, options: String = "") async throws -> SRTReceiver {
        let port = try port ?? freePort()
        let child = try await lab.start(
            "receiver", ["srt-live-transmit", "-q", "-a", "no", "srt://127.0.0.1:\(port)?mode=listener\(options)", "file://con"])
        return SRTReceiver(lab: lab, port: port, child: child)
    }

    /// Latency to be late in; no more of it, for the server waits half a second at most for what is not shown yet when it says goodbye.
    static let latency = "latency=450000"

    func url(_ options: String = "?\(SRTReceiver.latency)") -> String { "srt://127.0.0.1:\(self.port)\(options)" }

    var file: String { self.child.outputFile.path }
    var size: Int { (FileManager.default.contents(atPath: self.file) ?? Data()).count }

    /// Waits until the caller has gone, and decodes what came. Nothing of it may have been lost or torn.
    func decoded(hasSound: Bool = true) async throws -> DecodedMedia {
        try await self.child.waitForExit()
        return try await DecodedMedia.decode(self.file, hasSound: hasSound, in: self.lab)
    }

    /// Of the pictures, in seconds, in the order they came in.
    func decodeTimes() async throws -> [Double] {
        let output = try await self.lab.run(
            "ffprobe", ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=dts_time", "-of", "csv=p=0", self.file]
        ).output
        return output.split(whereSeparator: { $0.isNewline || $0 == "," }).compactMap { Double($0) }
    }
}
