import Glibc
import NIOCore
import NIOPosix
import Packaging
import Synchronization

/// Segments, parts and init segments.
extension LiveHLS {
    func piece(_ name: PieceName, _ request: HLSRequest, on eventLoop: any EventLoop, now: NIODeadline) -> HLSAnswer? {
        let kind = name.track == nil ? ViewerKind.hls : .dash
        let cookie = request.cookie.flatMap { ViewerCookie.isValid($0) ? $0 : nil }
        let visit = request.visit(cookie: cookie)
        let (run, admission): (HLSRun?, ViewerTable.Admission) = self.state.withLock { state in
            guard let run = state.runs[name.prefix] else { return (nil, .admitted) }
            guard let place = state.broadcasts.index(forKey: run.id) else { return (run, .admitted) }
            return (run, self.admit(visit, kind, to: run, &state.broadcasts.values[place], now: now))
        }
        guard let run, name.track == nil ? self.isFolder(request.path, of: run.id) : request.path.folder == run.id else { return nil }
        guard admission == .admitted else { return .now(.viewerLimitReached) }
        switch (name.piece, name.track) {
        case (.initSegment(let version), let track):
            let bytes = track.map { run.initSegment(version, track: $0) } ?? run.initSegment(version)
            return .now(bytes.map { .initSegment($0) } ?? .notFound)
        case (.part(let number, let index), _):
            return self.part(index, of: number, run, on: eventLoop, now: now)
        case (.segment(let number), nil):
            return .now(self.reply(run.segment(number, wantsFile: request.wantsFile)))
        case (.segment(let number), let track?):
            return self.segment(number, track: track, run, on: eventLoop, now: now)
        }
    }

    /// Under the lock. What is left of an earlier run has no viewers.
    private func admit(
        _ visit: ViewerTable.Visit?, _ kind: ViewerKind, to run: HLSRun, _ broadcast: inout Broadcast, now: NIODeadline
    ) -> ViewerTable.Admission {
        guard broadcast.run === run || broadcast.run?.prefix == run.sourcePrefix else { return .admitted }
        broadcast.lastRequest = now
        return self.admit(visit, kind, to: run.id, &broadcast, now: now)
    }

    private func reply(_ body: HLSBody?) -> HLSReply { body.map { .segment($0) } ?? .notFound }

    /// RFC 8216bis §6.2.6: a part that a playlist hints at may be asked for before it is made.
    private func part(_ index: Int, of number: UInt64, _ run: HLSRun, on eventLoop: any EventLoop, now: NIODeadline) -> HLSAnswer {
        if let body = run.part(index, of: number) { return .now(.segment(body)) }
        guard let blocked = run.block(.part(segment: number, index: index), on: eventLoop, now: now) else {
            return .now(self.reply(run.part(index, of: number)))
        }
        return .later(blocked.map { _ in self.reply(run.part(index, of: number)) })
    }

    // MARK: DASH

    /// One track of a segment; of the one that is being made, as it grows. The next one may be asked for before it begins: players' clocks are not
    /// ours.
    private func segment(_ number: UInt64, track: Int, _ run: HLSRun, on eventLoop: any EventLoop, now: NIODeadline) -> HLSAnswer {
        if let answer = self.known(number, track: track, run, on: eventLoop) { return answer }
        let isWhole = self.configuration.partDuration == nil
        guard let blocked = run.block(isWhole ? .segment(number) : .chunk(segment: number, index: 0), on: eventLoop, now: now) else {
            return self.known(number, track: track, run, on: eventLoop) ?? .now(.notFound)
        }
        let reply = blocked.flatMap { _ -> EventLoopFuture<HLSReply> in
            // It was promised as the continuation of what is before it; whoever asked for that cannot use anything else under its name.
            guard run.isContinuous(number) else { return eventLoop.makeSucceededFuture(.notFound) }
            switch self.known(number, track: track, run, on: eventLoop) {
            case nil: return eventLoop.makeSucceededFuture(.notFound)
            case .now(let reply): return eventLoop.makeSucceededFuture(reply)
            case .later(let reply): return reply
            }
        }
        return .later(reply)
    }

    /// nil: there is nothing of it yet.
    private func known(_ number: UInt64, track: Int, _ run: HLSRun, on eventLoop: any EventLoop) -> HLSAnswer? {
        if let body = run.segment(number) { return self.extract(track, from: body, on: eventLoop) }
        guard self.configuration.partDuration != nil, run.part(0, of: number) != nil else { return nil }
        return .now(.segment(.growing(GrowingSegment(run: run, number: number, track: track, pool: self.pool, clock: self.clock))))
    }

    private func extract(_ track: Int, from body: HLSBody, on eventLoop: any EventLoop) -> HLSAnswer {
        switch body {
        case .memory(let bytes):
            return .now(LiveHLS.extract(track, from: bytes))
        case .file(let path, _, let length):
            let reply = self.pool.runIfActive(eventLoop: eventLoop) { () -> HLSReply in
                guard let bytes = SessionDirectory.read(path, length: length) else { return .notFound }
                return LiveHLS.extract(track, from: bytes)
            }
            return .later(reply.recover { _ in .notFound })  // the pool is shut down: so is the server
        case .growing:
            return .now(.segment(body))
        }
    }

    private static func extract(_ track: Int, from bytes: ByteBuffer) -> HLSReply {
        do throws(TrackExtractor.Failure) {
            let own = try TrackExtractor.extract(track: track, from: bytes)
            return .segment(.memory(own))
        } catch {
            return .notFound
        }
    }
}
