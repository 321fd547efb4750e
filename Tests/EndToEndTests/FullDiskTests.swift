import Foundation
import Glibc
import Testing

/// Field notes, row 27, on a small disk of the server's own: a file system in memory that only this process sees and that goes with it.
@Suite struct FullDiskTests {
    /// With a reserve that only recordings respect, while segments stay in memory; and with a disk that is full to the last byte, for segments too.
    @Test(arguments: [("12MB", "100MB"), ("0", "2MiB")])
    func aFullDiskEndsTheRecordingAndNothingElse(reserve: String, memory: String) async throws {
        try await Lab.run { lab in
            let data = lab.path("data")
            try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
            // Who is not root may have a small disk only where users may have namespaces.
            let apart = geteuid() == 0 ? ["unshare", "--mount"] : ["unshare", "--map-root-user", "--mount"]
            let mount = "mount -t tmpfs -o size=24m tmpfs \"$0\" && exec \"$@\""
            let server = try await MartletProcess.start(
                in: lab, data: data,
                settings: [
                    "MARTLET_RECORDING_MINIMUM_FREE_SPACE": reserve, "MARTLET_RECORDING_SUFFICIENT_FREE_SPACE": reserve,
                    "MARTLET_HLS_MEMORY_PER_STREAM": memory,
                ],
                wrapper: apart + ["sh", "-c", mount, data.path])
            // As the server sees it.
            let streams = URL(fileURLWithPath: "/proc/\(server.child.pid)/root\(data.path)/streams")
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo"}"#)
            let publisher = try await server.publish(.heavy, as: "demo", loops: true)
            try await lab.run("curl-viewer", ["curl", "-sS", "-o", "/dev/null", server.playlistURL("demo")])
            try #require(try await server.record("demo", true)["success"].bool == true)

            // It ends by itself, keeps what it has, and says so.
            let vod = try #require(try await server.vods(of: "demo", count: 1).first)
            try await eventually("no recording runs") { try await server.metric("recordings") == 0 }
            let reasons = try server.log().filter { $0["stream"].text == "demo" && $0["level"].text == "warning" }.compactMap {
                $0["reason"].text?.lowercased()
            }
            try #require(reasons.contains { $0.contains("full") || $0.contains("space") }, "\(reasons)")
            try #require(try await server.record("demo", false)["success"].bool == false, "it is told as not running")
            let media = try await DecodedMedia.decode(server.url("/live/streams/demo.mp4"), in: lab)
            try media.requireEveryPicture(atLeast: 25)
            try media.requireSync(atLeast: 1)

            // The stream has not noticed.
            try #require(publisher.child.exit == nil)
            try #require(try await server.broadcast("demo")["status"].text == "broadcasting")
            let copy = try await lab.copy(server.playlistURL("demo"), seconds: 4)
            try await DecodedMedia.decode(copy.path, in: lab).requireEveryPicture(atLeast: 90)

            let id = try #require(vod["vodId"].text)
            try #require(try await server.call("DELETE", "/v2/vods/\(id)").json()["success"].bool == true)
            try #require(!FileManager.default.fileExists(atPath: streams.appending(path: "demo.mp4").path))
            try #require(try await server.get("/v2/vods/\(id)").json()["vodId"].text == nil)
            // The room comes back when the last connection that was reading the file has let go of it; what was wanted then goes on by itself.
            // Without a reserve the disk is soon full again, so that it is stopped as soon as it runs.
            try await eventually("it is recorded, for there is room again") {
                try await server.record("demo", false)["success"].bool == true
            }
            try #require(publisher.child.exit == nil)
        }
    }
}
