import Foundation
import Glibc
import Testing

/// Recordings that go by themselves, and recordings that end in time for live to go on.
@Suite struct RetentionTests {
    @Test func theOldestRecordingsGoWhenThereAreTooManyBytesAndNothingElseDoes() async throws {
        try await Lab.run { lab in
            // Four seconds of the light clip are 17 kB, and come with some groups of pictures before them. Four recordings are too many, one is not.
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_RETENTION_MAXIMUM_SIZE": "50KB"])
            let streams = server.data.appending(path: "streams")
            let own = streams.appending(path: "own.mp4")
            try Data(count: 500_000).write(to: own)
            let publisher = try await server.publish(as: "demo")
            var ids: [String] = []
            for number in 0..<4 {
                ids.append(try #require(try await server.record("demo", true, query: "?fileName=r\(number)")["dataId"].text))
                try await publisher.send(4)
                // Nothing comes while the end is asked for, however long that takes.
                publisher.freeze()
                try #require(try await server.record("demo", false)["success"].bool == true)
                publisher.thaw()
                try await eventually("recording \(number) is finished") {
                    FileManager.default.fileExists(atPath: streams.appending(path: "r\(number).mp4").path)
                }
            }
            try await eventually("the first is gone") { try await server.get("/live/streams/r0.mp4").status == 404 }
            // A file is there before its row, so the last one may still come and make another one go.
            let left = try await eventually("no more go") { () -> [JSON]? in
                let left = try await server.vods(of: "demo", count: 1)
                let bytes = left.reduce(0) { $0 + ($1["fileSize"].number ?? 0) }
                return left.last?["vodName"].text == "r3.mp4" && bytes <= 50_000 ? left : nil
            }
            let names = left.compactMap { $0["vodName"].text }
            try #require(!names.contains("r0.mp4") && names.last == "r3.mp4", "\(names): the newest stays")
            try #require(names == (4 - names.count..<4).map { "r\($0).mp4" }, "\(names): the oldest go")
            try #require(try await server.get("/v2/vods/\(ids[0])").json()["vodId"].text == nil)
            let files = try FileManager.default.contentsOfDirectory(atPath: streams.path)
            try #require(Set(files) == Set(names + ["own.mp4"]), "files and rows go together, and what is no recording stays")
            try #require(try await server.metric("retention_removed_total") == Double(4 - names.count))
            for name in names { try await DecodedMedia.decode(server.url("/live/streams/\(name)"), in: lab).requireEveryPicture(atLeast: 30) }
        }
    }

    /// On a small disk of the server's own, which something else fills.
    @Test func recordingsEndBeforeLiveSuffersAndStartAgainWhenThereIsRoom() async throws {
        try await Lab.run { lab in
            let data = lab.path("data")
            try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
            let apart = geteuid() == 0 ? ["unshare", "--mount"] : ["unshare", "--map-root-user", "--mount"]
            let mount = "mount -t tmpfs -o size=40m tmpfs \"$0\" && exec \"$@\""
            let server = try await MartletProcess.start(
                in: lab, data: data,
                settings: ["MARTLET_RECORDING_MINIMUM_FREE_SPACE": "16MB", "MARTLET_RECORDING_SUFFICIENT_FREE_SPACE": "24MB"],
                wrapper: apart + ["sh", "-c", mount, data.path])
            let disk = URL(fileURLWithPath: "/proc/\(server.child.pid)/root\(data.path)")
            let publisher = try await server.publish(as: "demo", loops: true)
            try #require(try await server.record("demo", true)["success"].bool == true)
            try await publisher.send(2)
            try #require(try await server.metric("disk_space_low") == 0)

            let filler = disk.appending(path: "filler")
            // In two files, so that one of them can go without the other being written again.
            let smaller = disk.appending(path: "smaller")
            try Data(count: 18_000_000).write(to: filler)
            try Data(count: 7_000_000).write(to: smaller)
            try await eventually("the recording has ended") { try await server.vods(of: "demo", count: 1).count == 1 }
            try await eventually("it is told") { try await server.metric("disk_space_low") == 1 }
            let refused = try await server.record("demo", true)
            try #require(refused["success"].bool == false)
            try #require(refused["message"].text == "mp4 recording couldn't be started: there is too little free disk space")
            try await DecodedMedia.decode(server.url("/live/streams/demo.mp4"), in: lab).requireEveryPicture(atLeast: 25)
            let actions = try server.log().filter { $0["message"].text == "event" }.compactMap { $0["action"].text }
            try #require(actions.filter { $0.hasPrefix("diskSpace") } == ["diskSpaceLow"])

            // Live goes on, and so it does beyond the brink.
            let copy = try await lab.copy(server.playlistURL("demo"), seconds: 3)
            try await DecodedMedia.decode(copy.path, in: lab).requireEveryPicture(atLeast: 60)
            try FileManager.default.removeItem(at: smaller)
            try #require(try await server.record("demo", true)["success"].bool == false, "between the two marks nothing changes")
            try FileManager.default.removeItem(at: filler)
            try await eventually("there is room") { try await server.metric("disk_space_low") == 0 }
            // Nobody has said that it is not wanted any more.
            try await eventually("it is recorded again") { try await server.metric("recordings") == 1 }
            try await publisher.send(2)
            try #require(try await server.record("demo", false)["success"].bool == true)
            try #require(try await server.vods(of: "demo", count: 2).count == 2)
            // The clip may have begun anew in it.
            try #require(try await DecodedMedia.decode(server.url("/live/streams/demo_1.mp4"), in: lab).pictures.count >= 25)
            try #require(publisher.child.exit == nil)
        }
    }
}
