import AV
import Media
import NIOCore
import Streams

/// Which pictures there are, which are being made, who waits for them, and which streams are due for another: a value behind `LivePictures`' lock.
struct PictureBoard: Sendable {
    struct Key: Hashable, Sendable {
        var id: String
        var format: PictureFormat
    }

    /// Which keyframe a picture is of.
    struct Origin: Equatable, Sendable {
        var generation: UInt64
        var time: MediaTime

        init(_ keyframe: StreamKeyframe) {
            self.generation = keyframe.generation
            self.time = keyframe.frame.decodeTime
        }

        var tag: String { "\(String(self.generation, radix: 36))-\(String(self.time.microseconds, radix: 36))" }
    }

    enum Failure: Error {
        /// The keyframe cannot be decoded.
        case impossible
        /// Too much is waiting.
        case full
    }

    enum Decision: Sendable {
        case reply(LivePictures.Reply)
        /// It is being made; the waiter was noted.
        case wait
        /// It is to be made; the waiter was noted.
        case make
    }

    private struct Picture: Sendable {
        var reply: LivePictures.Reply
        var bytes: Int
        var origin: Origin
        var madeAt: NIODeadline
    }

    private struct Schedule: Sendable {
        var due: NIODeadline
        var isBusy = false
        /// Of the file.
        var origin: Origin?
    }

    private let period: TimeAmount
    private let memory: Int
    private let mostWaiting: Int
    private var pictures: [Key: Picture] = [:]
    /// Present: it is being made.
    private var waiting: [Key: [PictureWaiter]] = [:]
    private var waiters = 0
    private var schedules: [String: Schedule] = [:]
    /// Of the pictures.
    private(set) var bytes = 0

    init(period: TimeAmount, memory: Int, mostWaiting: Int) {
        self.period = period
        self.memory = memory
        self.mostWaiting = mostWaiting
    }

    // MARK: Asking

    mutating func asked(_ key: Key, for origin: Origin, waiter: PictureWaiter, now: NIODeadline) -> Decision {
        if let picture = self.pictures[key] {
            // An older publisher's picture is not this one's.
            let isFresh = picture.origin.generation == origin.generation && now < picture.madeAt + self.period && picture.reply != .none
            if picture.origin == origin || isFresh { return .reply(picture.reply) }
        }
        guard self.waiters < self.mostWaiting else { return .reply(.unavailable) }
        self.waiters += 1
        let isBeingMade = self.waiting[key] != nil
        self.waiting[key, default: []].append(waiter)
        return isBeingMade ? .wait : .make
    }

    /// Whom to tell what.
    mutating func made(
        _ key: Key, of origin: Origin, _ result: Result<ByteBuffer, Failure>, now: NIODeadline
    ) -> (waiters: [PictureWaiter], reply: LivePictures.Reply) {
        let waiters = self.waiting.removeValue(forKey: key) ?? []
        self.waiters -= waiters.count
        let reply: LivePictures.Reply
        switch result {
        case .success(let bytes): reply = .picture(bytes, tag: "\"\(origin.tag)-\(key.format.rawValue)\"")
        case .failure(.impossible): reply = .none
        case .failure(.full): return (waiters, .unavailable)
        }
        self.remove(key)
        let size: Int
        if case .picture(let bytes, _) = reply { size = bytes.readableBytes } else { size = 64 }
        self.pictures[key] = Picture(reply: reply, bytes: size, origin: origin, madeAt: now)
        self.bytes += size
        while self.bytes > self.memory, let oldest = self.pictures.min(by: { $0.value.madeAt < $1.value.madeAt })?.key { self.remove(oldest) }
        return (waiters, reply)
    }

    private mutating func remove(_ key: Key) {
        if let picture = self.pictures.removeValue(forKey: key) { self.bytes -= picture.bytes }
    }

    // MARK: Files

    /// Due at once, unless it is scheduled already.
    mutating func schedule(_ id: String, now: NIODeadline) {
        if self.schedules[id] == nil { self.schedules[id] = Schedule(due: now) }
    }

    /// Forgets its pictures. Whether it was scheduled.
    mutating func ended(_ id: String) -> Bool {
        for format in PictureFormat.allCases { self.remove(Key(id: id, format: format)) }
        return self.schedules.removeValue(forKey: id) != nil
    }

    /// What is to be made now; `refreshed` follows for each.
    mutating func takeDue(now: NIODeadline) -> [String] {
        let due = self.schedules.filter { !$0.value.isBusy && $0.value.due <= now }.map(\.key)
        for id in due {
            self.schedules[id]?.isBusy = true
            self.schedules[id]?.due = now + self.period
        }
        return due
    }

    func isNew(_ origin: Origin, for id: String) -> Bool { self.schedules[id].map { $0.origin != origin } ?? false }

    /// `origin` is nil when nothing was made.
    mutating func refreshed(_ id: String, of origin: Origin?) {
        self.schedules[id]?.isBusy = false
        if let origin { self.schedules[id]?.origin = origin }
    }
}
