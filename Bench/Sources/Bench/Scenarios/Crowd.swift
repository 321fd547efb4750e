/// Many publishers of the same clip under different keys, on one server.
final class Crowd {
    let loop: LoadLoop
    let server: RunningServer
    private(set) var publishers: [Publisher] = []
    private(set) var viewers: [PlaylistViewer] = []
    private let app: String
    private let clip: Clip

    init(_ kind: ServerKind, app: String, clip: Clip, options: Options, settings: [String: String] = [:]) throws(LoadFailure) {
        self.app = app
        self.clip = clip
        self.loop = try LoadLoop()
        self.server = try RunningServer.start(kind, options, settings: settings)
    }

    deinit { self.end() }

    /// Adds publishers, their groups of pictures spread over the two seconds of a group, and waits until each has sent whole groups.
    func publish(_ count: Int) throws(LoadFailure) {
        let seconds = count <= 200 ? 2.0 : 4.0
        let first = self.publishers.count
        let pacer = Pacer(count: count, seconds: seconds, loop: self.loop) { [unowned self] (index) throws(LoadFailure) in
            self.publishers.append(
                try Publisher(
                    clip: self.clip, app: self.app, key: "demo\(first + index)", port: self.server.rtmpPort, keepsLog: false, loop: self.loop))
        }
        let areReady = { [unowned self] in pacer.isDone && self.publishers.reversed().allSatisfy(\.isPublishing) }
        guard try self.loop.run(atMost: seconds + 10, until: areReady) else {
            throw .timedOut("\(self.publishers.count { !$0.isPublishing }) of \(count) publishers were not let in")
        }
        try self.loop.run(seconds: 4)
    }

    /// Asks for the playlist of every stream that has no viewer yet, every two seconds from now on.
    func watchPlaylists() {
        let new = self.publishers.count - self.viewers.count
        for index in 0..<new {
            let path = "/\(self.app)/streams/demo\(self.viewers.count).m3u8"
            let viewer = PlaylistViewer(path: path, port: self.server.httpPort)
            self.viewers.append(viewer)
            self.loop.schedule(viewer, at: monotonicNow() + UInt64(seconds: 2 * Double(index) / Double(new)))
        }
    }

    func end() {
        for viewer in self.viewers { viewer.close(self.loop) }
        for publisher in self.publishers { publisher.close(self.loop) }
        self.server.stop()
    }
}
