import Synchronization

/// Which renditions there are of each broadcast. Written by the ladders, read by whoever lists, records or pushes them.
public final class RenditionBoard: Sendable {
    private struct Entry {
        var renditions: [Rendition]
        /// Whose they are: a ladder that is ending must not take away those of the next.
        var owner: ObjectIdentifier
    }

    private let entries = Mutex<[String: Entry]>([:])

    public init() {}

    /// Tallest first; empty when there are none.
    public func renditions(of id: String) -> [Rendition] { self.entries.withLock { $0[id]?.renditions ?? [] } }

    /// The one of this height, or of the even one below it.
    public func rendition(of id: String, height: Int) -> Rendition? {
        let height = RenditionSetting.evenHeight(height)
        return self.renditions(of: id).first { $0.height == height }
    }

    /// All renditions that are being made.
    public var count: Int { self.entries.withLock { $0.values.reduce(0) { $0 + $1.renditions.count } } }

    func set(_ renditions: [Rendition], of id: String, by owner: AnyObject) {
        let owner = ObjectIdentifier(owner)
        self.entries.withLock { entries in
            guard renditions.isEmpty else {
                entries[id] = Entry(renditions: renditions.sorted { $0.height > $1.height }, owner: owner)
                return
            }
            if entries[id]?.owner == owner { entries[id] = nil }
        }
    }
}
