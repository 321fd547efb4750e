import Foundation
import Testing

/// Contract 3.5, 1.12: who watches is counted once, told alike everywhere, and held to the limits.
@Suite struct ViewerCountTests {
    private static let playlist = "/live/streams/demo.m3u8"
    private static let manifest = "/live/streams/demo/demo.mpd"

    @Test func viewersAreCountedOnceToldAlikeAndHeldToLimitsThatMayChange() async throws {
        try await Lab.run { lab in
            // A viewer has gone after ten times this: longer than it takes all of them to ask.
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_HLS_SEGMENT_DURATION": "2s"])
            let body = #"{"streamId":"demo","hlsViewerLimit":2,"dashViewerLimit":1}"#
            try #require(try await server.call("POST", "/v2/broadcasts/create", body: body).status == 200)
            let publisher = try await server.publish(as: "demo", loops: true)
            let player = try await lab.startCopying(server.rtmpURL("demo"), to: lab.path("player.flv"))

            var television = WebViewer("television", keepsCookies: true)
            var radio = WebViewer("radio", keepsCookies: false)
            var tablet = WebViewer("tablet", keepsCookies: true)
            func watch(hls newcomers: [String] = [], dash others: [String] = [], expecting status: Int = 200) async throws {
                try await television.watch(Self.playlist, of: server)
                try await radio.watch(Self.playlist, of: server)
                try await tablet.watch(Self.manifest, of: server)
                for name in newcomers {
                    var viewer = WebViewer(name, keepsCookies: false)
                    try await viewer.watch(Self.playlist, of: server, expecting: status)
                }
                for name in others {
                    var viewer = WebViewer(name, keepsCookies: false)
                    try await viewer.watch(Self.manifest, of: server, expecting: status)
                }
            }
            func require(_ numbers: ViewerNumbers, while watching: () async throws -> Void = {}) async throws {
                try await eventually("\(numbers)") {
                    try await watching()
                    return try await server.agreedViewers(of: "demo") == numbers
                }
            }
            try await require(.init(hls: 2, dash: 1, rtmp: 1)) { try await watch() }

            // Newcomers are refused, with whatever they ask for; who is there already is not.
            try await watch(hls: ["latecomer"], dash: ["stranger"], expecting: 403)
            let list = try await television.ask(Self.playlist, of: server).text
            let segment = "/live/streams/" + (try #require(list.split(separator: "\n").last { !$0.hasPrefix("#") }))
            var latecomer = WebViewer("latecomer", keepsCookies: false)
            try await latecomer.watch(segment, of: server, expecting: 403)
            try await television.watch(segment, of: server)
            try #require(try await server.call("HEAD", Self.playlist).status == 200, "who only looks is no viewer")
            try await require(.init(hls: 2, dash: 1, rtmp: 1)) { try await watch() }

            // A change counts from the next request on.
            try await self.put(#"{"hlsViewerLimit":3,"dashViewerLimit":2}"#, server)
            try await watch(hls: ["latecomer"], dash: ["stranger"])
            try await watch(hls: ["another"], dash: ["other"], expecting: 403)
            try await require(.init(hls: 3, dash: 2, rtmp: 1)) { try await watch(hls: ["latecomer"], dash: ["stranger"]) }
            try await self.put(#"{"hlsViewerLimit":1,"dashViewerLimit":0}"#, server)
            try await watch(hls: ["latecomer"], dash: ["stranger"])
            try await watch(hls: ["another"], dash: ["other"], expecting: 403)
            try await self.put(#"{"hlsViewerLimit":-1,"dashViewerLimit":-1}"#, server)
            try await watch(hls: ["another"], dash: ["other"])

            // All of them leave, and the stream goes on.
            player.send(SIGINT)
            try await player.waitForExit()
            try await require(.init(hls: 0, dash: 0, rtmp: 0))
            try #require(publisher.child.exit == nil, "\(publisher.child.lastWords)")
            try #require(try await server.broadcast("demo")["status"].text == "broadcasting")
        }
    }

    private func put(_ changes: String, _ server: MartletProcess) async throws {
        let answer = try await server.call("PUT", "/v2/broadcasts/demo", body: changes)
        try #require(try answer.json()["success"].bool == true, "\(answer)")
    }
}
