public import NIOCore
import NIOPosix
import Packaging
import Streams
import Synchronization

extension LiveHLS {
    /// nil: this is nothing of live HLS; there may be a file of that name. Callable on any event loop; never blocks.
    public func respond(to request: HLSRequest, on eventLoop: any EventLoop) -> HLSAnswer? {
        self.respond(to: request, on: eventLoop, now: self.clock())
    }

    func respond(to request: HLSRequest, on eventLoop: any EventLoop, now: NIODeadline) -> HLSAnswer? {
        switch request.path.name {
        case .playlist(let id, let renditionOf, let adaptiveOf):
            if let answer = self.media(id, request, on: eventLoop, now: now) { return answer }
            if let source = renditionOf { return self.media(source, named: id, request, on: eventLoop, now: now) }
            guard let id = adaptiveOf, self.isFolder(request.path, of: id) else { return nil }
            return self.playlist(id, .multivariant, request, on: eventLoop, now: now)
        case .lowLatencyMaster(let id):
            guard self.configuration.partDuration != nil else { return nil }
            return self.playlist(id, .multivariant, request, on: eventLoop, now: now)
        case .lowLatency(let id, let rendition):
            return self.lowLatency(id, named: rendition, request, on: eventLoop, now: now)
        case .manifest(let id):
            return self.playlist(id, .manifest, request, on: eventLoop, now: now)
        case .piece(let name):
            return self.piece(name, request, on: eventLoop, now: now)
        case .other:
            return nil
        }
    }

    func isFolder(_ path: LivePath, of id: String) -> Bool {
        path.folder.isEmpty || path.lowLatencyID == id || path.folder == self.configuration.subFolder(id)
    }

    // MARK: Playlists

    /// `{id}.m3u8`, or that of the rendition whose playlist is `named` so; with directives it is the low-latency playlist or a cut.
    private func media(
        _ id: String, named name: String? = nil, _ request: HLSRequest, on eventLoop: any EventLoop, now: NIODeadline
    ) -> HLSAnswer? {
        guard self.isFolder(request.path, of: id) else { return nil }
        let kind: HLSRun.Kind
        do throws(DeliveryDirectives.Malformed) {
            let directives = try DeliveryDirectives(query: request.parameters)
            if directives.isCut {
                kind = .cut(directives)
            } else if directives.isLowLatency, self.configuration.partDuration != nil {
                kind = .lowLatency(directives)
            } else {
                kind = .media
            }
        } catch {
            return self.isKnown(id) ? .now(.badRequest) : nil
        }
        return self.playlist(id, named: name, kind, request, on: eventLoop, now: now)
    }

    /// `ll-hls/{id}/{id}.m3u8`, or that of a rendition beside it.
    private func lowLatency(
        _ id: String, named name: String?, _ request: HLSRequest, on eventLoop: any EventLoop, now: NIODeadline
    ) -> HLSAnswer? {
        guard self.configuration.partDuration != nil else { return nil }
        do throws(DeliveryDirectives.Malformed) {
            let directives = try DeliveryDirectives(query: request.parameters)
            let kind = directives.isCut ? HLSRun.Kind.cut(directives) : .lowLatency(directives)
            return self.playlist(id, named: name, kind, request, on: eventLoop, now: now)
        } catch {
            return self.isKnown(id) ? .now(.badRequest) : nil
        }
    }

    private func isKnown(_ id: String) -> Bool {
        self.state.withLock { $0.broadcasts[id] != nil } || self.streams.find(StreamKey(id))?.generation != nil
    }

    private func playlist(
        _ id: String, named name: String? = nil, _ kind: HLSRun.Kind, _ request: HLSRequest, on eventLoop: any EventLoop, now: NIODeadline
    ) -> HLSAnswer? {
        guard !id.isEmpty else { return nil }
        let cookie = request.cookie.flatMap { ViewerCookie.isValid($0) ? $0 : nil }
        let newCookie = cookie == nil ? ViewerCookie.make() : nil
        let viewer = kind == .manifest ? ViewerKind.dash : .hls
        let visit = request.visit(cookie: cookie, issuing: newCookie)
        var found = self.enter(id, viewer, visit, mustBePackaged: true, now: now)
        if found == nil {
            self.ensurePackaging(id, now: now)
            found = self.enter(id, viewer, visit, mustBePackaged: false, now: now)
        }
        guard let (source, admission) = found else { return nil }
        guard let run = name.map({ source.rendition(named: $0)?.run }) ?? source else { return nil }
        guard admission == .admitted else { return .now(.viewerLimitReached) }
        let asked = Asked(kind: kind, query: request.query, gzip: request.acceptsGzip, newCookie: newCookie)
        let listsRenditions = kind == .multivariant || kind == .manifest
        let isStarting = run.phase == .starting || (listsRenditions && run.family.contains { $0.phase == .starting })
        guard isStarting else { return self.answer(asked, from: run, on: eventLoop, now: now) }
        let timeout = self.configuration.firstSegmentTimeout
        let whole =
            listsRenditions
            ? run.waitForFirstSegments(on: eventLoop, timeout: timeout) : run.waitForFirstSegment(on: eventLoop, timeout: timeout)
        let reply = whole.flatMap { () -> EventLoopFuture<HLSReply> in
            switch self.answer(asked, from: run, on: eventLoop, now: self.clock()) {
            case .now(let reply): eventLoop.makeSucceededFuture(reply)
            case .later(let reply): reply
            }
        }
        return .later(reply)
    }

    /// The run that is shown, and whether who asks may watch it; nil when there is none, or none that is being packaged.
    private func enter(
        _ id: String, _ viewer: ViewerKind, _ visit: ViewerTable.Visit?, mustBePackaged: Bool, now: NIODeadline
    ) -> (HLSRun, ViewerTable.Admission)? {
        self.state.withLock { state in
            guard let place = state.broadcasts.index(forKey: id) else { return nil }
            return self.enter(id, &state.broadcasts.values[place], viewer, visit, mustBePackaged: mustBePackaged, now: now)
        }
    }

    /// Under the lock. The broadcast is changed where it lies, because reading one of its parts out of the dictionary would copy all of it.
    private func enter(
        _ id: String, _ broadcast: inout Broadcast, _ viewer: ViewerKind, _ visit: ViewerTable.Visit?, mustBePackaged: Bool, now: NIODeadline
    ) -> (HLSRun, ViewerTable.Admission)? {
        guard let run = broadcast.run, !mustBePackaged || broadcast.packager != nil else { return nil }
        broadcast.lastRequest = now
        return (run, self.admit(visit, viewer, to: id, &broadcast, now: now))
    }

    /// A playlist that is asked for, by whom it is no longer asked.
    private struct Asked: Sendable {
        var kind: HLSRun.Kind
        var query: String?
        var gzip: Bool
        var newCookie: String?

        func reply(from run: HLSRun) -> HLSReply {
            switch run.find(self.kind, query: self.query, gzip: self.gzip) {
            case .text(let bytes, let isGzipped) where self.kind == .manifest:
                .manifest(bytes, isGzipped: isGzipped, newCookie: self.newCookie)
            case .text(let bytes, let isGzipped): .playlist(bytes, isGzipped: isGzipped, newCookie: self.newCookie)
            case .notYet, .gone: .notFound
            case .soon: .unavailable
            case .badRequest: .badRequest
            }
        }
    }

    private func answer(_ asked: Asked, from run: HLSRun, on eventLoop: any EventLoop, now: NIODeadline) -> HLSAnswer {
        if case .cut = asked.kind, self.configuration.dvrWindow != nil {
            // Thousands of lines: not on an event loop.
            return .later(self.pool.runIfActive(eventLoop: eventLoop) { asked.reply(from: run) }.recover { _ in .unavailable })
        }
        guard case .lowLatency(let directives) = asked.kind, case .soon = run.find(asked.kind, query: asked.query, gzip: asked.gzip),
            let blocked = run.block(.playlist(directives), on: eventLoop, now: now)
        else { return .now(asked.reply(from: run)) }
        return .later(blocked.map { $0 == .there ? asked.reply(from: run) : .unavailable })
    }

    /// Under the lock. Only a broadcast that is on air has viewers; nil is somebody who watches nothing.
    func admit(_ visit: ViewerTable.Visit?, _ kind: ViewerKind, to id: String, _ broadcast: inout Broadcast, now: NIODeadline)
        -> ViewerTable.Admission
    {
        guard let visit, broadcast.packager != nil else { return .admitted }
        let limit = kind == .hls ? self.configuration.viewerLimit(id) : self.configuration.dashViewerLimit(id)
        return broadcast.viewers[kind].seen(visit, limit: limit, now: now)
    }
}

extension HLSRequest {
    /// nil for HEAD, which shows nobody anything.
    func visit(cookie: String?, issuing: String? = nil) -> ViewerTable.Visit? {
        guard !self.isHead else { return nil }
        return ViewerTable.Visit(
            cookie: cookie, address: self.remoteAddress, userAgent: self.userAgent, token: self.query ?? "", issuing: issuing)
    }
}
