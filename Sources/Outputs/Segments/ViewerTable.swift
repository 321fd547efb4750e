import NIOCore

/// Who watches one broadcast. A viewer is a session: its cookie where it has one, else its address, user agent and token.
///
/// A first request has no cookie yet and counts under its address; `issued` remembers which cookie went out with the answer, so that the viewer is
/// renamed, not counted twice, when it comes back with it.
struct ViewerTable: Sendable {
    struct Key: Hashable, Sendable {
        fileprivate let value: UInt64

        static func cookie(_ value: String) -> Key {
            var hasher = Hasher()
            hasher.combine(UInt8(ascii: "c"))
            hasher.combine(value)
            return Key(hasher)
        }

        static func client(address: String, userAgent: String, token: String) -> Key {
            var hasher = Hasher()
            hasher.combine(UInt8(ascii: "a"))
            hasher.combine(address)
            hasher.combine(userAgent)
            hasher.combine(token)
            return Key(hasher)
        }

        /// Keyed per process by the standard library, so nobody outside can make collisions.
        private init(_ hasher: Hasher) { self.value = UInt64(bitPattern: Int64(hasher.finalize())) }
    }

    /// Who asks. Made before any lock is taken.
    struct Visit: Sendable {
        /// Of the cookie that the request brought.
        let cookie: Key?
        let client: Key
        /// Of the cookie that its answer will set.
        let issuing: Key?

        init(cookie: String?, address: String, userAgent: String, token: String, issuing: String? = nil) {
            self.cookie = cookie.map { Key.cookie($0) }
            self.client = Key.client(address: address, userAgent: userAgent, token: token)
            self.issuing = issuing.map { Key.cookie($0) }
        }
    }

    enum Admission: Equatable {
        case admitted
        case limitReached
    }

    private struct Entry {
        var lastSeen: NIODeadline
        var issued: Key?
    }

    /// Silence after which a viewer has gone.
    private let patience: TimeAmount
    /// Entries; newcomers beyond it are served but not counted.
    private let capacity: Int
    private var entries: [Key: Entry] = [:]
    /// When a full table was last searched for who has gone; a flood of newcomers must not search it each time.
    private var lastSearch: NIODeadline?

    init(patience: TimeAmount, capacity: Int = 100_000) {
        self.patience = patience
        self.capacity = capacity
    }

    /// A negative `limit` is none.
    mutating func seen(_ visit: Visit, limit: Int, now: NIODeadline) -> Admission {
        let key = visit.cookie ?? visit.client
        if let cookie = visit.cookie, self.entries[cookie] == nil, let entry = self.entries[visit.client], entry.issued == cookie {
            self.entries[visit.client] = nil
            self.entries[cookie] = Entry(lastSeen: now)
            return .admitted
        }
        if self.entries[key] != nil {
            self.entries[key]?.lastSeen = now
            if let issuing = visit.issuing { self.entries[key]?.issued = issuing }
            return .admitted
        }
        if self.entries.count >= min(limit < 0 ? .max : limit, self.capacity), self.lastSearch.map({ now - $0 >= .seconds(1) }) ?? true {
            self.lastSearch = now
            self.dropSilent(now: now)
        }
        guard limit < 0 || self.entries.count < limit else { return .limitReached }
        if self.entries.count < self.capacity { self.entries[key] = Entry(lastSeen: now, issued: visit.issuing) }
        return .admitted
    }

    mutating func count(now: NIODeadline) -> Int {
        self.dropSilent(now: now)
        return self.entries.count
    }

    mutating func removeAll() {
        self.entries = [:]
    }

    private mutating func dropSilent(now: NIODeadline) {
        guard self.entries.contains(where: { now - $0.value.lastSeen > self.patience }) else { return }
        self.entries = self.entries.filter { now - $0.value.lastSeen <= self.patience }
    }
}
