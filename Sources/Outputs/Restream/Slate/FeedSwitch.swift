import AV
import Media
import NIOCore
import Streams

/// Decides what a destination is sent: its stream, or what stands in for it while the stream is away; and makes one stream of it. Owned by
/// `DestinationFiller`; a value without I/O, time is an argument.
///
/// ```
/// source ─► held ─► slate ◄─► backup ─► source
/// ```
/// *held*: nothing is sent, for the stream has ended or has given nothing for `after`, and nothing can stand in, or has for `limit`. From *slate* and
/// *backup* it goes back to the source at the source's next keyframe, and until then they go on; sound without any pictures is waited out for a while
/// only. Every change to other pictures sends the tracks first and begins at a keyframe; times go on right behind what was sent.
struct FeedSwitch {
    private enum Feed {
        case source
        case held
        case slate(SlatePlayer)
        case backup
    }

    /// How often what stands in is looked at.
    static let step = TimeAmount.milliseconds(200)
    /// Silence begins where sound ended, unless that is longer ago.
    private static let longestGap = MediaTime(milliseconds: 1_000)
    /// So much of the source's sound without a single picture means that its pictures do not come back, as it does to transports.
    private static let patience = MediaTime(milliseconds: 3_000)

    private let after: TimeAmount
    private let limit: TimeAmount
    private var feed = Feed.held
    private var splice = FeedSplice()
    private var sourceTracks: [Track] = []
    private var backupTracks: [Track] = []
    /// Something else was sent: the source goes on at a keyframe.
    private var needsEntry = false
    private var sourceHeard: NIODeadline?
    /// From then on `limit` counts: when the stream was heard last, or was heard to have ended.
    private var quietSince: NIODeadline?
    private var hasEnded = false
    /// Of the source since its last picture, while its entry is waited for.
    private var firstSound: MediaTime?
    private var backupHeard: NIODeadline?
    /// From then on there is something to catch up with.
    private var connectedAt: NIODeadline
    private var silence: SilentTrack?
    private var prefix = ParameterSetPrefix()

    /// - Parameters:
    ///   - after: without a frame of the stream, something else may be sent.
    ///   - limit: for so long at most, counted from the stream's end, or from its last frame while it is connected.
    init(after: TimeAmount, limit: TimeAmount, now: NIODeadline) {
        self.after = after
        self.limit = limit
        self.connectedAt = now
    }

    // MARK: What it is now

    var feeding: DestinationFeeding {
        switch self.feed {
        case .source: .source
        case .held: .held
        case .slate: .slate
        case .backup: .backup
        }
    }

    /// The tracks of the stream as last known; empty until it was live.
    var tracks: [Track] { self.sourceTracks }

    /// The stream has given nothing for so long that something else may be sent, or must be until it is back at a keyframe.
    func wantsFill(now: NIODeadline) -> Bool { (self.needsEntry || self.isSilent(now: now)) && !self.isOver(now: now) }

    /// Something has stood in for as long as it may.
    private func isOver(now: NIODeadline) -> Bool { self.quietSince.map { now >= $0 + self.limit } ?? false }

    private func isSilent(now: NIODeadline) -> Bool { self.sourceHeard.map { now >= $0 + self.after } ?? false }

    /// When `advance` is to be called.
    func deadline(now: NIODeadline) -> NIODeadline? {
        guard let heard = self.sourceHeard, !self.isOver(now: now) else { return nil }
        return self.wantsFill(now: now) ? now + Self.step : heard + self.after
    }

    // MARK: The connection

    /// What was sent to another connection is nothing to this one.
    mutating func connectionBegan(now: NIODeadline) {
        self.feed = .held
        self.splice = FeedSplice()
        self.needsEntry = false
        self.firstSound = nil
        self.connectedAt = now
        self.silence = nil
        self.prefix = ParameterSetPrefix()
    }

    // MARK: The stream

    /// Something of the stream that is not sent, because there is no connection.
    mutating func passed(_ item: StreamItem, now: NIODeadline) {
        switch item {
        case .tracks(let tracks): self.sourceTracks = tracks
        case .frame, .ended, .discontinuity: break
        }
        self.heard(item, now: now)
    }

    private mutating func heard(_ item: StreamItem, now: NIODeadline) {
        switch item {
        case .tracks, .frame:
            self.sourceHeard = now
            self.quietSince = now
            self.hasEnded = false
        case .ended where !self.hasEnded:
            // Once: publishers that come and go without a frame do not make it longer.
            self.hasEnded = true
            self.quietSince = now
        case .ended, .discontinuity: break
        }
    }

    /// Appends what of it is to be sent.
    mutating func received(_ item: StreamItem, now: NIODeadline, into out: inout [StreamItem]) {
        self.passed(item, now: now)
        switch item {
        case .tracks, .discontinuity:
            self.firstSound = nil
            guard !self.needsEntry else { return }
            if case .tracks = item { self.feed = .source }
            out.append(item)
        case .ended:
            if case .source = self.feed { self.feed = .held }
            if !self.needsEntry { out.append(item) }
        case .frame(let frame):
            guard self.isCarried(frame, of: self.sourceTracks) else { return }
            if self.needsEntry {
                let isWithoutPictures = self.isWithoutPictures(frame)
                guard isWithoutPictures || self.isEntry(frame, of: self.sourceTracks) else { return }
                self.begin(self.sourceTracks, adding: nil, into: &out)
                // Pictures that come later begin at a keyframe all the same.
                if isWithoutPictures { out.append(.discontinuity) }
                self.needsEntry = false
                self.firstSound = nil
            }
            self.feed = .source
            if let placed = self.splice.place(frame) { out.append(.frame(self.prefix.pass(placed))) }
        }
    }

    /// What peers are sent: the first video and the first audio track.
    private func isCarried(_ frame: EncodedFrame, of tracks: [Track]) -> Bool {
        tracks.first { $0.kind == frame.kind }?.id == frame.track
    }

    private func isEntry(_ frame: EncodedFrame, of tracks: [Track]) -> Bool {
        frame.isKeyframe && (frame.kind == .video || !tracks.contains { $0.kind == .video })
    }

    private mutating func isWithoutPictures(_ frame: EncodedFrame) -> Bool {
        guard frame.kind == .audio else {
            self.firstSound = nil
            return false
        }
        let first = self.firstSound ?? frame.decodeTime
        self.firstSound = first
        return frame.decodeTime - first >= Self.patience
    }

    // MARK: The backup

    /// Whether `tracks` can stand in for the stream's: pictures and sound in the codecs that the peer was told of.
    func canStandIn(_ tracks: [Track]) -> Bool {
        guard !self.sourceTracks.isEmpty, !tracks.isEmpty else { return false }
        func codec(_ kind: MediaKind, _ tracks: [Track]) -> Codec? { tracks.first { $0.kind == kind }?.codec }
        guard codec(.video, tracks) == codec(.video, self.sourceTracks) else { return false }
        // Without sound it gets silence; sound that the stream does not have is left out.
        guard let sound = codec(.audio, tracks), let own = codec(.audio, self.sourceTracks) else { return true }
        return sound == own
    }

    /// Something of the stream that may stand in; appends what of it is to be sent.
    mutating func backup(_ item: StreamItem, now: NIODeadline, into out: inout [StreamItem]) {
        switch item {
        case .tracks(let tracks):
            self.backupTracks = tracks
            if case .backup = self.feed { self.changeBackup(into: &out) }
        case .discontinuity:
            if case .backup = self.feed { out.append(item) }
        case .ended:
            self.backupTracks = []
            if case .backup = self.feed { self.feed = .held }
        case .frame(let frame):
            guard self.isCarried(frame, of: self.backupTracks), self.canStandIn(self.backupTracks) else { return }
            self.take(backup: frame, now: now, into: &out)
        }
    }

    /// Nothing more comes of it.
    mutating func backupLeft() {
        self.backupTracks = []
        if case .backup = self.feed { self.feed = .held }
    }

    private mutating func changeBackup(into out: inout [StreamItem]) {
        guard self.canStandIn(self.backupTracks) else {
            self.feed = .held
            return
        }
        // Its sound may have come, or gone.
        self.settleSilence(self.backupTracks, for: self.sourceTracks.first { $0.kind == .audio }, into: &out)
        self.announce(self.backupTracks, into: &out)
    }

    private mutating func take(backup frame: EncodedFrame, now: NIODeadline, into out: inout [StreamItem]) {
        if self.feeding != .backup {
            guard self.wantsFill(now: now), self.isEntry(frame, of: self.backupTracks) else { return }
            self.begin(self.backupTracks, adding: self.sourceTracks.first { $0.kind == .audio }, into: &out)
            self.needsEntry = true
            self.feed = .backup
        }
        self.backupHeard = now
        if frame.kind == .audio, !self.sourceTracks.contains(where: { $0.kind == .audio }) { return }
        guard let placed = self.splice.place(frame) else { return }
        self.fillSilence(upTo: placed.decodeTime, into: &out)
        out.append(.frame(self.prefix.pass(placed)))
    }

    // MARK: The slate

    /// To be called at `deadline`, after what the backup has was given. Appends what is to be sent by now.
    /// - Parameter loop: the slate in the stream's form, if there is one.
    mutating func advance(now: NIODeadline, loop: PictureLoop?, into out: inout [StreamItem]) {
        if case .backup = self.feed, let heard = self.backupHeard, now - heard >= self.after { self.feed = .held }
        if case .source = self.feed, self.isSilent(now: now) { self.feed = .held }
        if self.isOver(now: now) { self.feed = .held }
        if case .held = self.feed, self.wantsFill(now: now) { self.beginSlate(loop, now: now, into: &out) }
        guard case .slate(var player) = self.feed else { return }
        while let frame = player.next(now: now) {
            self.fillSilence(upTo: frame.decodeTime, into: &out)
            if let placed = self.splice.note(frame) { out.append(.frame(self.prefix.pass(placed))) }
        }
        self.feed = .slate(player)
    }

    private mutating func beginSlate(_ loop: PictureLoop?, now: NIODeadline, into out: inout [StreamItem]) {
        guard let loop, let video = self.sourceTracks.first(where: { $0.kind == .video }) else { return }
        var track = loop.track
        track.id = video.id
        let sound = self.sourceTracks.first { $0.kind == .audio }
        self.begin([track], adding: sound, into: &out)
        // What this connection has missed since the last frame is made up for.
        let since = [self.sourceHeard, self.backupHeard].compactMap { $0 }.reduce(self.connectedAt) { max($0, $1) }
        self.feed = .slate(SlatePlayer(loop, as: video.id, at: self.splice.next, startedAt: min(since, now)))
        self.needsEntry = true
    }

    // MARK: Joining

    /// Another feed begins with the next frame. `sound` is what the peer was told of and `tracks` may not have: it becomes silence.
    private mutating func begin(_ tracks: [Track], adding sound: Track?, into out: inout [StreamItem]) {
        self.settleSilence(tracks, for: sound, into: &out)
        self.splice.cut()
        self.announce(tracks, into: &out)
    }

    private mutating func settleSilence(_ tracks: [Track], for sound: Track?, into out: inout [StreamItem]) {
        self.fillSilence(upTo: self.splice.next, into: &out)
        self.silence = nil
        guard let sound, !tracks.contains(where: { $0.kind == .audio }) else { return }
        var silence = SilentTrack(for: sound)
        let next = self.splice.next
        let end = self.splice.newestSound.map { $0 + silence.packetDuration } ?? next
        silence.begin(at: next - end > Self.longestGap ? next : end)
        self.silence = silence
    }

    /// Of what the peer was not told, nothing is said.
    private mutating func announce(_ tracks: [Track], into out: inout [StreamItem]) {
        let hasSound = self.sourceTracks.contains { $0.kind == .audio }
        var told = hasSound ? tracks : tracks.filter { $0.kind != .audio }
        if let silence = self.silence, !told.contains(where: { $0.kind == .audio }) { told.append(silence.track) }
        self.prefix.begin(told.first { $0.kind == .video })
        out.append(.tracks(told))
    }

    private mutating func fillSilence(upTo time: MediaTime, into out: inout [StreamItem]) {
        while let frame = self.silence?.next(upTo: time) {
            if let placed = self.splice.note(frame) { out.append(.frame(placed)) }
        }
    }
}
