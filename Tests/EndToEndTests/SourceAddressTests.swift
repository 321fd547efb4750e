import Foundation
import Glibc
import Testing

/// Which addresses are fetched from (field notes, 5.2). The server and its peer live in networks of their own, joined by a cable: what the peer has is
/// neither the server's own nor on its link.
@Suite struct SourceAddressTests {
    /// Makes the cable, starts the peer at its far end, writes the peer's port to a file and becomes the server.
    private static let world = """
        set -e
        ip link set lo up
        ip link add near type veth peer name far
        setpriv --pdeathsig KILL -- unshare --net /usr/bin/python3 "$0" "$1" --address 0.0.0.0 >"$2" &
        peer=$!
        while [ "$(readlink /proc/$peer/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
        ip link set far netns $peer
        ip address add 10.99.0.1/24 dev near
        ip link set near up
        nsenter --target $peer --net sh -c 'ip address add 10.99.0.2/24 dev far && ip link set far up'
        setpriv --pdeathsig KILL -- /usr/bin/python3 "$0" "$1" --address 127.0.0.1 >"$3" &
        shift 3
        exec "$@"
        """

    @Test func whatLeadsToThisHostItselfIsNotFetched() async throws {
        try await Lab.run { lab in
            let folder = lab.path("films")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try await lab.film(Film(first: 0, seconds: 30), at: folder.appending(path: "film.ts"))
            let apart = geteuid() == 0 ? ["unshare", "--net"] : ["unshare", "--map-root-user", "--net"]
            let (far, near) = (lab.path("far"), lab.path("near"))
            let server = try await MartletProcess.startForPulls(
                in: lab, settings: ["MARTLET_SOURCES_ALLOW_LOCAL_ADDRESSES": "false", "MARTLET_LOG_LEVEL": "debug"],
                wrapper: apart + ["sh", "-c", Self.world, PythonPeer.path(of: "http_files.py"), folder.path, far.path, near.path])
            let inside = ["nsenter", "--target", "\(server.child.pid)", "--net"] + (geteuid() == 0 ? [] : ["--user", "--preserve-credentials"])
            func port(_ file: URL) async throws -> Int {
                try await eventually("a port") { try Int(String(contentsOf: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)) }
            }
            let peer = "http://10.99.0.2:\(try await port(far))"
            let secret = "http://127.0.0.1:\(try await port(near))/film.ts"
            func call(_ method: String, _ path: String, _ body: String? = nil) async throws -> HTTPAnswer {
                try await HTTPAnswer.fetch(method, server.url(path), body: body, in: lab, through: inside)
            }
            func start(_ id: String, _ url: String) async throws {
                let body = #"{"streamId":"\#(id)","type":"streamSource","streamUrl":"\#(url)"}"#
                try #require(try await call("POST", "/v2/broadcasts/create", body).status == 200)
                try #require(try await call("POST", "/v2/broadcasts/\(id)/start").text == result(true, dataID: id))
            }
            func list(_ name: String, _ line: String) throws -> String {
                let text = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-VERSION:3\n\(line)\n#EXT-X-ENDLIST\n"
                try Data(text.utf8).write(to: folder.appending(path: name))
                return "\(peer)/\(name)"
            }

            // The cable carries what may be fetched.
            try await start("good", "\(peer)/film.ts")
            try await eventually("it is live") { try await call("GET", "/v2/broadcasts/good").json()["status"].text == "broadcasting" }

            // What can be seen at once is not even stored.
            let own = ["127.0.0.1", "[::1]", "localhost", "10.99.0.1", "0", "2130706433"].map { "http://\($0)/a.ts" }
            for url in own + ["http://169.254.169.254/latest/meta-data", "http://[::ffff:127.0.0.1]/a.ts", "file:///etc/passwd"] {
                let created = try await call("POST", "/v2/broadcasts/create", #"{"streamId":"near","type":"streamSource","streamUrl":"\#(url)"}"#)
                if created.status == 400 {
                    try #require(created.text == result(false, "Stream url is not valid. "), "\(url)")
                } else {
                    // A name has to be looked up first.
                    try #require(url.contains("localhost"), "\(url): \(created.text)")
                    try #require(try await call("POST", "/v2/broadcasts/near/start").status == 200)
                    try await eventually("it is refused") {
                        try await call("GET", "/v2/broadcasts/near/ip-camera-error").json()["message"].text?.hasSuffix("may not be contacted") == true
                    }
                    try #require(try await call("DELETE", "/v2/broadcasts/near").status == 200)
                }
                let encoded = try #require(url.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
                try #require(try await call("GET", "/v2/broadcasts/duration?url=\(encoded)").text == result(false, errorID: -2), "\(url)")
            }

            // What leads there on the way is found out when it is contacted.
            // libavformat takes only names of media for segments.
            let encoded = try #require(secret.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(["."])))
            let ways = [
                ("redirect", "\(peer)/to=302/\(encoded)"), ("segment", try list("segment.m3u8", "#EXTINF:5,\n\(secret)")),
                ("key", try list("key.m3u8", "#EXT-X-KEY:METHOD=AES-128,URI=\"\(secret)\"\n#EXTINF:5,\n\(peer)/film.ts")),
                ("twice", try list("twice.m3u8", "#EXTINF:5,\n\(peer)/to=301/\(encoded)")),
            ]
            for (id, url) in ways { try await start(id, url) }
            for (id, _) in ways {
                let error = try await eventually("\(id) tells its error") {
                    let answer = try await call("GET", "/v2/broadcasts/\(id)/ip-camera-error").json()
                    return answer["success"].bool == false ? answer["message"].text : nil
                }
                try #require(error == "127.0.0.1:\(try await port(near)) may not be contacted", "\(id)")
                try #require(try await call("GET", "/v2/broadcasts/\(id)").json()["status"].text != "broadcasting")
            }
            let requests = try await HTTPAnswer.fetch("GET", secret.replacing("film.ts", with: "requests"), in: lab, through: inside)
            try #require(requests.text == "[]", "it was contacted: \(requests.text)")
            try #require(try await call("GET", "/v2/broadcasts/good").json()["status"].text == "broadcasting")
        }
    }
}
