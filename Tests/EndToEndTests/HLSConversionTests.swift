import Foundation
import Testing

/// The HLS segments of a broadcast as a file.
@Suite struct HLSConversionTests {
    @Test func whatIsLiveBecomesAFile() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_HLS_MODE": "always", "MARTLET_HLS_SEGMENT_DURATION": "1s"])
            let failed = result(false, "HLS to MP4 conversion has failed")
            try #require(try await server.call("POST", "/v2/broadcasts/demo/hls-to-mp4").text == failed)
            try #require(try await server.call("POST", "/v2/broadcasts/%20/hls-to-mp4").text == result(false, "HLS file name is empty"))
            let publisher = try await server.publish(as: "demo")
            try await publisher.send(6)
            try await eventually("there are segments") {
                try await server.get("/live/streams/demo.m3u8").text.split(separator: "\n").count { $0.hasPrefix("#EXTINF") } >= 5
            }
            let told = try await server.call("POST", "/v2/broadcasts/demo.m3u8/hls-to-mp4?deleteHLSFiles=true").json()
            let id = try #require(told["dataId"].text, "\(told)")
            try #require(told["success"].bool == true)
            let vod = try await server.vod(id)
            try #require(vod["streamId"].text == "demo" && vod["type"].text == "streamVod" && vod["vodName"].text == "demo.mp4")
            try #require(vod["processStatus"].text == "finished" && vod["previewFilePath"].text == "previews/\(id).png")

            let media = try await DecodedMedia.decode(server.url("/live/\(try #require(vod["filePath"].text))"), in: lab)
            try media.requireEveryPicture(atLeast: 100)
            try media.requireSync(atLeast: 3)
            try #require(media.pictures[0].number % Clip.frameRate == 0, "it begins with a keyframe")
            try #require(abs(try #require(vod["duration"].number) / 1000 - media.length) < 0.2)

            // As an attachment, and still live.
            let file = try await server.call("POST", "/v2/broadcasts/demo/hls-to-mp4?download=true")
            try #require(file.status == 200 && file.headers["content-type"] == "video/mp4")
            try #require(file.headers["content-disposition"] == "attachment; filename=\"demo.mp4\"")
            let saved = lab.path("saved.mp4")
            try file.body.write(to: saved)
            try await DecodedMedia.decode(saved.path, in: lab).requireEveryPicture(atLeast: 100)
            try #require(try await server.get("/v2/vods/list/0/10?streamId=demo").json().items.count == 2)
            try #require(try await server.broadcast("demo")["status"].text == "broadcasting")
            try #require(try await server.get("/live/streams/demo.m3u8").status == 200)
            let (codecs, _) = try await lab.run(
                "ffprobe", ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", saved.path])
            try #require(Set(codecs.split(separator: "\n")) == ["h264", "aac"])
        }
    }

    @Test func aRenditionBecomesAFileByTheNameOfItsPlaylist() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_HLS_MODE": "always", "MARTLET_HLS_SEGMENT_DURATION": "1s"])
            let ladder = #"[{"height":90,"videoBitrate":200000,"audioBitrate":0}]"#
            let body = #"{"streamId":"demo","name":"Show","encoderSettingsList":\#(ladder)}"#
            try #require(try await server.call("POST", "/v2/broadcasts/create", body: body).status == 200)
            let publisher = try await server.publish(as: "demo", loops: true)
            let playlist = "demo_90p200kbps.m3u8"
            try await eventually("the rendition has segments") {
                try await server.get("/live/streams/\(playlist)").text.split(separator: "\n").count { $0.hasPrefix("#EXTINF") } >= 3
            }
            let told = try await server.call("POST", "/v2/broadcasts/\(playlist)/hls-to-mp4").json()
            let vod = try await server.vod(try #require(told["dataId"].text, "\(told)"))
            try #require(vod["streamId"].text == "demo" && vod["vodName"].text == "demo_90p200kbps.mp4" && vod["streamName"].text == "Show (90p)")
            try #require(vod["previewFilePath"].text == "previews/\(try #require(vod["vodId"].text)).png")
            let (height, _) = try await lab.run(
                "ffprobe",
                [
                    "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=height", "-of", "csv=p=0",
                    server.url("/live/\(try #require(vod["filePath"].text))"),
                ])
            try #require(height.split(separator: "\n").first == "90")
            let file = try await server.call("POST", "/v2/broadcasts/demo_90p200kbps/hls-to-mp4?download=true")
            try #require(file.headers["content-disposition"] == "attachment; filename=\"demo_90p200kbps.mp4\"")
            let failed = result(false, "HLS to MP4 conversion has failed")
            try #require(try await server.call("POST", "/v2/broadcasts/demo_90p201kbps.m3u8/hls-to-mp4").text == failed)
            _ = publisher
        }
    }

    @Test func whatWasKeptAfterItsEndBecomesAFileAndGoes() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(
                in: lab, settings: ["MARTLET_HLS_MODE": "always", "MARTLET_HLS_SEGMENT_DURATION": "1s", "MARTLET_HLS_DELETE_ON_END": "false"])
            try #require(try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo"}"#).status == 200)
            // Two publishers, one after the other, whose segments are in one playlist.
            for _ in 0..<2 {
                let publisher = try await server.publish(as: "demo")
                try await publisher.send(4)
                publisher.child.send(SIGINT)
                try await publisher.child.waitForExit()
                try await server.waitUntil("demo", is: "finished")
            }
            let told = try await server.call("POST", "/v2/broadcasts/demo_adaptive/hls-to-mp4?deleteHLSFiles=true").json()
            let id = try #require(told["dataId"].text, "\(told)")
            let vod = try await server.vod(id)
            try #require(try #require(vod["duration"].number) > 5000, "\(vod)")
            let path = try #require(vod["filePath"].text)
            let (stamps, _) = try await lab.run(
                "ffprobe",
                ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=dts_time", "-of", "csv=p=0", server.url("/live/\(path)")])
            let times = stamps.split(separator: "\n").compactMap { Double($0.trimmingCharacters(in: CharacterSet(charactersIn: ","))) }
            try #require(times.count > 150 && zip(times, times.dropFirst()).allSatisfy { $0 < $1 && $1 - $0 < 0.5 }, "no gap at the joint")
            try #require(try await server.get("/live/streams/demo.m3u8").status == 404)
            let again = try await server.call("POST", "/v2/broadcasts/demo/hls-to-mp4")
            try #require(again.text == result(false, "HLS to MP4 conversion has failed"))
            try #require(try server.libraryFiles() == ["\(id).mp4"])
        }
    }
}
