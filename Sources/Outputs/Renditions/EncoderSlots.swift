public import Synchronization

/// How many renditions may be made at one time, of all broadcasts together.
public final class EncoderSlots: Sendable {
    private let limit: Int
    private let taken = Atomic<Int>(0)
    /// Pictures that were not encoded because the machine could not keep up, since the start.
    public let droppedFrames = Atomic<UInt64>(0)

    public init(limit: Int) { self.limit = limit }

    func take() -> Bool {
        guard self.taken.wrappingAdd(1, ordering: .relaxed).newValue > self.limit else { return true }
        self.give()
        return false
    }

    func give() { self.taken.wrappingSubtract(1, ordering: .relaxed) }

    /// For tests: how many are taken.
    var count: Int { self.taken.load(ordering: .relaxed) }
}
