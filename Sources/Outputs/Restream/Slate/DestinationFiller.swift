import AV
import Media
import NIOCore
import Streams

/// What a destination is sent, seen from its driver: passes the stream through a `FeedSwitch`, and fetches what may stand in for it. Owned by
/// `DestinationDriver`, confined to its event loop.
final class DestinationFiller {
    private let fill: DestinationFill
    private let stream: Stream
    private let limits: StreamReader.Limits
    private var feed: FeedSwitch
    private var backup: (stream: Stream, reader: StreamReader)?
    private var form: (tracks: [Track], form: Result<SlateForm, SlateForm.Obstacle>)?
    private var loop: (form: SlateForm, loop: PictureLoop)?
    /// Why there is no slate, though one is set; in words for people.
    private(set) var problem: String?

    init(_ fill: DestinationFill, stream: Stream, limits: StreamReader.Limits, now: NIODeadline) {
        self.fill = fill
        self.stream = stream
        self.limits = limits
        self.feed = FeedSwitch(after: fill.after, limit: fill.limit, now: now)
    }

    var feeding: DestinationFeeding { self.feed.feeding }
    /// Of the stream, also when it is away.
    var tracks: [Track] { self.feed.tracks }

    /// When `look` is to be called, and `advance` while there is a connection.
    func deadline(now: NIODeadline) -> NIODeadline? { self.feed.deadline(now: now) }

    // MARK: What the driver is told

    func connectionBegan(now: NIODeadline) {
        self.leaveBackup()
        self.feed.connectionBegan(now: now)
    }

    func connectionEnded() { self.leaveBackup() }

    /// There is no connection.
    func passed(_ item: StreamItem, now: NIODeadline) { self.feed.passed(item, now: now) }

    func received(_ item: StreamItem, now: NIODeadline, into out: inout [StreamItem]) {
        self.feed.received(item, now: now, into: &out)
        if case .source = self.feed.feeding { self.leaveBackup() }
    }

    // MARK: What stands in

    /// Whether there is something to send while the stream is away. Has a slate made when there is none.
    func look(now: NIODeadline) -> Bool {
        if self.feed.wantsFill(now: now) { self.fill.wanted() }
        self.fetchSlate(now: now)
        return self.loop != nil || self.standIn() != nil
    }

    private func fetchSlate(now: NIODeadline) {
        guard let studio = self.fill.slate, !self.feed.tracks.isEmpty else { return }
        if self.form?.tracks != self.feed.tracks {
            self.form = (self.feed.tracks, self.newForm())
            self.loop = nil
            self.problem = nil
        }
        switch self.form?.form {
        case .success(let form):
            guard self.loop?.form != form else { return }
            switch studio.slate(form, now: now) {
            case .ready(let loop):
                self.loop = (form, loop)
                self.problem = nil
            case .underway: break
            case .failed(let reason): self.problem = reason
            }
        case .failure(let obstacle): self.problem = obstacle.description
        case nil: break
        }
    }

    private func newForm() -> Result<SlateForm, SlateForm.Obstacle> {
        guard let video = self.feed.tracks.first(where: { $0.kind == .video }) else { return .failure(.noPictures) }
        do throws(SlateForm.Obstacle) {
            return .success(try SlateForm(video, frameRate: self.stream.expectedFrameRate(of: video)))
        } catch {
            return .failure(error)
        }
    }

    private func standIn() -> Stream? {
        guard let backup = self.fill.backup(), backup !== self.stream, backup.isLive, self.feed.canStandIn(backup.tracks) else { return nil }
        return backup
    }

    /// What is to be sent by now instead of the stream.
    func advance(now: NIODeadline, into out: inout [StreamItem]) {
        if self.feed.wantsFill(now: now) {
            self.readBackup(now: now, into: &out)
        } else {
            self.leaveBackup()
        }
        self.feed.advance(now: now, loop: self.loop?.loop, into: &out)
    }

    private func readBackup(now: NIODeadline, into out: inout [StreamItem]) {
        let wanted = self.fill.backup()
        if let backup = self.backup, backup.stream !== wanted { self.leaveBackup() }
        if self.backup == nil, let stream = self.standIn() {
            // Looked at in the destination's own time; nobody need be woken for it.
            self.backup = (stream, stream.attach(limits: self.limits, from: .latestGroup, wake: {}))
        }
        while let item = self.backup?.reader.next() { self.feed.backup(item, now: now, into: &out) }
    }

    private func leaveBackup() {
        guard let backup = self.backup else { return }
        self.backup = nil
        backup.reader.detach()
        self.feed.backupLeft()
    }
}
