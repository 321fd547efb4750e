import Synchronization

/// Recordings that take so long to be made plain files that they are listed meanwhile, and how much of each is done.
final class FinishingBoard: Sendable {
    private let percents = Mutex<[String: Int]>([:])

    /// 0…100; nil: it is not among them.
    func percent(of id: String) -> Int? { self.percents.withLock { $0[id] } }

    /// - Parameter share: of the whole, 0…1.
    /// - Returns: whether it was not among them before.
    func set(_ id: String, share: Double) -> Bool {
        self.percents.withLock { $0.updateValue(Self.percent(share), forKey: id) == nil }
    }

    private static func percent(_ share: Double) -> Int { share.isFinite ? Int(min(1, max(0, share)) * 100) : 0 }

    /// What is not among them does not come in.
    func update(_ id: String, share: Double) {
        self.percents.withLock { if $0[id] != nil { $0[id] = Self.percent(share) } }
    }

    /// Whether it was among them.
    func remove(_ id: String) -> Bool { self.percents.withLock { $0.removeValue(forKey: id) != nil } }
}
