public import NIOCore
import Streams
import Synchronization

extension LiveHLS {
    /// nil: this is nothing of live HLS; there may be a file of that name. Callable on any event loop; never blocks.
    public func respond(to request: HLSRequest, on eventLoop: any EventLoop) -> HLSAnswer? {
        self.respond(to: request, on: eventLoop, now: self.clock())
    }

    func respond(to request: HLSRequest, on eventLoop: any EventLoop, now: NIODeadline) -> HLSAnswer? {
        let (folder, name) = LiveHLS.split(request.path)
        if name.hasSuffix(".m3u8") {
            let stem = String(name.dropLast(5))
            if let answer = self.playlist(stem, .media, folder: folder, request, on: eventLoop, now: now) { return answer }
            guard stem.hasSuffix("_adaptive") else { return nil }
            return self.playlist(String(stem.dropLast(9)), .multivariant, folder: folder, request, on: eventLoop, now: now)
        }
        if name.hasSuffix(".m4s") || name.hasSuffix(".mp4") { return self.piece(name, folder: folder, request, now: now).map { .now($0) } }
        return nil
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("", path) }
        return (String(path[..<slash]), String(path[path.utf8.index(after: slash)...]))
    }

    private func isFolder(_ folder: String, of id: String) -> Bool {
        folder.isEmpty || folder == self.configuration.subFolder(id)
    }

    // MARK: Playlists

    private func playlist(
        _ id: String, _ kind: HLSRun.Kind, folder: String, _ request: HLSRequest, on eventLoop: any EventLoop, now: NIODeadline
    ) -> HLSAnswer? {
        guard !id.isEmpty, self.isFolder(folder, of: id) else { return nil }
        let isPackaged = self.state.withLock { $0.broadcasts[id]?.packager != nil }
        if !isPackaged { self.ensurePackaging(id, now: now) }
        let cookie = request.cookie.flatMap { ViewerCookie.isValid($0) ? $0 : nil }
        let newCookie = cookie == nil ? ViewerCookie.make() : nil
        let (run, admission): (HLSRun?, ViewerTable.Admission) = self.state.withLock { state in
            guard let run = state.broadcasts[id]?.run else { return (nil, .admitted) }
            state.broadcasts[id]?.lastRequest = now
            return (run, self.admit(request, cookie: cookie, newCookie: newCookie, id: id, &state, now: now))
        }
        guard let run else { return nil }
        guard admission == .admitted else { return .now(.viewerLimitReached) }
        switch run.find(kind, query: request.query, gzip: request.acceptsGzip) {
        case .text(let bytes, let isGzipped):
            return .now(.playlist(bytes, isGzipped: isGzipped, newCookie: newCookie))
        case .gone:
            return .now(.notFound)
        case .notYet:
            let reply = run.waitForFirstSegment(on: eventLoop, timeout: self.configuration.firstSegmentTimeout).map { () -> HLSReply in
                guard case .text(let bytes, let isGzipped) = run.find(kind, query: request.query, gzip: request.acceptsGzip) else { return .notFound }
                return .playlist(bytes, isGzipped: isGzipped, newCookie: newCookie)
            }
            return .later(reply)
        }
    }

    /// Under the lock. Only a broadcast that is on air has viewers.
    private func admit(
        _ request: HLSRequest, cookie: String?, newCookie: String?, id: String, _ state: inout State, now: NIODeadline
    ) -> ViewerTable.Admission {
        guard !request.isHead, state.broadcasts[id]?.packager != nil else { return .admitted }
        return state.broadcasts[id]?.viewers.seen(
            cookie: cookie.map { .cookie($0) },
            client: .client(address: request.remoteAddress, userAgent: request.userAgent, token: request.query ?? ""),
            issuing: newCookie.map { .cookie($0) }, limit: self.configuration.viewerLimit(id), now: now) ?? .admitted
    }

    // MARK: Segments

    private func piece(_ name: String, folder: String, _ request: HLSRequest, now: NIODeadline) -> HLSReply? {
        let stem = name.dropLast(4)
        guard let dash = stem.utf8.lastIndex(of: UInt8(ascii: "-")), let number = LiveHLS.number(stem[stem.utf8.index(after: dash)...]) else {
            return nil
        }
        let isInit = name.hasSuffix(".mp4")
        var prefix = stem[..<dash]
        if isInit {
            guard prefix.hasSuffix("-init") else { return nil }
            prefix = prefix.dropLast(5)
        }
        let cookie = request.cookie.flatMap { ViewerCookie.isValid($0) ? $0 : nil }
        let (run, admission): (HLSRun?, ViewerTable.Admission) = self.state.withLock { state in
            guard let run = state.runs[String(prefix)] else { return (nil, .admitted) }
            guard state.broadcasts[run.id]?.run === run else { return (run, .admitted) }
            state.broadcasts[run.id]?.lastRequest = now
            return (run, self.admit(request, cookie: cookie, newCookie: nil, id: run.id, &state, now: now))
        }
        guard let run, self.isFolder(folder, of: run.id) else { return nil }
        guard admission == .admitted else { return .viewerLimitReached }
        if isInit { return run.initSegment(Int(clamping: number)).map { .initSegment($0) } ?? .notFound }
        return run.segment(number).map { .segment($0) } ?? .notFound
    }

    /// The one spelling of a number: no sign, no leading zero. Two names for one segment would be two entries in every cache.
    private static func number(_ text: Substring) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        guard text.utf8.count == 1 || text.utf8.first != UInt8(ascii: "0") else { return nil }
        return UInt64(text)
    }
}

enum ViewerCookie {
    private static let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)

    static func make() -> String { ViewerCookie.random(20) }

    static func random(_ length: Int) -> String {
        String(decoding: (0..<length).map { _ in self.letters[Int.random(in: 0..<self.letters.count)] }, as: UTF8.self)
    }

    /// The shape of what `make()` gives; anything else was never ours.
    static func isValid(_ value: String) -> Bool {
        value.utf8.count == 20 && value.utf8.allSatisfy { self.letters.contains($0) }
    }
}
