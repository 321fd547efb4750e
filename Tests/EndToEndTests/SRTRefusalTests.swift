import Foundation
import Testing

/// Who is not let in over SRT, and what they are told.
@Suite struct SRTRefusalTests {
    /// How often each code was given. A caller asks again every 250 ms until it is answered, and an answer that is late is counted once for each; so it is
    /// looked at until no more of them come.
    private func refusals(of server: MartletProcess) async throws -> [String: Int] {
        var last: [String: Int]?
        return try await eventually("no more refusals come", every: .milliseconds(300)) { () -> [String: Int]? in
            let now = try await server.srtRefusals()
            defer { last = now }
            return now == last ? now : nil
        }
    }

    @Test func everyRefusalHasItsCode() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_PUBLISH_ACCEPT_ONLY_REGISTERED": "true"])
            for (body, id) in [(#"{"streamId":"demo"}"#, "demo"), (#"{"streamId":"over","plannedStartDate":1,"plannedEndDate":2}"#, "over")] {
                try #require(try await server.call("POST", "/v2/broadcasts/create", body: body).status == 200, "\(id)")
            }
            let publisher = try await server.publishOverSRT(as: "demo", loops: true)
            let refused = [
                ("live/unknown", "1404"), ("other/demo", "1404"), ("live/demo", "1409"), ("live/over", "1403"), ("a/b/c", "1400"),
                ("live/r%C3%A4tsel", "1400"), ("%23!::r=demo,m=publish,t=file", "1415"), ("%23!::r=demo,m=bidirectional", "1405"),
                ("read:unknown", "1404"),
            ]
            var before: [String: Int] = [:]
            for (streamID, code) in refused {
                _ = try await lab.tryToPublish(try server.srtURL(streamID))
                let seen = try await self.refusals(of: server)
                let grown = seen.filter { $0.value > before[$0.key, default: 0] }
                try #require(Array(grown.keys) == [code], "\(streamID): \(before), then \(seen)")
                before = seen
            }
            try #require(try await server.metric("srt_connections_total") == 1, "none of them got past the handshake")
            try #require(publisher.child.exit == nil)
            try #require(try await server.broadcast("demo")["status"].text == "broadcasting")
        }
    }

    @Test func aPassphraseOfTheServerAndOneOfABroadcast() async throws {
        try await Lab.run { lab in
            let settings = PatientSRT.settings.merging(["MARTLET_SRT_PASSPHRASE": "the whole server's"]) { $1 }
            let server = try await MartletProcess.start(in: lab, settings: settings)
            let made = try await server.call(
                "POST", "/v2/broadcasts/create", body: #"{"streamId":"own","srtPassphrase":"of this one alone"}"#)
            try #require(try made.json()["srtPassphrase"].text == "of this one alone")

            for streamID in ["live/demo", "live/own"] {
                _ = try await lab.tryToPublish(try server.srtURL(streamID))
                _ = try await lab.tryToPublish(try server.srtURL(streamID, ["passphrase": "nobody's passphrase"]))
            }
            _ = try await lab.tryToPublish(try server.srtURL("live/own", ["passphrase": "the whole server's"]))
            try #require(try await server.metric("srt_connections_total") == 0)
            // More often where a caller asked again before it was answered.
            try await eventually("each of them is counted") {
                let seen = try await server.srtRefusals()
                return Array(seen.keys) == ["10"] && seen["10", default: 0] >= 5
            }

            let demo = try await server.publishOverSRT(as: "demo", ["passphrase": "the whole server's"])
            let options = ["passphrase": "of this one alone", "latency": PatientSRT.latency]
            let own = try await server.publishOverSRT(as: "own", options.merging(["pbkeylen": "32"]) { $1 })
            // Who watches must know it too.
            let viewer = try await lab.start("viewer", ["ffmpeg", "-nostdin", "-v", "error", "-i", try server.srtURL("read:own"), "-f", "null", "-"])
            try #require(try await viewer.waitForExit() != .code(0))
            let copy = try await lab.copy(try server.srtURL("read:own", options), seconds: 4)
            try await DecodedMedia.decode(copy.path, in: lab).requireEveryPicture(atLeast: 85)
            try #require(demo.child.exit == nil && own.child.exit == nil)
            try #require(try await server.metric("srt_packets_undecryptable_total") == 0)
        }
    }

    @Test func aPassphraseOfTheWrongLengthIsNotTaken() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let answer = try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"own","srtPassphrase":"too short"}"#)
            try #require(try answer.json()["success"].bool != true)
            try #require(try await server.get("/v2/broadcasts/own").status == 404)
            let refused = try await MartletProcess.spawn(in: lab, data: lab.path("other"), settings: ["MARTLET_SRT_PASSPHRASE": "too short"])
            try #require(try await refused.waitForExit() != .code(0))
            try #require(try refused.errors().contains("srt.passphrase"))
            try #require(try !refused.errors().contains("too short"), "a secret is not shown")
        }
    }
}
