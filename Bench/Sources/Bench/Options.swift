import Glibc

/// What the command line and scripts/bench ask for.
struct Options {
    enum Scenario: String, CaseIterable {
        case rtmp, publishers, hls, stalled, pull, renditions, recording, destinations
        case firstFrame = "first-frame"
        case webPlayers = "http-players"
        case securePlayers = "https-players"
        case playlist = "http-playlist"
        case playlistHTTP2 = "h2-playlist"
        case rest = "http-rest"
        case reload = "http-reload"

        /// What `http` on the command line stands for.
        static let http: [Scenario] = [.webPlayers, .securePlayers, .playlist, .playlistHTTP2, .rest, .reload]

        /// What Martlet is measured beside.
        var reference: ServerKind {
            switch self {
            case .pull, .renditions, .recording: .ffmpeg
            case .webPlayers, .securePlayers, .playlist, .playlistHTTP2: .web
            case .rest: .hello
            default: .nginx
            }
        }
    }

    static let usage = """
        usage: scripts/bench [SCENARIO...] [--quick] [--servers LIST] [--players LIST] [--publishers LIST] [--pulls LIST] [--viewers N]
                     [--rounds N] [--seconds S] [--read-interval MS] [--json FILE]

        scenarios  rtmp         one publisher, 1 to 1000 RTMP players: CPU per GB, memory, latency, first keyframe, missing frames
                   publishers   50 to 500 publishers, nobody watching: CPU and memory per publisher
                   hls          the same with HLS made of every stream, and the memory of one
                   stalled      300 players of which 50 never read
                   first-frame  100 players joining one after the other
                   pull         1 to 100 RTSP sources of 2 Mb/s pulled, beside as many ffmpeg processes: CPU and memory per pull, lost frames
                   renditions   720p30 encoded to 480p and 360p, beside one ffmpeg that does the same: CPU and memory
                   destinations one publisher pushed to 100 places on an nginx-rtmp, beside 100 RTMP players of the same server: CPU and memory
                   recording    1 and 10 streams recorded as mp4, beside an ffmpeg -c copy each: CPU and memory
                   http         all of the following:
                     http-players   500 players of one HLS stream, playlist and segments: CPU per GB, beside nginx
                     https-players  the same over TLS 1.3
                     http-playlist  one playlist over HTTP/1.1, as fast as it goes: CPU per request, beside nginx
                     h2-playlist    the same over HTTP/2, many streams a connection
                     http-rest      GET /v2/broadcasts/{id} of 10,000: CPU per request, beside Hummingbird's hello world
                     http-reload    1000 blocked reloads of low-latency HLS: threads, and how far apart they are answered
                   (all of them when none is named)
        --quick    one short round of each, fewer sizes
        --viewers  players of http-players and https-players
        --servers  of nginx, ffmpeg, web (nginx without RTMP), hello (hello world), martlet30, martlet100 (martlet and a merge window
                   in ms); default all of them
        --rounds   turns of all servers; the medians of them are shown
        --seconds  length of one measurement; even numbers hold whole groups of pictures
        --read-interval  milliseconds between two reads of a player that is not sampled (10)
        MARTLET_BIN names another server binary than .build/release/martlet.

        """

    var scenarios = Scenario.allCases
    var servers: [ServerKind] = [.nginx, .ffmpeg, .web, .hello, .martlet(mergeWindow: 30), .martlet(mergeWindow: 100)]
    var players = [1, 100, 500, 1000]
    var publishers = [50, 200, 500]
    var pulls = [1, 10, 100]
    /// Players of HLS over HTTP.
    var viewers = 500
    /// Rows of the database a REST call looks one up in.
    var rows = 10_000
    var rounds = 3
    var seconds = 8.0
    var isQuick = false
    /// Milliseconds at least between two reads of a player that is not sampled.
    var readInterval = 10
    var json = ""
    var clip = ""
    var workDirectory = ""
    var martlet = ""
    /// What the RTSP source shows: H.264 and AAC, 2 Mb/s.
    var pullClip = ""
    /// The script that is the RTSP source.
    var rtspSource = ""
    var ffmpeg = "/usr/bin/ffmpeg"
    /// Debian's, for its GObject bindings.
    var python = "/usr/bin/python3"
    var nginx = "/usr/sbin/nginx"
    var h2load = "/usr/bin/h2load"
    /// The program that is Hummingbird's hello world.
    var hello = ""
    var nginxModule = "/usr/lib/nginx/modules/ngx_rtmp_module.so"

    init(_ arguments: [String]) throws(LoadFailure) {
        var named: [Scenario] = []
        var rest = arguments[...]
        if rest.contains("--quick") {
            self.isQuick = true
            (self.rounds, self.seconds, self.players, self.publishers, self.pulls) = (1, 4, [1, 100, 1000], [50, 200], [1, 10])
            self.rows = 1_000
        }
        while let argument = rest.popFirst() {
            if argument == "--quick" { continue }
            if argument == "http" {
                named += Scenario.http
                continue
            }
            if let scenario = Scenario(rawValue: argument) {
                named.append(scenario)
                continue
            }
            guard argument.hasPrefix("--"), let value = rest.popFirst() else { throw .usage("\(argument)?\n\(Self.usage)") }
            try self.set(argument, value)
        }
        if !named.isEmpty { self.scenarios = named }
        let reference = self.servers.filter { !$0.isMartlet }
        // The reference is shown first, whatever the order it was named in.
        self.servers = reference + self.servers.filter(\.isMartlet)
        guard !self.servers.isEmpty, !self.clip.isEmpty, !self.workDirectory.isEmpty else { throw .usage(Self.usage) }
    }

    private mutating func set(_ name: String, _ value: String) throws(LoadFailure) {
        let items = value.split(separator: ",").map(String.init)
        switch name {
        case "--servers":
            self.servers = items.compactMap(ServerKind.init(name:))
            guard self.servers.count == items.count else { throw .usage("--servers \(value)?\n\(Self.usage)") }
        case "--players": self.players = try Self.numbers(items, 1...5000)
        case "--publishers": self.publishers = try Self.numbers(items, 1...2000)
        case "--pulls": self.pulls = try Self.numbers(items, 1...500)
        case "--viewers": self.viewers = try Self.numbers([value], 1...5000)[0]
        case "--hello": self.hello = value
        case "--h2load": self.h2load = value
        case "--rounds": self.rounds = try Self.numbers([value], 1...100)[0]
        case "--seconds": self.seconds = Double(try Self.numbers([value], 1...600)[0])
        case "--read-interval": self.readInterval = try Self.numbers([value], 1...100)[0]
        case "--json": self.json = value
        case "--clip": self.clip = value
        case "--work": self.workDirectory = value
        case "--martlet": self.martlet = value
        case "--pull-clip": self.pullClip = value
        case "--rtsp-source": self.rtspSource = value
        case "--ffmpeg": self.ffmpeg = value
        case "--python": self.python = value
        case "--nginx": self.nginx = value
        case "--nginx-module": self.nginxModule = value
        default: throw .usage("\(name)?\n\(Self.usage)")
        }
    }

    private static func numbers(_ items: [String], _ range: ClosedRange<Int>) throws(LoadFailure) -> [Int] {
        let numbers = items.compactMap { Int($0) }.filter { range.contains($0) }
        guard !numbers.isEmpty, numbers.count == items.count else {
            throw .usage("numbers from \(range) are wanted, not \(items.joined(separator: ","))")
        }
        return numbers
    }
}
